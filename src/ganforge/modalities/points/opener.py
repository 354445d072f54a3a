"""Vectors at a path, where they are asked for."""

from __future__ import annotations

from pathlib import Path

from ganforge.core.dataset import Dataset
from ganforge.data.opener import Head, Opener
from ganforge.modalities.points.source import PointFile


class PointsOpener(Opener, kind="points"):
    """Arrays [N, D] of numbers in .npy, .npz and .csv files, with data.signal=points alone: flattened images and
    tables look the same."""

    signal = "points"

    def claims(self, path: Path, head: Head) -> float:
        return 0.0

    def open(self, path: Path, head: Head, name: str, *, split: str, holdout: float, asked: bool) -> Dataset:
        return PointFile(path=name).open()
