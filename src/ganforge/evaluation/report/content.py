"""The content of a report, independent of its layout and its language: text, numbers, media."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ganforge.core.media import Media
from ganforge.core.plot.charts import Chart

Level = Literal["bad", "warn", "note", "good"]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, doubtful or worth knowing, in plain words.

    Attributes:
        level: bad (do not use the model like this), warn (check it), note (how to read the scores), good.
        title: a few words.
        why: the scores that show it.
        advice: what to try; may be empty.
    """

    level: Level
    title: str
    why: str
    advice: str = ""


@dataclass(frozen=True)
class Panel:
    """Something to see or to hear, with what it shows.

    Attributes:
        media: images, sounds, films, texts, in their order.
        rows: names of the rows of an image that has a few of them, from the top; shown next to it.
        columns: names of its columns, from the left, as source, made, real; shown above it.
        half: whether it may stand next to another one.
    """

    title: str
    caption: str
    media: Sequence[Media]
    rows: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    half: bool = False


@dataclass(frozen=True)
class Bars:
    """One value a class (or a column)."""

    title: str
    caption: str
    values: Mapping[str, float]


@dataclass(frozen=True)
class Report:
    """The whole of it.

    Attributes:
        title: of the page.
        lead: one sentence: what was compared with what.
        facts: short facts by their names, for the head of the page.
        results: as `Result.to_plain` gives them.
        plots: what metrics drew, each {title, drawing}, {title, svg} or {title, png in base64}; {under} names the part
            of the page that it belongs to.
        command: how to reproduce the scores.
    """

    title: str
    lead: str
    facts: Mapping[str, str]
    results: Sequence[Mapping[str, Any]]
    findings: Sequence[Finding] = ()
    panels: Sequence[Panel] = ()
    charts: Sequence[Chart] = ()
    bars: Sequence[Bars] = ()
    plots: Sequence[Mapping[str, Any]] = ()
    command: str = ""
