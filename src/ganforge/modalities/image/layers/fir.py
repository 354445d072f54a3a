"""Downsampling and upsampling by 2 with a short FIR filter, as two matrix products.

Zhang 2019, "Making Convolutional Networks Shift-Invariant Again"; Karras et al. 2019 and 2020 for [1, 3, 3, 1].
Along one axis, with a filter f of k taps with sum 1, and p = (k − 1) // 2:

    half     y[o] = Σᵢ f[i − 2o + p] x[i]             filter, then every second value
    double   y[o] = Σᵢ 2 f[o − 2i + p] x[i]           zeros in between, then filter: 2 · transpose of half

Padding is zero. Half of an odd side is rounded up, and `double` restores the odd side by omitting the last row. Matrix
products take little time compared to convolutions, and their derivatives of any order are as fast, unlike those of
depthwise convolutions on a CPU.

h [N, H, W, C], channels last.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ganforge.modalities.image.layers.pyramid import Size, halved

BILINEAR = (1, 2, 1)
SMOOTH = (1, 3, 3, 1)


def halving(side: int, taps: Sequence[int]) -> Tensor:
    """The matrix [halved(side), side] that halves one axis."""
    matrix = torch.zeros(halved(side), side)
    for o in range(len(matrix)):
        for k, tap in enumerate(taps):
            i = 2 * o + k - (len(taps) - 1) // 2
            if 0 <= i < side:
                matrix[o, i] = tap / sum(taps)
    return matrix


class Fir(nn.Module):
    """A filter that resizes [N, H, W, C] with one matrix per axis."""

    rows: Tensor
    columns: Tensor

    def __init__(self, rows: Tensor, columns: Tensor):
        super().__init__()
        # Constants that depend only on the shape, so they are not part of the state.
        self.register_buffer("rows", rows.contiguous(), persistent=False)
        self.register_buffer("columns", columns.contiguous(), persistent=False)

    def forward(self, h: Tensor) -> Tensor:
        n, height, width, channels = h.shape
        h = torch.matmul(self.rows.to(h), h.reshape(n, height, width * channels))
        h = torch.matmul(self.columns.to(h), h.reshape(-1, width, channels))
        return h.unflatten(0, (n, -1))

    def extra_repr(self) -> str:
        return f"{self.rows.shape[1]}×{self.columns.shape[1]} → {self.rows.shape[0]}×{self.columns.shape[0]}"


def half(size: Size, taps: Sequence[int]) -> Fir:
    """From [N, H, W, C] of `size` (H, W) to half of it, rounded up."""
    return Fir(*(halving(side, taps) for side in size))


def around(size: Size, taps: Sequence[int]) -> Fir:
    """The filter before a 3×3 convolution of stride 2 without padding that gives half of `size`; the result is one cell
    larger.

    y[o] = Σᵢ f[i − o + k/2] x[i] with o in 0 … 2·halved, for an even number k of taps.
    """
    return Fir(*(shifted(2 * halved(side) + 1, side, taps, len(taps) // 2) for side in size))


def within(size: Size, taps: Sequence[int]) -> Fir:
    """The filter after a transposed 3×3 convolution of stride 2 (2·halved + 1 cells per side), with a result of `size`.

    y[o] = Σᵢ 2 f[i − o + k/2 − 1] x[i], the counterpart of `around`.
    """
    return Fir(*(2 * shifted(side, 2 * halved(side) + 1, taps, len(taps) // 2 - 1) for side in size))


def shifted(to: int, side: int, taps: Sequence[int], before: int) -> Tensor:
    """The matrix [to, side] of a filter whose taps start `before` cells earlier."""
    matrix = torch.zeros(to, side)
    for o in range(to):
        for k, tap in enumerate(taps):
            if 0 <= o + k - before < side:
                matrix[o, o + k - before] = tap / sum(taps)
    return matrix


def double(size: Size, taps: Sequence[int]) -> Fir:
    """To [N, H, W, C] of `size` (H, W), from half of it, rounded up."""
    return Fir(*(2 * halving(side, taps).T for side in size))
