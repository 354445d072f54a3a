"""Where a pair of growing nets stands: which grid it works on, and how far the newest one has faded in.

Karras et al. 2018, "Progressive Growing of GANs for Improved Quality, Stability, and Variation".

    height h in [0, top]:   grid ⌈h⌉, which counts for α = h − ⌊h⌋ beside grid ⌊h⌋;  a whole h: grid h alone

A net's height is set before each training pass, so that no step depends on what an earlier one left; what is set
lives in its state as well, as a whole number, since an average of the weights copies whole numbers and averages others.
"""

from __future__ import annotations

import math
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

UNIT = 1 << 20
"""Steps of the stored height in one grid."""


class Stage(NamedTuple):
    """Grid `low` has begun to give way to grid `high`, which counts for `alpha`; both are one at a whole height."""

    low: int
    high: int
    alpha: float


def stage(height: float) -> Stage:
    """The grids of a height."""
    low, high = math.floor(height), math.ceil(height)
    return Stage(low, high, height - low if high > low else 1.0)


class Growing(nn.Module):
    """A net that can work on the coarsest grid alone and on every finer one; a fresh one is fully grown.

    Attributes:
        top: the number of its finest grid.
        in_order: that its parts are not registered in the order in which samples meet them.
    """

    in_order: ClassVar[bool] = False
    stored: Tensor

    def __init__(self, top: int):
        super().__init__()
        self.top, self.told = top, float(top)
        self.register_buffer("stored", torch.tensor(top * UNIT))

    def grow(self, height: float) -> None:
        """Works at this height, in [0, top], from now on."""
        self.told = height
        self.stored.fill_(round(height * UNIT))

    @property
    def stage(self) -> Stage:
        """Where it stands: in training as it was set, which makes no GPU wait, and in use as its state says."""
        return stage(self.told if self.training else int(self.stored) / UNIT)
