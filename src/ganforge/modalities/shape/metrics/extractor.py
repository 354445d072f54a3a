"""Features of shapes without a net: how full the cells of a coarse grid are.

Of a volume the means of its values over 8³ blocks; of a cloud the share of its points in each of 8³ cells of the cube
from -1 to 1, spread to neighboring cells by their distance. They serve to find nearest training shapes.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool3d, avg_pool3d

from ganforge.metrics.base import Encoder, Extractor, OpenContext, SampleSet

CELLS = 8
FINE = 16


class Occupancy(Extractor, kind="occupancy"):
    """How full the cells of a coarse grid are; no net."""

    signals: ClassVar[tuple[str, ...]] = ("volume", "cloud")

    def load(self, data: SampleSet, context: OpenContext) -> Encoder:
        first = next(iter(data.parts(1, 1)))
        scale = 1.0
        if first.ndim == 3:
            scale = max(float(np.abs(part[..., :3]).max()) for part in data.parts(256, min(data.n, 256)))
        return OccupancyEncoder(float(scale) or 1.0)


class OccupancyEncoder(Encoder):
    """Volumes [N, S, S, S] or [N, C, S, S, S], or clouds [N, P, 3] → [N, 512]."""

    name = "occupancy"
    dim = CELLS**3

    def __init__(self, scale: float):
        self.scale = scale  # of clouds: half the side of the cube around them
        self.detail = {"cells": CELLS}

    def encode(self, samples: np.ndarray) -> tuple[Tensor, Tensor | None]:
        if samples.ndim == 3:
            x = self._counted(samples)
            return avg_pool3d(avg_pool3d(x, 3, 1, 1), FINE // CELLS).flatten(1) * FINE, None
        x = torch.from_numpy(np.ascontiguousarray(samples[:, 0] if samples.ndim == 5 else samples, np.float32))
        return adaptive_avg_pool3d(x[:, None], CELLS).flatten(1), None

    def _counted(self, clouds: np.ndarray) -> Tensor:
        """The share of points in each cell, on a logarithmic scale, [N, 1, 16, 16, 16]."""
        cells = ((np.nan_to_num(clouds[..., :3]) / self.scale + 1) / 2 * FINE).astype(int).clip(0, FINE - 1)
        flat = cells @ [FINE * FINE, FINE, 1] + np.arange(len(clouds))[:, None] * FINE**3
        counts = np.bincount(flat.ravel(), minlength=len(clouds) * FINE**3).reshape(len(clouds), 1, *(FINE,) * 3)
        return torch.from_numpy(counts.astype(np.float32) / clouds.shape[1] * FINE**2).log1p()
