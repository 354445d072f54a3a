"""What the hooks of a signal take and answer with: names, cards, conditions, inspections, writers of files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from ganforge.core.media import Media
from ganforge.core.types import Spec

Nearest = Callable[[tuple[int, ...]], tuple[int, ...]]
"""From a wanted sample shape to the nearest one that the nets can make."""


Writer = Callable[[Any, Path, int, Spec], list[Path]]
"""Writes decoded samples as separate files to a folder, numbered from a start, as `Signal.write` does."""
Appender = Callable[[Path, Spec], AbstractContextManager[Callable[[Any], None]]]
"""Opens a file and returns what adds decoded samples to it, part by part."""
Exporter = Callable[[Any, Path, Spec], None]
"""Writes decoded samples to a file, whatever the file's name is."""


def save_array(samples: Any, path: Path, spec: Spec) -> None:
    """The exporter of `.npy`: decoded samples [N, ...] as one array."""
    with path.open("wb") as file:
        np.save(file, samples, allow_pickle=False)


Rule = Callable[[Any], Iterator[Any]]
"""From all that a report knows (`Evidence`) to what it points to (`Finding`)."""


class Noun(NamedTuple):
    """What samples are called."""

    one: str
    many: str
    all: str = "a set of samples"


@dataclass(frozen=True)
class Gallery:
    """How many samples a report shows, and how they are laid out.

    Attributes:
        most: samples of each side.
        columns: samples a row.
        together: whether one drawing holds all of them, so that neither rows nor single samples can be told apart.
        walks: whether ways from one latent to another are shown.
    """

    most: int = 80
    columns: int = 10
    together: bool = False
    walks: bool = False


class Usage(NamedTuple):
    """Lines that use a model file, for its card; Python has `import ganforge as gf` above it."""

    python: str
    shell: str


class Setting(NamedTuple):
    """What can be set of a `FileUse`: a whole number, or one of some choices.

    Attributes:
        name, option: its argument in Python, and its option on the command line.
        title, help: what a form calls it, and what it does.
        usual: its value where nobody sets it. least, most: the range of a number.
        choices: the values that it can have; empty of a number.
    """

    name: str
    option: str
    title: str
    help: str
    usual: int | str
    least: int = 0
    most: int = 2**53 - 1
    choices: tuple[str, ...] = ()


class FileResult(NamedTuple):
    """What a model made of a given file.

    Attributes:
        file: the result as a file.
        says: sentences about it, as phrases.
        media: what shows it.
        rows: the header and the first rows of a table, as texts; empty without one.
        made: of each shown row, the places of the cells that are the model's.
    """

    file: Path
    says: tuple[str, ...] = ()
    media: Sequence[Media] = ()
    rows: Sequence[Sequence[str]] = ()
    made: Sequence[Sequence[int]] = ()


class FileUse(NamedTuple):
    """What a trained model makes of a given file, where that is no translation: its forecast, its missing values.

    Attributes:
        title, text: what is done, and which files are taken, as phrases.
        reads: extensions of these files.
        verb: the command that does the same, with `--data` and `--out`. example, result, chart: names of files for it;
            chart may be empty.
        python: lines that do the same, in which {model!r}, {file!r} and {more} (further arguments) are filled in.
        settings: what can be set.
        use: from a file, a folder for what is made, and a value of each setting; raises UserError if the file cannot be
            used.
    """

    title: str
    text: str
    reads: tuple[str, ...]
    verb: str
    example: str
    result: str
    python: str
    use: Callable[[Path, Path, Mapping[str, Any]], FileResult]
    settings: tuple[Setting, ...] = ()
    chart: str = ""


Steps = list[tuple[str, str]]
"""What to do next: a few words, and the command."""


@dataclass(frozen=True)
class Card:
    """What the card of a model says of its samples, in Markdown.

    Attributes:
        samples: what they are, in the plural.
        contents: what they hold, as sentences that follow the name of the data. May be empty.
        missing: the metrics that show that parts of the data are missing among the model's samples.
        copied: those that show how near samples come to those of the training.
    """

    samples: str
    contents: tuple[str, ...] = ()
    missing: tuple[str, ...] = ("recall", "coverage")
    copied: tuple[str, ...] = ("copies",)


@dataclass(frozen=True)
class Condition:
    """What samples are asked for.

    Attributes:
        text: as it was asked.
        holds: which of some decoded samples meet it, bool [N].
        extra: what makes such samples likelier: of one sample, by name, what goes into `Request.extra`. May be empty.
    """

    text: str
    holds: Callable[[Any], np.ndarray]
    extra: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Inspection:
    """What `ganforge data inspect` says of a data set.

    Attributes:
        facts: all of it, as JSON can hold it.
        shown: → what a terminal shows, from top to bottom: texts, and tables of rich.
        hints: what one would want to know or to set before training, most important first; shown below.
    """

    facts: dict[str, Any]
    shown: Callable[[], Sequence[Any]]
    hints: tuple[str, ...] = ()
