"""Dropout that spends little time on drawing."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

LEVELS = 1 << 16


class FastDropout(nn.Module):
    """Dropout (Srivastava et al. 2014) whose mask is cut from 64-bit random integers, four numbers from each.

    On a CPU the Bernoulli draw of `nn.Dropout` takes about a fifth of the time of a small convolutional GAN's step.
    This one draws several times faster, from torch's global generator, so that a seed fixes it. `p` is rounded to a
    multiple of 1/65536, and the scale of what is kept is exact for the rounded value. On other devices it is
    `nn.Dropout`.

    Args:
        p: share of the elements to drop, in [0, 1).
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
    """Uniform int16 of the shape and memory order of `x`; another order would make the product copy one of the two."""
    n = x.numel()
    # random_() alone leaves the sign bit 0, which would spoil one number of four
    words = torch.empty((n + 3) // 4, dtype=torch.int64).random_(-(2**63), None)
    order = torch.empty_like(x, device="meta").stride()
    return words.view(torch.int16)[:n].as_strided(x.shape, order)
