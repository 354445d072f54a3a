"""The raw items that a run is trained on: the set itself, the order of its items, and items that cannot be read."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Dataset:
    """Raw items in an order that does not change between runs. What a `DataSource` opens; what a `Signal` reads.

    Attributes:
        name: what the user called it, for messages.
        signal: the kind of signal that its items are for; set by what opens it, empty where that does not know.
        labels: int64 [len], or None.
        classes: names of the labels, in their order; empty without labels.
        skipped: (item, why) of what was found but cannot be used.
        digest: a hash of the content where that is cheap to have, else empty.
        source: a set whose item k is what item k of this one is to be made from (a sketch, a label map), or None.
        colored: the classes whose items are label maps that `read` gives in colors.
        no_labels: why there are no labels although its folders could be some; else empty.
        domains: whether the labels are two domains to translate between, not classes.
        understood: how the data was read and what was left out, as sentences without a full stop.
        left_out: whether something is left out that may be meant as a sample.
    """

    name: str = ""
    signal: str = ""
    labels: np.ndarray | None = None
    classes: tuple[str, ...] = ()
    skipped: list[tuple[str, str]]
    digest: str = ""
    source: Dataset | None = None
    colored: tuple[str, ...] = ()
    no_labels: str = ""
    domains: bool = False
    understood: tuple[str, ...] = ()
    left_out: bool = False

    def __len__(self) -> int:
        raise NotImplementedError

    @property
    def in_memory_array(self) -> np.ndarray | None:
        """All items, [len, ...], where they lie in one array (which may be mapped from a file), ready to use; else
        None."""
        return None

    def read(self, index: int) -> np.ndarray:
        """Item `index`: for images uint8 or uint16 [H, W, C]; raises `BadItem` when it cannot be read."""
        raise NotImplementedError

    def encoded(self, index: int) -> bytes | None:
        """The file that item `index` is read of, as it is; None where it has no file of its own."""
        return None

    def shapes(self) -> dict[tuple[tuple[int, ...], str], int]:
        """How many items there are of each (shape, dtype): images as ((H, W, C), "uint8"). Cheap: headers only."""
        raise NotImplementedError

    def each_shape(self) -> list[tuple[int, ...] | None]:
        """The shape of each item, in their order; None where it cannot be read."""
        shapes = list(self.shapes())
        if len(shapes) == 1:
            return [shapes[0][0]] * len(self)
        return [self._shape(k) for k in range(len(self))]

    def _shape(self, index: int) -> tuple[int, ...] | None:
        try:
            return self.read(index).shape
        except BadItem:
            return None

    def rows_in(self, whole: Dataset) -> np.ndarray | None:
        """The places of these items, int64 [len], in a set that they are all of or a part of; None where they are
        not."""
        return np.arange(len(self)) if self is whole else None

    def reading(self) -> list[Reading]:
        """What was understood of this set, and of the sets that it is made of: a line for each, none where there is
        nothing to say."""
        if not self.understood:
            return []
        return [Reading(f"data {self.name}: {len(self):,} items; {'; '.join(self.understood)}", self.left_out)]

    def identity(self) -> str:
        """A hash of the names and sizes of its files and of some of their content; empty for data without files."""
        return ""

    def describe(self, index: int) -> str:
        """Where item `index` comes from: a file's name, for messages."""
        return f"{self.name}[{index}]"


class Reading(NamedTuple):
    """A line on how a set was read; `left_out`: whether something is left out that may be meant as a sample."""

    text: str
    left_out: bool


class Order:
    """Which items of a data set the batches of a run hold: a function of its arguments alone, so a resume is exact."""

    def rows(self, seed: int, start: int, count: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """The batch of `count` samples that begins at sample `start` of a run.

        Returns:
            The items, int64 [M] (M is `count`, unless the order itself draws how many), and what goes with each into
            `Batch.extra`, by name, [M, ...].
        """
        raise NotImplementedError


class BadItem(Exception):
    """An item of a data set that cannot be read: (where, why)."""

    def __init__(self, where: str, why: str):
        super().__init__(f"{where}: {why}")
        self.where, self.why = where, why
