"""Data sets whose items are already prepared."""

from __future__ import annotations

import numpy as np

from ganforge.core.dataset import Dataset


class Prepared(Dataset):
    """A data set whose items were all prepared together.

    Args:
        source: the data set that they come from.
        array: the prepared items, [N, ...].
    """

    def __init__(self, source: Dataset, array: np.ndarray):
        self.name, self.labels, self.classes, self.skipped = source.name, source.labels, source.classes, source.skipped
        self.signal, self.conditions, self.vectors = source.signal, source.conditions, source.vectors
        self.array = array

    def __len__(self) -> int:
        return len(self.array)

    @property
    def in_memory_array(self) -> np.ndarray:
        return self.array

    def read(self, index: int) -> np.ndarray:
        return self.array[index]
