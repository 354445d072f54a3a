"""Data sets whose items are already prepared."""

from __future__ import annotations

import numpy as np

from ganforge.core.dataset import Dataset
from ganforge.data.arrays import ArrayDataset


class Prepared(ArrayDataset):
    """A data set whose items were all prepared together.

    Args:
        source: the data set that they come from.
        array: the prepared items, [N, ...].
    """

    def __init__(self, source: Dataset, array: np.ndarray):
        super().__init__(source.name, array, source.labels, source.classes, signal=source.signal)
        self.skipped, self.conditions, self.vectors = source.skipped, source.conditions, source.vectors
