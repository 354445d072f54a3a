"""The raw items that a run is trained on: the data set, the order of its items, and unreadable items."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ganforge.core.conditions import Conditions
from ganforge.core.names import readable


class Dataset:
    """Raw items in a fixed order. Opened by a `DataSource`, read by a `Signal`.

    Attributes:
        name: the user's name for it, for messages.
        signal: the kind of signal of its items, set by the source; empty if unknown.
        labels: int64 [len], or None.
        classes: names of the classes, in the order of the labels; empty without labels.
        skipped: (item, reason) of unusable items.
        digest: a hash of the content if it is cheap to compute, else empty.
        source: for pairs, the data set of the inputs: its item k (a sketch, a label map) is the source of item k of
            this one.
        colored: the classes whose items are label maps that `read` returns in colors.
        no_labels: why folders are not used as labels; empty if they are, or if there are no folders.
        domains: whether the labels are two domains to translate between, not classes.
        understood: how the data was interpreted and what was left out, as sentences without a period.
        left_out: whether something was left out that may be intended as a sample.
        conditions: named conditions of its items, in place of labels; empty if there are none.
        blocks: which of several large files each item lies in, int64 [len]; a run reads a few of them at a time. None:
            the items are shuffled as a whole.
        vectors: their values, float32 [len, conditions.width]; None without conditions.
        groups: what each item shares its origin with, such as its speaker: names, str [len]. Who has learned from some
            items of a group knows the others in part, so tests of what was learned keep whole groups back. None: no
            groups are known.
        labeled: the items that keep their label, int64, in order, where only some do (`data.labels_per_class`).
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
    conditions: Conditions = Conditions()
    vectors: np.ndarray | None = None
    groups: np.ndarray | None = None
    labeled: np.ndarray | None = None
    blocks: np.ndarray | None = None

    def __len__(self) -> int:
        raise NotImplementedError

    @property
    def in_memory_array(self) -> np.ndarray | None:
        """All items as one array [len, ...], possibly memory-mapped, if they are stored like that; else None."""
        return None

    def read(self, index: int) -> np.ndarray:
        """Item `index`: for images uint8 or uint16 [H, W, C]; raises `BadItem` if it cannot be read."""
        raise NotImplementedError

    def encoded(self, index: int) -> bytes | None:
        """The file that item `index` is read of, as it is; None where it has no file of its own."""
        return None

    def shapes(self) -> dict[tuple[tuple[int, ...], str], int]:
        """Number of items of each (shape, dtype), such as ((H, W, C), "uint8"). Cheap: reads only headers."""
        raise NotImplementedError

    def each_shape(self) -> list[tuple[int, ...] | None]:
        """The shape of each item, in order; None for an unreadable item."""
        shapes = list(self.shapes())
        if len(shapes) == 1:
            return [shapes[0][0]] * len(self)
        return [self._shape(k) for k in range(len(self))]

    def _shape(self, index: int) -> tuple[int, ...] | None:
        try:
            return self.read(index).shape
        except BadItem:
            return None

    def known_from(self, whole: Dataset, places: np.ndarray) -> None:
        """Takes classes, labels, groups and conditions from a data set of whole items, of which its items are parts.

        Args:
            places: the whole item of each, int64 [len].
        """
        self.classes, self.labels = whole.classes, None if whole.labels is None else whole.labels[places]
        self.groups = None if whole.groups is None else whole.groups[places]
        self.conditions, self.vectors = whole.conditions, None if whole.vectors is None else whole.vectors[places]

    def record(self, index: int) -> Mapping[str, Any]:
        """What the file of item `index` says of it beside the sample itself, as numbers and texts by name, such as the
        date of a photo; empty if it says nothing."""
        return {}

    def rows_in(self, whole: Dataset) -> np.ndarray | None:
        """The indices of these items, int64 [len], in a data set that contains all of them; None if it does not."""
        return np.arange(len(self)) if self is whole else None

    def reading(self) -> list[Reading]:
        """How this data set, and those that it consists of, were interpreted: one line each, if there is anything to
        report."""
        if not self.understood:
            return []
        return [Reading(f"data {self.name}: {len(self):,} items; {'; '.join(self.understood)}", self.left_out)]

    def identity(self) -> str:
        """A hash of the names, the sizes and some of the content of its files; empty for data without files."""
        return ""

    def describe(self, index: int) -> str:
        """The origin of item `index`, such as a file name, for messages."""
        return f"{self.name}[{index}]"


class Reading(NamedTuple):
    """A line about how a data set was read; `left_out`: whether something was left out that may be intended as a
    sample."""

    text: str
    left_out: bool


class Order:
    """Which items of a data set the batches of a run contain. A pure function of its arguments, so a resume is
    exact."""

    def rows(self, seed: int, start: int, count: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """The batch of `count` samples that starts at sample `start` of a run.

        Returns:
            The indices of the items, int64 [M] (M is `count`, unless the order draws a random number), and additional
            arrays [M, ...] for `Batch.extra`, by name.
        """
        raise NotImplementedError


class BadItem(Exception):
    """An item of a data set cannot be read: (where, why)."""

    def __init__(self, where: str, why: str):
        self.where, self.why = readable(where), why
        super().__init__(f"{self.where}: {why}")
