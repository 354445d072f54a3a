"""Nets that make images larger: SRResNet and RRDB. With scale 1 they repair images of the same size.

Ledig et al. 2017, "Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial Network", figure 4;
Wang et al. 2018, "ESRGAN: Enhanced Super-Resolution Generative Adversarial Networks", section 3.1.

    srresnet   conv9 PReLU → 16 × (x + conv3 norm PReLU conv3 norm) → conv3 norm, + what it began from
               → (conv3 to 4 times the channels, shuffled to a grid twice as fine, PReLU) a doubling → conv9
    rrdb       conv3 → 23 × (x + 0.2 · three dense blocks) → conv3, + what it began from
               → (nearest, conv3, LeakyReLU 0.2) a doubling → conv3 LeakyReLU → conv3
    a dense block: five conv3, each on all that came before; x + 0.2 · the last

Both give what is to be added to the source, enlarged bilinearly: the net starts from an image, not from gray. The
papers' nets give the image itself (`residual` off). Without norms (`srresnet` of later work, EDSR's finding) the
colors of an image do not depend on those of the batch. With `fold` 2 the srresnet lays each 2×2 px of the source into
the channels first (Zhang et al. 2018, "FFDNet", section 3.2) and shuffles them out at the end: its blocks look twice as
far for a quarter of the work, which suits sources that are as large as their targets.

source [N, Cs, h, w] → [N, Ct, h·s, w·s], s one of 1, 2, 3, 4, 8; not bounded: what leaves [-1, 1] is cut in use.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Literal, NamedTuple, cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import interpolate

from ganforge.core.types import Spec
from ganforge.modalities.pair.layers import phases
from ganforge.modalities.pair.layers.translating import Padding, Shuffle, TranslatorNet, conv, even_start, scale_of
from ganforge.nets.base import Translator

SCALES = (1, 2, 3, 4, 8)
FACTORS = {1: [], 2: [2], 3: [3], 4: [2, 2], 8: [2, 2, 2]}
"""A scale as grids that are made finer one after the other."""
SHRINK = 0.2  # of what a dense block adds; ESRGAN


class Movable(NamedTuple):
    """The end of a net whose last convolution, `paint`, can go before the last pixel shuffle, by `factor`: that takes
    a third of the time on CPUs, which compute 16 channels at a time. `coarse` is what comes before that shuffle."""

    coarse: nn.Sequential
    factor: int
    paint: nn.Conv2d


class EnlargingNet(TranslatorNet):
    """head → x + trunk(x) → finer grids → paint, and the enlarged source beside it. `trunk` is a list of blocks.

    On CPUs the last hidden layer is the one before the last pixel shuffle, where `paint` can be moved before it.
    """

    def __init__(
        self,
        head: nn.Module,
        trunk: list[nn.Module],
        close: nn.Module,
        finer: list[nn.Module],
        paint: nn.Module,
        target: int,
        scale: int,
        residual: bool,
        fold: int = 1,
    ):
        least = 5 * fold  # conv9 mirrors 4 px
        super().__init__(depth=1 + len(trunk) + 1 + len(finer), scale=scale, multiple=fold, least=least)
        self.head, self.trunk, self.close = head, nn.ModuleList(trunk), close
        self.finer, self.paint = nn.ModuleList(finer), paint
        self.target, self.residual = target, residual

    def steps(self, x: Tensor) -> Iterator[Tensor]:
        start = h = self.head(x)
        yield h
        for block in self.trunk:
            h = block(h)
            yield h
        h = start + self.close(h)
        yield h
        finer, paint = list(self.finer), self.paint
        if h.device.type == "cpu" and (last := self.movable()) is not None:
            finer, paint = [*finer[:-1], last.coarse], partial(phases.shuffled, conv=last.paint, factor=last.factor)
        for layer in finer:
            h = layer(h)
            yield h
        image = paint(h)
        yield image + enlarged(x, self.target, self.scale) if self.residual else image

    def movable(self) -> Movable | None:
        """The last layers, where the last convolution can go before the last pixel shuffle, and CPUs gain by it."""
        last = self.finer[-1] if len(self.finer) else None
        shuffle, *after = last if isinstance(last, nn.Sequential) else [None]
        paint = cast(nn.Conv2d, self.paint)
        if not isinstance(shuffle, Shuffle) or not phases.fits(paint) or not phases.pays(paint, shuffle.factor):
            return None
        return Movable(nn.Sequential(*[shuffle[0], *after]), shuffle.factor, paint)  # one slope for all channels

    def for_inference(self) -> nn.Module:
        """The same net with its last convolution before the last pixel shuffle, and the weights of that ready."""
        if (last := self.movable()) is None:
            return self
        finer, paint = [*list(self.finer)[:-1], last.coarse], phases.before_shuffle(last.paint, last.factor)
        trunk, fold = list(self.trunk), self.multiple
        return EnlargingNet(self.head, trunk, self.close, finer, paint, self.target, self.scale, self.residual, fold)


def enlarged(source: Tensor, colors: int, scale: int) -> Tensor:
    """The source in as many colors and as large as the target, bilinearly: what is to be corrected.

    A gray source stands for every color; of more channels (a mask at the end) the first ones are taken.
    """
    x = source[:, :colors] if source.shape[1] >= colors else source[:, :1].expand(-1, colors, -1, -1)
    return x if scale == 1 else interpolate(x, scale_factor=scale, mode="bilinear")


class ResidualBlock(nn.Module):
    """x + conv3 norm PReLU conv3 norm."""

    def __init__(self, channels: int, norm: bool, padding: Padding):
        super().__init__()
        self.way = nn.Sequential(
            conv(channels, channels, 3, padding, bias=not norm), normed(channels, norm), nn.PReLU(),
            conv(channels, channels, 3, padding, bias=not norm), normed(channels, norm),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return x + self.way(x)


def normed(channels: int, norm: bool) -> nn.Module:
    return nn.BatchNorm2d(channels) if norm else nn.Identity()


class DenseBlock(nn.Module):
    """Five convolutions, each on all that came before; x + 0.2 · the last."""

    def __init__(self, channels: int, growth: int, padding: Padding):
        super().__init__()
        widths = [growth] * 4 + [channels]
        self.convs = nn.ModuleList(conv(channels + k * growth, after, 3, padding) for k, after in enumerate(widths))
        self.leaky = nn.LeakyReLU(0.2)

    def forward(self, x: Tensor) -> Tensor:
        maps = [x]
        for layer in self.convs[:-1]:
            maps.append(self.leaky(layer(torch.cat(maps, 1))))
        return x + SHRINK * self.convs[-1](torch.cat(maps, 1))


class Rrdb(nn.Module):
    """Residual in residual: x + 0.2 · what three dense blocks make of it."""

    def __init__(self, channels: int, growth: int, padding: Padding):
        super().__init__()
        self.way = nn.Sequential(*(DenseBlock(channels, growth, padding) for _ in range(3)))

    def forward(self, x: Tensor) -> Tensor:
        return x + SHRINK * self.way(x)


class SrResNet(Translator, kind="srresnet"):
    """Residual blocks on the small image, then shuffled channels up to the large one, as in SRGAN."""

    channels: int = Field(default=64, ge=1)
    """Channels of every map."""
    blocks: int = Field(default=16, ge=1)
    """Residual blocks."""
    norm: Literal["batch", "none"] = "batch"
    """Batch norm (SRGAN), or none (what later work has)."""
    residual: bool = True
    """Add what the net gives to the source, enlarged bilinearly."""
    fold: Literal[1, 2] = 1
    """2: work on a grid half as fine as the source's, each 2×2 px of it as four times the channels."""
    padding: Padding = "zero"
    """What lies beyond the edge: zeros (the paper's), the mirror image, or the edge again."""

    def check(self, source: Spec, target: Spec) -> None:
        scale_of(source, target, "srresnet", SCALES, least=4)

    def build(self, source: Spec, target: Spec) -> nn.Module:
        self.check(source, target)
        scale = target.shape[1] // source.shape[1]
        C, edge, norm = self.channels, self.padding, self.norm == "batch"
        paint = conv(C, target.shape[0], 9, edge)
        if self.residual:
            nn.init.normal_(paint.weight, 0.0, 1e-3)  # the first image is the enlarged source
            nn.init.zeros_(paint.bias)  # type: ignore[arg-type]
        folded = [nn.PixelUnshuffle(self.fold)] if self.fold > 1 else []
        finer = [*FACTORS[scale], *([self.fold] if self.fold > 1 else [])]
        net = EnlargingNet(
            nn.Sequential(*folded, conv(source.shape[0] * self.fold**2, C, 9, edge), nn.PReLU()),
            [ResidualBlock(C, norm, edge) for _ in range(self.blocks)],
            nn.Sequential(conv(C, C, 3, edge, bias=not norm), normed(C, norm)),
            [nn.Sequential(Shuffle(C, C, edge, factor), nn.PReLU()) for factor in finer],
            paint, target.shape[0], scale, self.residual, self.fold,
        )  # fmt: skip
        even_start(net)
        return net


