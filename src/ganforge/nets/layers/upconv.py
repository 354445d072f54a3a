"""Enlarging by nearest neighbors before a convolution, at the cost of a transposed convolution.

Odena, Dumoulin & Olah 2016, "Deconvolution and Checkerboard Artifacts": a transposed convolution has weights of its own
for each of the 2×2 cells that one cell becomes, and the differences between these weights are seen as a lattice.
Enlarging first gives all four the same weights.

Enlarged by nearest neighbors, a cell meets each weight of a 3×3 kernel up to four times. Added up beforehand, they are
a transposed convolution of 4×4 weights and stride 2:

    k₄ = Σ k₃ shifted by (0, 0), (0, 1), (1, 0), (1, 1)              4 products per output and channel in place of 9

In three dimensions likewise: 2×2×2 cells, eight shifts, 8 products in place of 27.
"""

from __future__ import annotations

from itertools import product

import torch
from torch import Tensor, nn
from torch.nn.functional import conv_transpose2d, conv_transpose3d, pad

INITIAL = 0.02
"""Standard deviation of the initial weights, as in DCGAN."""


def added_up(kernel: Tensor) -> Tensor:
    """k₄ of k₃: [a, b, 3, 3] → [a, b, 4, 4], or [a, b, 3, 3, 3] → [a, b, 4, 4, 4]."""
    shifts = product((0, 1), repeat=kernel.ndim - 2)
    return torch.stack([pad(kernel, [n for by in reversed(shift) for n in (by, 1 - by)]) for shift in shifts]).sum(0)


class UpConv(nn.Module):
    """Enlarges to twice the size by nearest neighbors and convolves with kernels of 3 cells a side, in one operation.

    The kernels are stored as a transposed convolution has them: mirrored, inputs first.

    Args:
        dims: 2 for images [N, C, H, W], 3 for volumes [N, C, D, H, W].
    """

    def __init__(self, inputs: int, outputs: int, dims: int = 2):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(inputs, outputs, *(3,) * dims))
        nn.init.normal_(self.weight, 0.0, INITIAL)

    def forward(self, x: Tensor) -> Tensor:
        enlarge = conv_transpose2d if self.weight.ndim == 4 else conv_transpose3d
        return enlarge(x, added_up(self.weight), stride=2, padding=1)

    def for_inference(self) -> nn.Module:
        """A transposed convolution whose kernels are added up once. Bit for bit the same outputs."""
        kind = nn.ConvTranspose2d if self.weight.ndim == 4 else nn.ConvTranspose3d
        layer = kind(*self.weight.shape[:2], kernel_size=4, stride=2, padding=1, bias=False)
        layer.weight = nn.Parameter(added_up(self.weight), requires_grad=False)
        return layer
