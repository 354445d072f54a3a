"""The residual translator of CycleGAN.

Zhu et al. 2017, "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks", section 7.1; the
architecture is that of Johnson et al. 2016, "Perceptual Losses for Real-Time Style Transfer".

    c7s1-64 → d128 → d256 → R256 × blocks → u128 → u64 → c7s1-3, tanh

c7s1-k: convolution 7×7 with k channels; dk: 3×3, stride 2; Rk: x + conv3 norm ReLU conv3 norm; uk: 3×3 transposed,
stride 2. Instance norm without scale and offset, and ReLU, after each but the last. Nine blocks for 256 px and more,
six for less.

source [N, Cs, h, w] → [N, Ct, h, w] in [-1, 1]. The hidden layers: 1 to 3 the first convolutions, then the blocks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

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

Norm = Literal["instance", "batch", "none"]
NORMS = {"instance": InstanceNorm, "batch": nn.BatchNorm2d, "none": lambda channels: nn.Identity()}


class Block(nn.Module):
    """x + conv3 norm ReLU conv3 norm."""

    def __init__(self, channels: int, norm: Norm, padding: Padding, bias: bool):
        super().__init__()
        self.way = nn.Sequential(
            conv(channels, channels, 3, padding, bias=bias), NORMS[norm](channels), nn.ReLU(),
            conv(channels, channels, 3, padding, bias=bias), NORMS[norm](channels),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return x + self.way(x)


class ResnetTranslatorNet(TranslatorNet):
    """The net of `ResnetTranslator`."""

    def __init__(
        self, source: int, target: int, channels: int, blocks: int, norm: Norm, padding: Padding, how: Doubling
    ):
        super().__init__(depth=5 + blocks, multiple=4, least=8)
        C, bias = channels, norm == "none"  # a bias before a norm would be removed by it

        def normed(layer: nn.Module, after: int) -> nn.Module:
            return nn.Sequential(layer, NORMS[norm](after), nn.ReLU())

        self.stages = nn.ModuleList([
            normed(conv(source, C, 7, padding, bias=bias), C),
            normed(conv(C, 2 * C, 3, padding, stride=2, bias=bias), 2 * C),
            normed(conv(2 * C, 4 * C, 3, padding, stride=2, bias=bias), 4 * C),
            *(Block(4 * C, norm, padding, bias) for _ in range(blocks)),
            normed(doubling(4 * C, 2 * C, how, padding, kernel=3, bias=bias), 2 * C),
            normed(doubling(2 * C, C, how, padding, kernel=3, bias=bias), C),
            nn.Sequential(conv(C, target, 7, padding), nn.Tanh()),
        ])  # fmt: skip
        normal_start(self)

    def steps(self, x: Tensor) -> Iterator[Tensor]:
        for stage in self.stages:
            x = stage(x)
            yield x


class ResnetTranslator(Translator, kind="resnet_translator"):
    """Residual blocks on a grid four times as coarse as the image, as in CycleGAN."""

    channels: int = Field(default=64, ge=1)
    """Channels of the finest grid; four times the number in the blocks."""
    blocks: int = Field(default=9, ge=1)
    """Residual blocks: 9 for images of 256 px and more, 6 for smaller ones."""
    norm: Norm = "instance"
    """Instance norm, which looks at the whole image; batch norm; or none."""
    padding: Padding = "reflect"
    """What lies beyond the edge: the mirror image, zeros, or the edge again."""
    upsample: Doubling = "transposed"
    """How a grid is doubled: transposed convolutions (the paper's), or nearest or shuffle, without a checkerboard."""

    def check(self, source: Spec, target: Spec) -> None:
        scale_of(source, target, "resnet_translator", least=8)

    def build(self, source: Spec, target: Spec) -> nn.Module:
        self.check(source, target)
        colors = source.shape[0], target.shape[0]
        return ResnetTranslatorNet(*colors, self.channels, self.blocks, self.norm, self.padding, self.upsample)
