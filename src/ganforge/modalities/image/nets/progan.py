"""ProGAN: a generator and a discriminator that start with 4×4 cells and grow by finer grids.

Karras et al. 2018, "Progressive Growing of GANs for Improved Quality, Stability, and Variation", table 2.

    G   z / |z| → linear → 4×4 → convolution;  each finer grid: double → convolution → convolution
        each grid k outputs an image by its own 1×1 convolution; LeakyReLU and pixel norm after all others
    D   each grid has a 1×1 convolution of the image as input; convolution → convolution → half, down to 4×4 →
        minibatch stddev → convolution → linear → linear → logit
    fade   G: x = (1 − α) · double(image of the lower grid) + α · image of the higher
           D: h = (1 − α) · from_rgb(half(x)) + α · half(block(from_rgb(x)))
    pixel norm   h / √(mean over channels of h² + 10⁻⁸)

|·| is the root mean square. Learning rates are equalized (`layers.equalized`). The task sets the current height of the
nets (`layers.growth`); grids are halved as in `layers.pyramid`. A label embedding is added to z in G, and projected in
D, as in `nets.dcgan`.

N samples, z [N, L], c [N], x [N, C, H, W], h [N, h, w, K] channels last, logits [N].
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice, pairwise
from typing import ClassVar

from pydantic import Field
from torch import Tensor, nn

from ganforge.core.types import Spec, wide
from ganforge.modalities.image.layers.growth import Growing
from ganforge.modalities.image.layers.pyramid import Size, check_picture, grids, grown, nearest_picture, shrunk
from ganforge.nets.base import Discriminator, DiscriminatorOutput, Generator
from ganforge.nets.layers.equalized import EqualConv, EqualLinear, act
from ganforge.nets.layers.labels import LabelTable
from ganforge.nets.layers.minibatch import MinibatchStddev

GROUP = 4
"""Group size of the minibatch standard deviation."""


def pixel_norm(h: Tensor) -> Tensor:
    """[..., K], normalized to mean square 1 over K."""
    return h * (wide(h).square().mean(-1, keepdim=True) + 1e-8).rsqrt().to(h.dtype)


def levels(channels: int, top: int, count: int) -> list[int]:
    """Number of channels of each grid, coarsest first: `channels` on the finest, doubled on each coarser one, at most
    `top`."""
    return [min(channels << k, top) for k in reversed(range(count))]


def last(x: Tensor) -> Tensor:
    """[N, C, H, W] → [N, H, W, C]."""
    return x.permute(0, 2, 3, 1).contiguous()


def half(h: Tensor) -> Tensor:
    """`shrunk` for [N, H, W, K]."""
    return shrunk(h.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


class GrowBlock(nn.Module):
    """G's block for a grid: [N, h, w, before] → [N, *size, after]."""

    def __init__(self, before: int, after: int, size: Size):
        super().__init__()
        self.size = size
        self.first, self.second = EqualConv(before, after), EqualConv(after, after)

    def forward(self, h: Tensor) -> Tensor:
        h = grown(h.permute(0, 3, 1, 2), self.size).permute(0, 2, 3, 1)
        h = pixel_norm(act(self.first(h)))
        return pixel_norm(act(self.second(h)))


class Trunk(nn.Module):
    """z [N, L], c [N] → the maps of G's grids [N, h, w, K], coarsest first, computed lazily."""

    def __init__(self, latent: int, widths: list[int], sizes: list[Size], classes: int):
        super().__init__()
        self.start_shape = (*sizes[0], widths[0])
        self.project = EqualLinear(latent, math.prod(self.start_shape))
        self.label = LabelTable(classes, math.prod(self.start_shape), latent**-0.5) if classes else None
        self.first = EqualConv(widths[0], widths[0])
        grids = zip(pairwise(widths), sizes[1:], strict=True)
        self.blocks = nn.ModuleList(GrowBlock(before, after, size) for (before, after), size in grids)

    def forward(self, z: Tensor, c: Tensor | None) -> Iterator[Tensor]:
        h = self.project(pixel_norm(z))
        if self.label is not None:
            h = h + self.label(c)
        h = pixel_norm(act(h.unflatten(1, self.start_shape)))
        h = pixel_norm(act(self.first(h)))
        yield h
        for block in self.blocks:
            h = block(h)
            yield h


