"""The translator of StarGAN.

Choi et al. 2018, "StarGAN: Unified Generative Adversarial Networks for Multi-Domain Image-to-Image Translation", table
4.

    c7s1-64 → d128 → d256 → R256 × blocks → u128 → u64 → c7s1-3, tanh

c7s1-k: convolution 7×7 with k channels; dk: 4×4, stride 2; Rk: x + conv3 norm ReLU conv3 norm; uk: 4×4 transposed,
stride 2. Instance norm with scale and offset, and ReLU, after each but the last.

source [N, Cs, h, w], in which attributes are constant channels, → [N, Ct, h, w] in [-1, 1].
"""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field
from torch import Tensor, nn

from ganforge.core.types import Spec
from ganforge.modalities.pair.layers.translating import InstanceNorm, TranslatorNet, scale_of
from ganforge.nets.base import Translator


def _normed(layer: nn.Module, channels: int) -> nn.Sequential:
    return nn.Sequential(layer, InstanceNorm(channels, affine=True), nn.ReLU())


class Block(nn.Module):
    """x + conv3 norm ReLU conv3 norm."""

    def __init__(self, channels: int):
        super().__init__()
        self.way = nn.Sequential(
            *_normed(nn.Conv2d(channels, channels, 3, 1, 1, bias=False), channels),
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False), InstanceNorm(channels, affine=True),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return x + self.way(x)


class StarganTranslatorNet(TranslatorNet):
    """The net of `StarganTranslator`."""

    def __init__(self, source: int, target: int, channels: int, blocks: int):
        super().__init__(depth=5 + blocks, multiple=4, least=8)
        C = channels
        self.stages = nn.ModuleList([
            _normed(nn.Conv2d(source, C, 7, 1, 3, bias=False), C),
            _normed(nn.Conv2d(C, 2 * C, 4, 2, 1, bias=False), 2 * C),
            _normed(nn.Conv2d(2 * C, 4 * C, 4, 2, 1, bias=False), 4 * C),
            *(Block(4 * C) for _ in range(blocks)),
            _normed(nn.ConvTranspose2d(4 * C, 2 * C, 4, 2, 1, bias=False), 2 * C),
            _normed(nn.ConvTranspose2d(2 * C, C, 4, 2, 1, bias=False), C),
            nn.Sequential(nn.Conv2d(C, target, 7, 1, 3, bias=False), nn.Tanh()),
        ])  # fmt: skip

    def steps(self, x: Tensor) -> Iterator[Tensor]:
        for stage in self.stages:
            x = stage(x)
            yield x


class StarganTranslator(Translator, kind="stargan"):
    """Two halvings, residual blocks and two doublings (StarGAN)."""

    channels: int = Field(default=64, ge=1)
    """Number of channels at full size."""
    blocks: int = Field(default=6, ge=0)
    """Number of residual blocks."""

    def check(self, source: Spec, target: Spec) -> None:
        scale_of(source, target, "stargan", least=8)

    def build(self, source: Spec, target: Spec) -> nn.Module:
        self.check(source, target)
        return StarganTranslatorNet(source.shape[0], target.shape[0], self.channels, self.blocks)
