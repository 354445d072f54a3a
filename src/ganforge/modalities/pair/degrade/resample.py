"""Smaller images: bicubic as the papers on super-resolution do it, and area means.

Keys 1981, "Cubic Convolution Interpolation for Digital Image Processing", with a = −1/2:

    k(t) = (a+2)|t|³ − (a+3)|t|² + 1          for |t| ≤ 1
           a|t|³ − 5a|t|² + 8a|t| − 4a         for 1 < |t| < 2,  else 0

To make an image s times as small, the kernel is widened by s so that it also smooths (antialiasing), as MATLAB's
imresize does, by whose images PSNRs are published:

    y(j) = Σi w(j, i)·x(i) / Σi w(j, i),   w(j, i) = k((i − u(j)) / s),   u(j) = s·(j + ½) − ½

with x mirrored at its edges (the edge pixel twice), first down and then across.
x [N, C, H, W] → y [N, C, H/s, W/s].
"""

from __future__ import annotations

import functools
import math
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from ganforge.core.rng import Rng
from ganforge.modalities.pair.degrade.base import Degrade, whole

A = -0.5


class Smaller(Degrade):
    """Downsampling by the factor `by`."""

    number: ClassVar[str] = "by"

    by: Annotated[int, Field(ge=1, le=16)] = 4
    """The downsampling factor."""

    @property
    def scale(self) -> int:
        return self.by


class Bicubic(Smaller, kind="bicubic"):
    """Bicubic downsampling with antialiasing: MATLAB's imresize, the standard of super-resolution."""

    def apply(self, x: Tensor, rng: Rng) -> Tensor:
        height, width = x.shape[2] // self.by, x.shape[3] // self.by
        return whole(bicubic(x, height, width))


class Area(Smaller, kind="area"):
    """Area downsampling: each pixel is the mean of those that it covers."""

    def apply(self, x: Tensor, rng: Rng) -> Tensor:
        return whole(torch.nn.functional.avg_pool2d(x, self.by))


def bicubic(x: Tensor, height: int, width: int) -> Tensor:
    """x [N, C, H, W] resampled to any height and width; larger ones are interpolated with the kernel as it is."""
    down = weights(x.shape[2], height).to(x)  # [height, H]
    across = weights(x.shape[3], width).to(x)
    return down @ x @ across.mT


@functools.lru_cache(maxsize=64)
def weights(old: int, new: int) -> Tensor:
    """How much of each old pixel is in each new one, float64 [new, old]; rows sum to 1."""
    step = old / new
    wide = max(1.0, step)
    centers = (torch.arange(new, dtype=torch.float64) + 0.5) * step - 0.5  # [new]
    reach = math.ceil(2 * wide) + 1
    taps = centers.floor()[:, None] + torch.arange(-reach, reach + 1)  # [new, T]: places of pixels, beyond edges too
    share = kernel((taps - centers[:, None]) / wide)
    share /= share.sum(1, keepdim=True)
    inside = taps.long() % (2 * old)  # a row and its mirror image, over and over
    inside = torch.where(inside < old, inside, 2 * old - 1 - inside)
    return torch.zeros(new, old, dtype=torch.float64).scatter_add_(1, inside, share)


def kernel(t: Tensor) -> Tensor:
    """Keys' cubic."""
    t = t.abs()
    near = (A + 2) * t**3 - (A + 3) * t**2 + 1
    far = A * t**3 - 5 * A * t**2 + 8 * A * t - 4 * A
    return torch.where(t <= 1, near, torch.where(t < 2, far, torch.zeros_like(t)))