class RrdbNet(Translator, kind="rrdb"):
    """Dense blocks within residual ones, without norms, as in ESRGAN."""

    channels: int = Field(default=64, ge=1)
    """Channels of every map."""
    blocks: int = Field(default=23, ge=1)
    """Residual-in-residual blocks, of three dense blocks each."""
    growth: int = Field(default=32, ge=1)
    """Channels that each convolution of a dense block adds."""
    residual: bool = False
    """Add what the net gives to the source, enlarged bilinearly. The paper's net does not."""
    padding: Padding = "zero"
    """What lies beyond the edge: zeros (the paper's), the mirror image, or the edge again."""

    def check(self, source: Spec, target: Spec) -> None:
        scale_of(source, target, "rrdb", SCALES, least=4)

    def build(self, source: Spec, target: Spec) -> nn.Module:
        self.check(source, target)
        scale = target.shape[1] // source.shape[1]
        C, edge = self.channels, self.padding

        def finer(factor: int) -> nn.Module:
            return nn.Sequential(nn.Upsample(scale_factor=factor), conv(C, C, 3, edge), nn.LeakyReLU(0.2))

        net = EnlargingNet(
            conv(source.shape[0], C, 3, edge),
            [Rrdb(C, self.growth, edge) for _ in range(self.blocks)],
            conv(C, C, 3, edge),
            [finer(factor) for factor in FACTORS[scale]],
            nn.Sequential(conv(C, C, 3, edge), nn.LeakyReLU(0.2), conv(C, target.shape[0], 3, edge)),
            target.shape[0], scale, self.residual,
        )  # fmt: skip
        tenth_start(net)
        return net


def tenth_start(net: nn.Module) -> None:
    """Kaiming's weights times 0.1, biases 0: the residual parts begin small (ESRGAN, section 3.4)."""
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)
            with torch.no_grad():
                layer.weight *= 0.1
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
