"""Dropout with fast random draws."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

LEVELS = 1 << 16


class FastDropout(nn.Module):
    """Dropout (Srivastava et al. 2014) whose mask comes from 64-bit random integers, each used as four 16-bit values.

    On a CPU, the random draws of `nn.Dropout` take about a fifth of the time of a step of a small convolutional GAN.
    These are several times faster, and also use torch's global generator, so a seed makes them reproducible. `p` is
    rounded to a multiple of 1/65536, and the scaling is exact for the rounded value. On other devices `nn.Dropout` is
    used.

    Args:
        p: fraction of the elements to drop, in [0, 1).
    """

    def __init__(self, p: float = 0.5):
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"dropout: p must be in [0, 1), got {p}")
        self.p = p
        self.dropped = round(p * LEVELS)  # of the 65536 values of a 16-bit number

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.dropped == 0:
            return x
        if x.device.type != "cpu":
            return dropout(x, self.p)
        keep = _bits(x) >= self.dropped - LEVELS // 2
        return x * keep.to(x.dtype).mul_(LEVELS / (LEVELS - self.dropped))

    def extra_repr(self) -> str:
        return f"p={self.p}"


def _bits(x: Tensor) -> Tensor:
    """Uniform int16 of the shape and memory layout of `x`, so that their product needs no copy."""
    n = x.numel()
    # random_() alone leaves the sign bit 0, which would bias one value in four
    words = torch.empty((n + 3) // 4, dtype=torch.int64).random_(-(2**63), None)
    order = torch.empty_like(x, device="meta").stride()
    return words.view(torch.int16)[:n].as_strided(x.shape, order)
