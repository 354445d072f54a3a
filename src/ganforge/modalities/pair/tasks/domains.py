"""Shared code of the tasks that train on two unpaired sets of images."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from ganforge.core.dataset import Dataset, Order
from ganforge.core.errors import UserError
from ganforge.core.passes import indices
from ganforge.core.rng import seed_of
from ganforge.core.types import Batch, Spec
from ganforge.tasks.base import Samples


class TwoSets(Order):
    """An image of a and one of b in turn, `count` of each. Both sets go round on their own, shuffled at each pass.

    They take turns so that a batch that is split into equal parts has both in each.

    Args:
        labels: of the items, int64 [len]: 0 for a, 1 for b.
    """

    def __init__(self, labels: np.ndarray):
        self.sides = [np.flatnonzero(labels == side) for side in (0, 1)]

    def rows(self, seed: int, start: int, count: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        drawn = [
            items[indices(len(items), seed_of(seed, "set", side), start, count)]
            for side, items in enumerate(self.sides)
        ]
        return np.stack(drawn, 1).reshape(-1), {}


class OneClass(Dataset):
    """The items of a data set with one label, which they lose."""

    def __init__(self, dataset: Dataset, label: int):
        assert dataset.labels is not None
        self.dataset, self.rows = dataset, np.flatnonzero(dataset.labels == label)
        self.name = f"{dataset.name} ({dataset.classes[label]})"
        self.signal, self.skipped, self.digest = dataset.signal, dataset.skipped, f"{dataset.digest}/{label}"

    def __len__(self) -> int:
        return len(self.rows)

    def read(self, index: int) -> np.ndarray:
        return self.dataset.read(int(self.rows[index]))

    def shapes(self) -> dict[tuple[tuple[int, ...], str], int]:
        return self.dataset.shapes()

    def rows_in(self, whole: Dataset) -> np.ndarray | None:
        within = self.dataset.rows_in(whole)
        return None if within is None else within[self.rows]

    def describe(self, index: int) -> str:
        return self.dataset.describe(int(self.rows[index]))


def one_of_each(dataset: Dataset) -> tuple[Dataset, Dataset]:
    """The images of a, which are sources, and those of b, which is what they should become."""
    return OneClass(dataset, 0), OneClass(dataset, 1)


def halves(batch: Batch) -> tuple[Tensor, Tensor]:
    """The images of a [N, ...] and those of b [N, ...] in a batch that `TwoSets` ordered."""
    return batch.x[0::2], batch.x[1::2]


def two_domains(spec: Spec) -> Spec:
    """The spec of images of either set; their names are kept in its state as `domains`.

    Raises:
        UserError: the data is not of two sets.
    """
    if spec.classes != 2:
        found = f"{spec.classes} classes" if spec.classes else "no classes"
        raise UserError(
            f"task: this recipe trains on two sets of images, but the data has {found}. Name two folders: "
            "data.a=horses/ data.b=zebras/",
            code="task.needs_two_domains",
        )
    return Spec(spec.shape, state={**spec.state, "domains": list(spec.labels)})


def two_sets(data: Samples) -> Order:
    """The order of a batch for data with two labels."""
    assert data.labels is not None, "two_domains has looked"
    return TwoSets(data.labels)