class ProganG(Growing):
    """The net of `ProganGenerator`."""

    unit_axis = -1
    """The axis of hidden layers that holds the channels."""

    def __init__(self, latent: int, widths: list[int], sizes: list[Size], colors: int, classes: int):
        super().__init__(len(sizes) - 1)
        self.sizes = sizes
        self.trunk = Trunk(latent, widths, sizes, classes)
        self.paint = nn.ModuleList(EqualLinear(width, colors) for width in widths)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Images [N, C, *sizes[high]] of the current grid."""
        low, high, alpha = self.stage
        maps = list(islice(self.trunk(z, c), high + 1))
        x = self.picture(high, maps[high])
        return x if low == high else grown(self.picture(low, maps[low]), self.sizes[high]).lerp(x, alpha)

    def picture(self, grid: int, h: Tensor) -> Tensor:
        return self.paint[grid](h).permute(0, 3, 1, 2).contiguous()


class Judge(nn.Module):
    """The last layers of D: from the map of the coarsest grid [N, h, w, width + extra] to its output."""

    def __init__(self, width: int, size: Size, classes: int, extra: int = 0):
        super().__init__()
        self.across = MinibatchStddev(GROUP)
        self.conv = EqualConv(width + extra + self.across.extra, width)
        self.flat = EqualLinear(width * size[0] * size[1], width)
        self.head = EqualLinear(width, 1)
        self.label = LabelTable(classes, width, 0.02) if classes else None

    def forward(self, h: Tensor, c: Tensor | None) -> DiscriminatorOutput:
        h = self.across(h.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        features = act(self.flat(act(self.conv(h)).flatten(1)))  # [N, F]
        logits = self.head(features).squeeze(1)
        if self.label is not None:
            logits = logits + (self.label(c) * features).sum(1)
        return DiscriminatorOutput(logits, features)


class DownBlock(nn.Module):
    """D's block for a grid: [N, h, w, before] → [N, h/2, w/2, after]."""

    def __init__(self, before: int, after: int):
        super().__init__()
        self.first, self.second = EqualConv(before, before), EqualConv(before, after)

    def forward(self, h: Tensor) -> Tensor:
        return half(act(self.second(act(self.first(h)))))


class ProganD(Growing):
    """The net of `ProganDiscriminator`."""

    def __init__(self, widths: list[int], sizes: list[Size], colors: int, classes: int):
        super().__init__(len(sizes) - 1)
        self.sizes = sizes
        self.judge = Judge(widths[0], sizes[0], classes)
        self.blocks = nn.ModuleList(DownBlock(after, before) for before, after in pairwise(widths))
        self.read = nn.ModuleList(EqualLinear(colors, width) for width in widths)

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        """Scores images [N, C, *sizes[high]] of the current grid."""
        low, high, alpha = self.stage
        h = act(self.read[high](last(x)))
        if low < high:
            h = act(self.read[low](last(shrunk(x)))).lerp(self.blocks[low](h), alpha)
        for block in reversed(self.blocks[:low]):
            h = block(h)
        return self.judge(h, c)


class ProganGenerator(Generator, kind="progan"):
    """A generator that can grow grid by grid, with pixel norm (ProGAN); for images of any size and the task
    `progan`."""

    within_one: ClassVar[bool] = False
    latent: int = 512
    """Dimension of the latent z, which is normalized to mean square 1."""
    channels: int = Field(default=64, ge=1)
    """Number of channels of the finest grid; doubled on each coarser grid. In the paper 16 at 1024 pixels, 64 at
    256."""
    max_channels: int = Field(default=512, ge=1)
    """Maximum number of channels of a grid."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return nearest_picture(shape, "progan")

    def truncate(self, z: Tensor, truncation: float) -> Tensor:
        return z  # the length of z has no effect

    def build(self, spec: Spec) -> nn.Module:
        check_picture(spec, "progan")
        sizes = grids(*spec.shape[1:])
        widths = levels(self.channels, self.max_channels, len(sizes))
        return ProganG(self.latent, widths, sizes, spec.shape[0], spec.classes)


class ProganDiscriminator(Discriminator, kind="progan"):
    """A discriminator that can grow grid by grid, with minibatch standard deviation (ProGAN); for images of any
    size."""

    channels: int = Field(default=64, ge=1)
    """Number of channels of the finest grid; doubled on each coarser grid."""
    max_channels: int = Field(default=512, ge=1)
    """Maximum number of channels of a grid."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return nearest_picture(shape, "progan")

    def build(self, spec: Spec) -> nn.Module:
        check_picture(spec, "progan")
        sizes = grids(*spec.shape[1:])
        return ProganD(levels(self.channels, self.max_channels, len(sizes)), sizes, spec.shape[0], spec.classes)
