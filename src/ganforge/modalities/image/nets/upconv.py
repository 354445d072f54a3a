"""A generator that enlarges by nearest neighbors before each convolution, at the cost of transposed convolutions.

Odena, Dumoulin & Olah 2016, "Deconvolution and Checkerboard Artifacts": a transposed convolution has weights of its own
for each of the 2×2 cells that one cell becomes, and the differences between these weights are seen as a lattice.
Enlarging first gives all four the same weights.

Enlarged by nearest neighbors, a cell meets each weight of a 3×3 kernel up to four times. Added up beforehand, they are
a transposed convolution of 4×4 weights and stride 2:

    k₄ = Σ k₃ shifted by (0, 0), (0, 1), (1, 0), (1, 1)              4 products per output and channel in place of 9

    z [N, latent] → grid [N, C₀, h, w] → n times (enlarge, convolve) → convolve → x [N, C, H, W]

After each but the last: batch norm, with scales and offsets of the label where there is one, and ReLU; at the end tanh.
The label is also added to the first grid.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import conv_transpose2d, pad

from ganforge.core.types import Spec
from ganforge.modalities.image.nets.dcgan import Cut, is_wide, layout, levels, nearest_picture
from ganforge.nets.base import Generator
from ganforge.nets.layers.conditional_norm import by_label
from ganforge.nets.layers.labels import LabelTable
from ganforge.nets.layers.memory import ChannelsLast

INITIAL = 0.02
"""Standard deviation of the initial weights, as in DCGAN."""


def added_up(kernel: Tensor) -> Tensor:
    """k₄ of k₃: [a, b, 3, 3] → [a, b, 4, 4]."""
    shifts = [(i, j) for i in (0, 1) for j in (0, 1)]
    return torch.stack([pad(kernel, (j, 1 - j, i, 1 - i)) for i, j in shifts]).sum(0)


class UpConv(nn.Module):
    """Enlarges to twice the size by nearest neighbors and convolves with 3×3 kernels, in one operation.

    The kernels are stored as a transposed convolution has them: mirrored, inputs first.
    """

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(inputs, outputs, 3, 3))
        nn.init.normal_(self.weight, 0.0, INITIAL)

    def forward(self, x: Tensor) -> Tensor:
        return conv_transpose2d(x, added_up(self.weight), stride=2, padding=1)

    def for_inference(self) -> nn.Module:
        """A transposed convolution whose kernels are added up once. Bit for bit the same outputs."""
        layer = nn.ConvTranspose2d(*self.weight.shape[:2], kernel_size=4, stride=2, padding=1, bias=False)
        layer.weight = nn.Parameter(added_up(self.weight), requires_grad=False)
        return layer


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
