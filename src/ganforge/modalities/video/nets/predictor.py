"""A generator that continues a film: it reads the last frames and makes the next ones at once, from noise.

    h = encoder([p_1 ... p_k])            from half the size of a frame to an eighth, convolutions without norms
    h = h + A z + e(c)                    noise, the same at every place of the coarsest grid
    f_1, r_1, ..., f_s, r_s = decoder(h)  where each pixel comes from, in px, and what is added to it; 0 before training
    y_0 = p_k,   y_j(u) = y_{j−1}(u + f_j(u)) + r_j(u)

A U-Net (Ronneberger et al. 2015) over frames stacked on the channels. Frames are moved as in Jaderberg et al. 2015,
"Spatial Transformer Networks" (bilinear, the edge repeated), so that what moves keeps its colors and edges; a new net
repeats the last frame.

N: films, k: frames that are given, s: frames that are made, z [N, L], c [N].
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import grid_sample, leaky_relu, pixel_shuffle, pixel_unshuffle

from ganforge.core.types import wide
from ganforge.nets.layers.labels import LabelTable

SLOPE = 0.2
PATCH = 2
"""px of a cell of the finest grid."""


def conv(before: int, after: int, stride: int = 1) -> nn.Conv2d:
    """A 3×3 convolution that keeps the variance of what leaky ReLUs pass on."""
    layer = nn.Conv2d(before, after, 3, stride, 1)
    nn.init.kaiming_normal_(layer.weight, SLOPE)
    nn.init.zeros_(layer.bias) if layer.bias is not None else None
    return layer


class Residual(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, width: int):
        super().__init__()
        self.first, self.second = conv(width, width), conv(width, width)
        nn.init.zeros_(self.second.weight)

    def forward(self, h: Tensor) -> Tensor:
        return h + self.second(leaky_relu(self.first(leaky_relu(h, SLOPE)), SLOPE))


class Predictor(nn.Module):
    """G: `forward(past, z, c)` with past [N, C, k, H, W] → the next frames [N, C, s, H, W].

    Args:
        past, step: frames that are given and that are made.
        width: channels of the finest grid; 2 and 4 times as many on the coarser ones.
    """

    def __init__(self, colors: int, past: int, step: int, width: int, latent: int, classes: int):
        super().__init__()
        self.past, self.step = past, step
        widths = (width, 2 * width, 4 * width)
        self.read = conv(colors * past * PATCH**2, widths[0])
        self.down = nn.ModuleList(conv(a, b, 2) for a, b in pairwise(widths))
        self.noise = nn.Linear(latent, widths[2])
        self.label = LabelTable(classes, widths[2], classes**-0.5) if classes else None
        self.middle = nn.Sequential(Residual(widths[2]), Residual(widths[2]))
        self.up = nn.ModuleList(conv(b + a, a) for b, a in pairwise(widths[::-1]))
        self.around = nn.ModuleList(Residual(a) for a in widths[::-1][1:])
        self.out = conv(widths[0], (colors + 2) * step * PATCH**2)
        nn.init.zeros_(self.out.weight)

    def forward(self, past: Tensor, z: Tensor, c: Tensor | None = None) -> Tensor:
        h = self.read(pixel_unshuffle(past.flatten(1, 2), PATCH))
        skips = []
        for layer in self.down:
            skips.append(h)
            h = layer(leaky_relu(h, SLOPE))
        code = self.noise(z)
        if self.label is not None:
            code = code + math.sqrt(h.shape[1]) * self.label(c)
        h = self.middle(h + code[:, :, None, None])
        for layer, block, skip in zip(self.up, self.around, reversed(skips), strict=True):
            large = leaky_relu(h, SLOPE).repeat_interleave(2, 2).repeat_interleave(2, 3)
            h = block(layer(torch.cat([large, leaky_relu(skip, SLOPE)], 1)))
        changes = wide(pixel_shuffle(self.out(leaky_relu(h, SLOPE)), PATCH)).unflatten(1, (self.step, -1))
        frames = [wide(past[:, :, -1])]
        for flow, added in zip(changes[:, :, :2].unbind(1), changes[:, :, 2:].unbind(1), strict=True):
            frames.append(moved(frames[-1], flow) + added)
        return torch.stack(frames[1:], 2)


def moved(x: Tensor, flow: Tensor) -> Tensor:
    """An image x [N, C, H, W] whose pixel at u comes from u + flow(u), flow [N, 2, H, W] in px: across, down."""
    height, width = x.shape[2:]
    down = torch.linspace(1 / height - 1, 1 - 1 / height, height, dtype=x.dtype, device=x.device)
    across = torch.linspace(1 / width - 1, 1 - 1 / width, width, dtype=x.dtype, device=x.device)
    grid = torch.stack(
        [across + flow[:, 0] * (2 / width), down[:, None] + flow[:, 1] * (2 / height)], 3
    )  # [N, H, W, 2]
    return grid_sample(x, grid, padding_mode="border", align_corners=False)
