"""The U-Net of pix2pix: down to a single cell and up again, with every grid joined to its like on the way up.

Isola et al. 2017, "Image-to-Image Translation with Conditional Adversarial Networks", section 6.1.1.

    down   C64 → C128 → C256 → C512 × 5          4×4, stride 2, LeakyReLU 0.2
    up     CD512 → CD512 → CD512 → C512 → C256 → C128 → C64 → tanh, each but the first on what came up ⊕ its like

D: dropout 0.5 in training, at the three coarsest grids of eight. A norm after all but the first, the innermost and the
last: over a single cell and a single image it would leave nothing (the paper's own correction). With `batch` 1 the
paper's batch norm is an instance norm with scale and offset, and that is how it is used after training too.
For 256 px eight halvings; smaller images have as many as divide both sides. The paper keeps dropout when images are
made, as noise; here it is off then, and the same source always gives the same image.

source [N, Cs, h, w] → [N, Ct, h, w] in [-1, 1]. The hidden layers: the maps on the way down, then on the way up.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from ganforge.core.types import Spec
from ganforge.modalities.pair.layers.translating import (
    Doubling,
    InstanceNorm,
    Padding,
    TranslatorNet,
    conv,
    doubling,
    normal_start,
    scale_of,
)
from ganforge.nets.base import Translator
from ganforge.nets.layers.dropout import FastDropout

Norm = Literal["batch", "instance", "none"]
NORMS = {
    "batch": nn.BatchNorm2d,
    "instance": lambda channels: InstanceNorm(channels, affine=True),
    "none": lambda channels: nn.Identity(),
}
MOST, FEWEST = 8, 3
"""Halvings."""


class UnetNet(TranslatorNet):
    """The net of `Unet`. `widths`: the channels of its maps, finest first."""

    def __init__(
        self, source: int, target: int, widths: list[int], norm: Norm, dropout: float, padding: Padding, how: Doubling
    ):
        depth = len(widths)
        super().__init__(depth=2 * depth - 1, multiple=2**depth, least=2**depth)
        bias = norm == "none"  # a bias before a norm would be removed by it
        self.downs, self.ups = nn.ModuleList(), nn.ModuleList()
        before = source
        for k, after in enumerate(widths):
            plain = k in (0, depth - 1)
            layer = conv(before, after, 4, padding, stride=2, bias=bias or plain)
            self.downs.append(nn.Sequential(layer, nn.Identity() if plain else NORMS[norm](after)))
            before = after
        for k in reversed(range(depth)):
            inner = k == depth - 1
            joined = before if inner else 2 * before
            beyond = "replicate" if inner and padding == "reflect" else padding  # a single cell has no mirror image
            if k == 0:
                self.ups.append(nn.Sequential(doubling(joined, target, how, beyond), nn.Tanh()))
                break
            before = widths[k - 1]
            drop = dropout if depth - k <= min(3, depth - 5) else 0.0
            layer = doubling(joined, before, how, beyond, bias=bias)
            self.ups.append(nn.Sequential(layer, NORMS[norm](before), FastDropout(drop)))
        self.leaky, self.relu = nn.LeakyReLU(0.2), nn.ReLU()
        normal_start(self)

    def steps(self, x: Tensor) -> Iterator[Tensor]:
        maps: list[Tensor] = []
        for k, down in enumerate(self.downs):
            x = down(self.leaky(x) if k else x)
            maps.append(x)
            yield x
        for k, up in enumerate(self.ups):
            joined = x if k == 0 else torch.cat([x, maps[-1 - k]], 1)
            x = up(self.relu(joined))
            yield x


class Unet(Translator, kind="unet"):
    """A U-Net that looks at the whole image and keeps its fine lines, as in pix2pix."""

    channels: int = Field(default=64, ge=1)
    """Channels of the finest map; each coarser one has twice the number."""
    max_channels: int = Field(default=512, ge=1)
    """Maximum number of channels of a map."""
    halvings: int | None = Field(default=None, ge=FEWEST, le=MOST)
    """How often the image is halved; by default as often as both sides can be, 3 to 8 times."""
    norm: Norm = "batch"
    """Batch norm; instance norm, which is what the paper's batches of one amount to; or none."""
    dropout: float = Field(default=0.5, ge=0, lt=1)
    """Share of units dropped in training, at the coarsest grids of nets of more than five halvings."""
    padding: Padding = "zero"
    """What lies beyond the edge: zeros (the paper's), the mirror image, or the edge again."""
    upsample: Doubling = "transposed"
    """How a grid is doubled: transposed convolutions (the paper's), nearest or shuffle."""

    def check(self, source: Spec, target: Spec) -> None:
        scale_of(source, target, "unet", least=8)

    def build(self, source: Spec, target: Spec) -> nn.Module:
        self.check(source, target)
        times = self.halvings or halvings(*source.shape[1:])
        widths = [min(self.channels << k, self.max_channels) for k in range(times)]
        colors = source.shape[0], target.shape[0]
        return UnetNet(*colors, widths, self.norm, self.dropout, self.padding, self.upsample)


def halvings(height: int, width: int) -> int:
    """How often both sides can be halved without a remainder, 3 to 8."""
    times = 0
    while times < MOST and height % 2 == 0 and width % 2 == 0:
        height, width, times = height // 2, width // 2, times + 1
    return max(times, FEWEST)
