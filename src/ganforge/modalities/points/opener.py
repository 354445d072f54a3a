"""Vectors at a path, if the user requests the signal."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ganforge.core.dataset import Dataset
from ganforge.data.given import Given, MemoryData
from ganforge.data.opener import Head, Opener
from ganforge.modalities.points.source import PointFile, from_table


class PointsOpener(Opener, kind="points"):
    """Arrays [N, D] of numbers in .npy, .npz and .csv files, only with data.signal=points, since flattened images and
    tables look the same."""

    signal = "points"

    def claims(self, path: Path, head: Head) -> float:
        return 0.0

    def open(self, path: Path, head: Head, name: str, *, split: str, holdout: float, asked: bool) -> Dataset:
        return PointFile(path=name).open()

    def source_of(self, given: Given) -> MemoryData | None:
        table = given.samples
        if isinstance(table, list) and all(isinstance(row, np.ndarray) and row.ndim == 1 for row in table):
            table = np.stack(table) if len({row.shape for row in table}) == 1 else None
        if not isinstance(table, np.ndarray) or table.ndim != 2 or table.dtype.kind not in "iufb":
            return None
        return MemoryData.of(from_table("the array", table, given.labels))
