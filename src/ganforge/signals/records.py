"""What the hooks of a signal take and answer with: names, cards, conditions, inspections, writers of files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

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


class Completion(NamedTuple):
    """A file of rows whose missing cells were filled in.

    Attributes:
        rows, filled: how many rows, and how many cells were filled in.
        alone: rows that are far from all others that the model makes, completed from their nearest match.
        unseen: column → rows with a value that training never saw, which informs nothing.
        shown: the header and the first rows, as texts.
        made: of each shown row, the places of its cells that were filled in.
    """

    rows: int
    filled: int
    alone: int
    unseen: Mapping[str, int]
    shown: list[list[str]]
    made: list[list[int]]


class Completer(NamedTuple):
    """Fills in what rows lack, with a trained model.

    Attributes:
        reads: extensions of the files that it takes; the result has the same.
        complete: from a file, a path for the result and a seed; raises UserError if the file cannot be completed.
    """

    reads: tuple[str, ...]
    complete: Callable[[Path, Path, int], Completion]


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
