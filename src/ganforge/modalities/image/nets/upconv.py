"""A generator that enlarges by nearest neighbors before each convolution, at the cost of transposed convolutions.

See `ganforge.nets.layers.upconv` for how and why.

    z [N, latent] → grid [N, C₀, h, w] → n times (enlarge, convolve) → convolve → x [N, C, H, W]

After each but the last: batch norm, with scales and offsets of the label where there is one, and ReLU; at the end tanh.
The label is also added to the first grid.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from pydantic import Field
from torch import Tensor, nn

from ganforge.core.types import Spec
from ganforge.modalities.image.nets.dcgan import Cut, is_wide, layout, levels, nearest_picture
from ganforge.nets.base import Generator
from ganforge.nets.layers.conditional_norm import by_label
from ganforge.nets.layers.labels import LabelTable
from ganforge.nets.layers.memory import ChannelsLast
from ganforge.nets.layers.upconv import INITIAL, UpConv


class UpconvG(nn.Module):
    """The net of `UpconvGenerator`.

    Args:
        hidden: channels of the grids below the size of the image, finest first. finest: of that of its size.
        base: height and width of the coarsest grid.
    """

    def __init__(self, latent: int, hidden: list[int], finest: int, base: tuple[int, int], colors: int, classes: int):
        super().__init__()
        widths = [*hidden[::-1], finest]
        start = ((base[0] + 1) // 2, (base[1] + 1) // 2) if is_wide(base) else base
        self.grid = (widths[0], *start)
        self.project = nn.Linear(latent, widths[0] * start[0] * start[1], bias=False)
        nn.init.normal_(self.project.weight, 0.0, INITIAL)
        self.label = LabelTable(classes, self.project.out_features, INITIAL) if classes else None
        self.layout = ChannelsLast()
        self.ups = nn.ModuleList(UpConv(a, b) for a, b in pairwise(widths))
        self.cut = Cut(*base) if is_wide(base) else nn.Identity()
        self.norms = nn.ModuleList(by_label(width, classes) for width in widths)
        self.paint = nn.Conv2d(finest, colors, 3, padding=1)
        nn.init.normal_(self.paint.weight, 0.0, INITIAL)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        h = self.project(z)
        if self.label is not None:
            h = h + self.label(c)
        h = torch.relu(self.norms[0](self.layout(h.unflatten(1, self.grid)), c))
        for k, (up, norm) in enumerate(zip(self.ups, self.norms[1:], strict=True)):
            h = up(h) if k else self.cut(up(h))
            h = torch.relu(norm(h, c))
        return torch.tanh(self.paint(h))


class UpconvGenerator(Generator, kind="upconv"):
    """Nearest-neighbor enlargement and 3×3 convolutions with batch norm: without the lattice of transposed
    convolutions, at their cost."""

    channels: int = Field(default=64, ge=1)
    """Number of channels of the grid at half the size of the image; doubled on each coarser grid."""
    max_channels: int = Field(default=512, ge=1)
    """Maximum number of channels of a grid."""
    finest: int = Field(default=24, ge=1)
    """Number of channels of the grid at the size of the image."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return nearest_picture(shape)

    def build(self, spec: Spec) -> nn.Module:
        colors, *base, doublings = layout(spec, "upconv generator")
        hidden = levels(self.channels, self.max_channels, doublings + is_wide(base))
        return UpconvG(self.latent, hidden, self.finest, (base[0], base[1]), colors, spec.classes)
