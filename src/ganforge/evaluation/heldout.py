"""The part of the data that no run is trained on: what unseen samples are."""

from __future__ import annotations

import numpy as np

from ganforge.core.dataset import BadItem, Dataset
from ganforge.core.errors import UserError
from ganforge.data.base import DataSource
from ganforge.engine.build import fingerprint
from ganforge.signals import Signal

COMPARED_ITEMS = 16
"""Items that are compared to tell whether two sets with the same fingerprint are the same."""


def held_out(source: DataSource, signal: Signal, dataset: Dataset) -> tuple[DataSource | None, Dataset | None, str]:
    """The test part of the data that a run was trained on, as its source and as the signal counts its items.

    Args:
        dataset: what `source` opens.

    Returns:
        The source, the set and "", or else None, None, and why the part cannot be opened ("" where it has none).
    """
    other = source.part("test") if source.part_name == "train" else None
    if other is None:
        return None, None, ""
    try:
        kept = signal.items(other.open())
    except UserError as error:
        return None, None, str(error)
    if same(kept, dataset):  # a file that has one part only is read whatever part is asked for
        return None, None, ""
    return other, kept, ""


def same(one: Dataset, other: Dataset) -> bool:
    """Whether two sets hold the same items: by a digest of the content or, where there is none, by some items."""
    if fingerprint(one) != fingerprint(other):
        return False
    if one.digest:
        return True
    rows = np.unique(np.linspace(0, len(one) - 1, COMPARED_ITEMS).round().astype(int)).tolist()
    return all(equal(one, other, row) for row in rows)


def equal(one: Dataset, other: Dataset, row: int) -> bool:
    """Whether an item is the same in both sets; one that cannot be read says nothing."""
    try:
        return alike(one.read(row), other.read(row))
    except BadItem:
        return True


def alike(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two items are equal; those of several parts, which come as arrays of objects, part by part."""
    if one.dtype != object or other.dtype != object:
        return np.array_equal(one, other)
    pairs = zip(one.flat, other.flat, strict=False)
    return one.shape == other.shape and all(alike(np.asarray(a), np.asarray(b)) for a, b in pairs)
