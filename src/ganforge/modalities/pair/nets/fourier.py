"""Fast Fourier convolutions, by which every pixel sees the whole image from the first block on: LaMa's inpainter.

Suvorov et al. 2022, "Resolution-robust Large Mask Inpainting with Fourier Convolutions", section 2.1 and appendix; Chi
et al. 2020, "Fast Fourier Convolution".

    channels are split: x_l local [N, (1−α)C, h, w], x_g global [N, αC, h, w], α = 0.75
    y_l = conv3(x_l) + conv3(x_g)
    y_g = conv3(x_l) + S(x_g)
    S(x):  h = conv1 norm ReLU of x to half the channels;   conv1(h + F⁻¹(conv1 norm ReLU of (Re, Im) of F(h)))

    c7 C → ½ 2C → ½ 4C → ½ 8C, split → blocks × (x + FFC norm ReLU FFC norm ReLU) → joined → (2×) 4C 2C C → c7, tanh

½: 3×3, stride 2; (2×): 3×3 transposed, or without a checkerboard. F is the real transform over the places, [N, C, h, w]
→ [N, C, h, w/2 + 1] complex. The paper's net ends in a sigmoid for colors in [0, 1]. The source is the image with
its holes at 0 and the mask as its last channel.

source [N, Cs, h, w] → [N, Ct, h, w] in [-1, 1]. The hidden layers: 1 to 4 the first convolutions, then the blocks with
both parts side by side, then the way up.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from pydantic import Field
from torch import Tensor, nn

from ganforge.core.types import Spec, wide
from ganforge.modalities.pair.layers.translating import (
    Doubling,
    Padding,
    TranslatorNet,
    conv,
    doubling,
    even_start,
    scale_of,
)
from ganforge.nets.base import Translator


def normed(layer: nn.Module, channels: int) -> nn.Sequential:
    return nn.Sequential(layer, nn.BatchNorm2d(channels), nn.ReLU())


class Spectral(nn.Module):
    """S: a convolution of single frequencies, each of which is all of the image."""

    def __init__(self, channels: int):
        super().__init__()
        half = max(channels // 2, 1)
        self.before = normed(nn.Conv2d(channels, half, 1, bias=False), half)
        self.frequencies = normed(nn.Conv2d(2 * half, 2 * half, 1, bias=False), 2 * half)
        self.after = nn.Conv2d(half, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        h = self.before(x)
        # In single precision: half of it has no transform on most devices.
        waves = torch.fft.rfft2(wide(h), norm="ortho")  # [N, half, h, w/2 + 1], complex
        parts = wide(self.frequencies(torch.cat([waves.real, waves.imag], 1)))
        real, imaginary = parts.chunk(2, 1)
        back = torch.fft.irfft2(torch.complex(real, imaginary), s=h.shape[2:], norm="ortho")
        return self.after(h + back.to(h.dtype))


class FourierConv(nn.Module):
    """FFC norm ReLU, on both parts."""

    def __init__(self, local: int, everywhere: int, padding: Padding):
        super().__init__()
        self.near = conv(local, local, 3, padding, bias=False)
        self.out = conv(local, everywhere, 3, padding, bias=False)
        self.back = conv(everywhere, local, 3, padding, bias=False)
        self.far = Spectral(everywhere)
        self.norms = nn.ModuleList([nn.BatchNorm2d(local), nn.BatchNorm2d(everywhere)])
        self.relu = nn.ReLU()

    def forward(self, x: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        local, everywhere = x
        a = self.near(local) + self.back(everywhere)
        b = self.out(local) + self.far(everywhere)
        return self.relu(self.norms[0](a)), self.relu(self.norms[1](b))


class FourierBlock(nn.Module):
    """x + two Fourier convolutions, on both parts."""

    def __init__(self, local: int, everywhere: int, padding: Padding):
        super().__init__()
        self.way = nn.Sequential(FourierConv(local, everywhere, padding), FourierConv(local, everywhere, padding))

    def forward(self, x: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        a, b = self.way(x)
        return x[0] + a, x[1] + b


class FourierNet(TranslatorNet):
    """The net of `Fourier`."""

    looks_at_all = True

    def __init__(
        self, source: int, target: int, C: int, top: int, blocks: int, share: float, padding: Padding, how: Doubling
    ):
        super().__init__(depth=4 + blocks + 3, multiple=8, least=16)
        widths = [min(C << k, top) for k in range(4)]
        everywhere = min(max(round(widths[3] * share), 1), widths[3] - 1)
        local = widths[3] - everywhere

        def down(before: int, after: int) -> nn.Module:
            return normed(conv(before, after, 3, padding, stride=2, bias=False), after)

        self.stem = nn.ModuleList([
            normed(conv(source, widths[0], 7, padding, bias=False), widths[0]),
            down(widths[0], widths[1]), down(widths[1], widths[2]), down(widths[2], widths[3]),
        ])  # fmt: skip
        self.split = [local, everywhere]
        self.blocks = nn.ModuleList(FourierBlock(local, everywhere, padding) for _ in range(blocks))
        self.ups = nn.ModuleList(
            normed(doubling(widths[k], widths[k - 1], how, padding, kernel=3, bias=False), widths[k - 1])
            for k in (3, 2, 1)
        )
        self.paint = nn.Sequential(conv(widths[0], target, 7, padding), nn.Tanh())
        even_start(self)

    def steps(self, x: Tensor) -> Iterator[Tensor]:
        for layer in self.stem:
            x = layer(x)
            yield x
        parts = tuple(x.split(self.split, 1))
        for block in self.blocks:
            parts = block(parts)
            x = torch.cat(parts, 1)
            yield x
        for up in self.ups:
            x = up(x)
            yield x
        yield self.paint(x)


class Fourier(Translator, kind="fourier"):
    """Fourier convolutions that see the whole image at once and repeat its patterns into large holes, as in LaMa."""

    channels: int = Field(default=64, ge=1)
    """Channels of the finest map; eight times the number in the blocks."""
    max_channels: int = Field(default=1024, ge=2)
    """Maximum number of channels of a map."""
    blocks: int = Field(default=9, ge=1)
    """Residual blocks: 9, or 18 in the paper's large model."""
    share: float = Field(default=0.75, gt=0, lt=1)
    """Share of the channels that see the whole image."""
    padding: Padding = "reflect"
    """What lies beyond the edge: the mirror image, zeros, or the edge again."""
    upsample: Doubling = "transposed"
    """How a grid is doubled: transposed convolutions (the paper's), or nearest or shuffle, without a checkerboard."""

    def check(self, source: Spec, target: Spec) -> None:
        scale_of(source, target, "fourier", least=8)

    def build(self, source: Spec, target: Spec) -> nn.Module:
        self.check(source, target)
        sizes = (source.shape[0], target.shape[0], self.channels, self.max_channels, self.blocks)
        return FourierNet(*sizes, self.share, self.padding, self.upsample)
