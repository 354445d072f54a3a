"""Shared code of the tasks that train on two unpaired sets of images."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from ganforge.core.dataset import Dataset, Order
from ganforge.core.errors import UserError
from ganforge.core.passes import indices
from ganforge.core.rng import seed_of
from ganforge.core.types import Batch, Spec
from ganforge.modalities.pair.views import Rows
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


class OneClass(Rows):
    """The items of a data set with one label, which they lose."""

    def __init__(self, dataset: Dataset, label: int):
        assert dataset.labels is not None
        super().__init__(dataset, np.flatnonzero(dataset.labels == label))
        self.name, self.digest = f"{dataset.name} ({dataset.classes[label]})", f"{dataset.digest}/{label}"


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
