"""Vectors of numbers: mixtures of Gaussians for measuring mode collapse, and the user's own files.

The two mixtures are those of VEEGAN (Srivastava et al. 2017) and PacGAN (Lin et al. 2018): isotropic Gaussians of equal
weight and equal variance, so narrow that samples between them can be counted as errors.

N: samples, D: components of a sample, M: modes.
"""

from __future__ import annotations

import math
import zipfile
from itertools import chain, islice
from pathlib import Path
from typing import ClassVar

import numpy as np
from pydantic import Field

from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.core.rng import seed_of
from ganforge.data.arrays import ArrayDataset
from ganforge.data.base import DataSource
from ganforge.data.frames import separators

HEAD = 100  # lines that show how numbers are written
FILES = "an .npy or .npz file of numbers [N, D], or a .csv file of N lines with D numbers each"


class _Mixture(DataSource):
    """Gaussians of equal weight; the label of a sample is its mode."""

    std: ClassVar[float]
    """Standard deviation of each Gaussian, along each axis."""

    count: int = Field(default=100_000, ge=2)
    """Number of samples to generate; 100,000 in the papers."""
    seed: int = Field(default=0, ge=0)
    """Random seed of the samples."""

    @classmethod
    def centers(cls) -> np.ndarray:
        """The means of the modes, float64 [M, 2]."""
        raise NotImplementedError

    def open(self) -> Dataset:
        centers = self.centers()
        draws = np.random.Generator(np.random.PCG64(seed_of(self.seed, self.kind)))
        modes = draws.integers(len(centers), size=self.count)
        points = centers[modes] + self.std * draws.standard_normal((self.count, 2))
        return ArrayDataset(
            self.kind, points.astype(np.float32), modes.astype(np.int64), _numbers(len(centers)), signal="points"
        )


class Ring8(_Mixture, kind="ring8"):
    """Points in the plane: eight narrow Gaussians on a circle of radius 1, each with a standard deviation of 0.01.

    Source: the 2D-ring of Srivastava et al. 2017 and Lin et al. 2018, generated here.
    """

    std = 0.01

    @classmethod
    def centers(cls) -> np.ndarray:
        angles = np.arange(8) * (math.pi / 4)
        return np.stack([np.cos(angles), np.sin(angles)], axis=1)


class Grid25(_Mixture, kind="grid25"):
    """Points in the plane: 25 narrow Gaussians at {-4, -2, 0, 2, 4}², each with a standard deviation of 0.05.

    Source: the 2D-grid of Srivastava et al. 2017 and Lin et al. 2018, generated here.
    """

    std = 0.05

    @classmethod
    def centers(cls) -> np.ndarray:
        line = np.arange(-4.0, 5.0, 2.0)
        return np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2)


class PointFile(DataSource, kind="points"):
    """Vectors of your own: an .npy or .npz file of numbers [N, D], or a .csv file, for `signal=points`."""

    path: str
    """Path of the file."""

    def open(self) -> Dataset:
        path = Path(self.path).expanduser()
        if not path.is_file():
            raise UserError(f"data.path={self.path}: no such file. Expected: {FILES}", code="data.not_found")
        kind = path.suffix.lower()
        if kind not in (".npy", ".npz", ".csv"):
            raise UserError(
                f"data.path={self.path}: its name ends in {kind or 'nothing'}. Expected: {FILES}",
                code="data.unsupported_format",
            )
        try:
            table, labels = _read_csv(path) if kind == ".csv" else _read_numpy(path)
        except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise UserError(
                f"data.path={self.path}: cannot be read ({' '.join(str(error).split())[:160]})", code="data.unreadable"
            ) from None
        return from_table(self.path, table, labels)


def from_table(name: str, table: np.ndarray, labels: np.ndarray | None = None) -> ArrayDataset:
    """A data set from numbers [N, D] or [N], and optionally labels [N].

    Raises:
        UserError: the shape or dtype is wrong, numbers are not finite, or labels do not match.
    """
    table = table[:, None] if table.ndim == 1 else table
    if table.ndim != 2 or 0 in table.shape or table.dtype.kind not in "iuf":
        raise UserError(
            f"data {name}: {table.dtype} {list(table.shape)} is not a table of numbers. Expected: {FILES}; "
            "images are read with data=PATH and signal=image",
            code="data.not_points",
        )
    table = table.astype(np.float32)
    bad = np.flatnonzero(~np.isfinite(table).all(axis=1))
    if len(bad):
        raise UserError(
            f"data {name}: {len(bad)} of its {len(table)} rows hold values that are not finite numbers, "
            f"the first in row {bad[0]} (counted from 0); remove these rows",
            code="data.not_finite",
        )
    if labels is None:
        return ArrayDataset(name, table, signal="points")
    if labels.shape != (len(table),):
        raise UserError(
            f"data {name}: {len(table)} rows need {len(table)} labels; the labels have the shape {list(labels.shape)}",
            code="data.label_count",
        )
    found, numbers = np.unique(labels, return_inverse=True)
    return ArrayDataset(
        name, table, numbers.reshape(-1).astype(np.int64), [str(v) for v in found.tolist()], signal="points"
    )


def _read_numpy(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """The array of an .npy file, or the only array of numbers and `labels` of an .npz file."""
    stored = np.load(path, allow_pickle=False)
    if isinstance(stored, np.ndarray):
        return stored, None
    with stored as file:
        names = [name for name in file.files if name.lower() not in ("labels", "y")]
        if len(names) != 1:
            raise ValueError(f"expected one array of points, and optionally `labels`; it holds {file.files}")
        labels = [file[name] for name in file.files if name not in names]
        return file[names[0]], labels[0] if labels else None


def _read_csv(path: Path) -> tuple[np.ndarray, None]:
    """The numbers of a .csv file, with or without a header line."""
    with path.open(encoding="utf-8-sig") as file:
        delimiter, decimal = separators([file.readline(), *islice(file, HEAD)])
        file.seek(0)
        lines = file if decimal == "." else (line.replace(decimal, ".") for line in file)
        first = next(lines, "")
        kept = chain([first], lines) if _are_numbers(first, delimiter) else lines
        return np.loadtxt(kept, delimiter=delimiter, ndmin=2), None


def _are_numbers(line: str, delimiter: str) -> bool:
    try:
        return bool([float(cell) for cell in line.split(delimiter)])
    except ValueError:
        return False


def _numbers(count: int) -> tuple[str, ...]:
    return tuple(str(k) for k in range(count))
