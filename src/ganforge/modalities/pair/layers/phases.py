"""A convolution after a pixel shuffle, moved before it.

A pixel shuffle by f makes an image of C channels out of one of C·f² channels on a grid f times coarser. A convolution
with kernel k of the fine image is one of the coarse image, with kernel 2⌈p/f⌉ + 1 for p = ⌊k/2⌋: place (f·y + a,
f·x + b) of output o becomes channel (o, a, b) of place (y, x), and each weight belongs to one channel of the input and
one place. The other weights are 0. What lies beyond the edge must be zeros, which it is on both grids.

That is worth its additional products where few channels come out: CPUs compute 16 of them at a time, so that 12 take
the time of 3.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad, pixel_shuffle

WIDE = 16
"""Channels that CPUs compute at a time."""


def fits(conv: nn.Module) -> bool:
    """Whether a layer is a convolution that can be moved: one that keeps the size, with zeros beyond the edge."""
    return (
        isinstance(conv, nn.Conv2d)
        and conv.padding_mode == "zeros"
        and conv.groups == 1
        and conv.stride == conv.dilation == (1, 1)
        and conv.kernel_size[0] == conv.kernel_size[1]
        and conv.padding == (conv.kernel_size[0] // 2, conv.kernel_size[0] // 2)
    )


def pays(conv: nn.Conv2d, factor: int) -> bool:
    """Whether a CPU has fewer products to compute with the moved convolution."""
    outputs, _, kernel, _ = conv.weight.shape
    side = 2 * -(-(kernel // 2) // factor) + 1
    return side**2 * -(-outputs * factor**2 // WIDE) < kernel**2 * -(-outputs // WIDE)


def moved_weight(weight: Tensor, factor: int) -> Tensor:
    """The weight [outputs·f², C·f², s, s] of the coarse convolution with that of the fine one, [outputs, C, k, k]."""
    f, k, p = factor, weight.shape[2], weight.shape[2] // 2
    reach = -(-p // f)
    side = 2 * reach + 1
    before = [f * reach + a - p for a in range(f)]  # of place a within f, up to the first place that it looks at
    around = [(n, f * side - k - n) for n in before]
    parts = [pad(weight, (*across, *down)).unflatten(3, (side, f)).unflatten(2, (side, f))
             for down in around for across in around]  # fmt: skip
    return torch.stack(parts, 1).permute(0, 1, 2, 4, 6, 3, 5).flatten(2, 4).flatten(0, 1)


def shuffled(x: Tensor, conv: nn.Conv2d, factor: int) -> Tensor:
    """[N, C·f², h, w] → [N, outputs, f·h, f·w]: `conv`, which `fits`, of the shuffled x, up to rounding."""
    weight = moved_weight(conv.weight, factor)
    bias = None if conv.bias is None else conv.bias.repeat_interleave(factor**2)
    return pixel_shuffle(conv2d(x, weight, bias, padding=weight.shape[2] // 2), factor)


@torch.no_grad()
def before_shuffle(conv: nn.Conv2d, factor: int) -> nn.Sequential:
    """`shuffled` as layers with weights that stay: [N, C·f², h, w] → [N, outputs, f·h, f·w].

    Args:
        conv: a convolution of C channels that `fits`.
        factor: f.
    """
    weight = moved_weight(conv.weight, factor)
    outputs, channels, side = weight.shape[:3]
    wide = nn.Conv2d(channels, outputs, side, padding=side // 2, bias=conv.bias is not None)
    wide.weight = nn.Parameter(weight.contiguous(), requires_grad=False)
    if conv.bias is not None:
        wide.bias = nn.Parameter(conv.bias.repeat_interleave(factor**2), requires_grad=False)
    return nn.Sequential(wide, nn.PixelShuffle(factor))
