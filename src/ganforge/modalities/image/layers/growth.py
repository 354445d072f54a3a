"""The state of progressive growing: the current grid, and how far the newest one is faded in.

Karras et al. 2018, "Progressive Growing of GANs for Improved Quality, Stability, and Variation".

    height h in [0, top]:   grid ⌈h⌉ with weight α = h − ⌊h⌋, and grid ⌊h⌋;  for an integer h: only grid h

The height of a net is set before each training pass, so that no step depends on an earlier one. It is also stored in
the net's state, as an integer, since the weight average (EMA) copies integers but averages other values.
"""

from __future__ import annotations

import math
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

UNIT = 1 << 20
"""Number of steps of the stored height per grid."""


class Stage(NamedTuple):
    """Grid `low` is being replaced by grid `high`, which has weight `alpha`; they are equal at an integer height."""

    low: int
    high: int
    alpha: float


def stage(height: float) -> Stage:
    """The grids of a height."""
    low, high = math.floor(height), math.ceil(height)
    return Stage(low, high, height - low if high > low else 1.0)


class Growing(nn.Module):
    """A net that can be used with any number of grids, from the coarsest on; a new one is fully grown.

    Attributes:
        top: index of its finest grid.
        in_order: False, since its layers are not registered in the order of application.
    """

    in_order: ClassVar[bool] = False
    stored: Tensor

    def __init__(self, top: int):
        super().__init__()
        self.top, self.told = top, float(top)
        self.register_buffer("stored", torch.tensor(top * UNIT))

    def grow(self, height: float) -> None:
        """Sets the height, in [0, top]."""
        self.told = height
        self.stored.fill_(round(height * UNIT))

    @property
    def stage(self) -> Stage:
        """The current stage: in training mode as set (without GPU synchronization), in evaluation mode from its
        state."""
        return stage(self.told if self.training else int(self.stored) / UNIT)
