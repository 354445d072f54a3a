"""Small nets for spectra [C, F, T]: a generator with batch norm that learns fast, and a residual critic without norms.

Huang et al. 2024 ("The GAN is dead; long live the GAN!") for the critic's blocks and their fix-up initialization;
Radford et al. 2016 for the generator, with nearest-neighbor doubling in place of transposed convolutions.

    G: z → W z [c₀, f, t] → (double → conv 3×3 → BN → LeakyReLU) up to cells of patch² → conv 3×3 → the cells' bins
    D: cells of patch × patch → W → (block → half → W) down to a grid of 4 cells → Σ basis · h → W → logit
    block: h + W₃ act(W₂ ∗ act(W₁ h + b₁) + b₂)            W₁, W₃ 1×1; W₂ 3×3 in groups

A grid is halved, rounding up, as long as both sides are above 4. Along frequency a convolution is told where it is: D
and G start from or end in positions of their own, and the critic reads the height of each cell as one more channel.

x [N, C, F, T], z [N, L], c [N] labels, logits [N].
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, leaky_relu, pixel_shuffle, pixel_unshuffle

from ganforge.core.errors import UserError
from ganforge.core.types import Spec
from ganforge.nets.base import Discriminator, DiscriminatorOutput, Generator
from ganforge.nets.layers.labels import LabelTable

COARSEST = 4
SLOPE = 0.2
GAIN = math.sqrt(2 / (1 + SLOPE**2))
Size = tuple[int, int]


def nearest_spectrum(shape: tuple[int, ...], who: str, patch: int) -> tuple[int, ...]:
    """The nearest [C, F, T] whose sides are at least 4 cells of `patch`; raises UserError for other samples."""
    if len(shape) != 3:
        raise UserError(
            f"{who} nets are for spectra [C, F, T], not for samples of shape {list(shape)}. For sounds use "
            "signal.form=spectrogram; for others try mlp",
            code="nets.not_for_shape",
        )
    return shape[0], *(max(round(side / patch), COARSEST) * patch for side in shape[1:])


def grids(spec: Spec, who: str, patch: int) -> list[Size]:
    """(F, T) of every grid of cells, coarsest first.

    Raises:
        UserError: another size than the net can reach (says the nearest).
    """
    near = nearest_spectrum(spec.shape, who, patch)
    if near != tuple(spec.shape):
        raise UserError(
            f"{who}: cannot reach {spec.shape[1]}×{spec.shape[2]} spectra; the nearest size is {near[1]}×{near[2]}",
            code="nets.unreachable_size",
        )
    found = [(spec.shape[1] // patch, spec.shape[2] // patch)]
    while min(found[0]) > COARSEST:
        found.insert(0, ((found[0][0] + 1) // 2, (found[0][1] + 1) // 2))
    return found


def widths(channels: int, least: int, count: int) -> list[int]:
    """Channels of the grids, coarsest first: half as many on each finer one, at least `least`."""
    return [max(channels >> k, min(least, channels)) for k in range(count)]


class SpectralG(nn.Module):
    """The net of `SpectralGenerator`."""

    def __init__(self, latent: int, sizes: Sequence[Size], channels: Sequence[int], patch: int, spec: Spec):
        super().__init__()
        self.patch, self.sizes = patch, list(sizes)
        self.start = nn.Linear(latent, channels[0] * math.prod(sizes[0]), bias=False)
        # As a one-hot joined to z would start; with labels as strong as the whole of z, G soon ignores z.
        self.label = LabelTable(spec.classes, self.start.out_features, 0.02) if spec.classes else None
        self.norm = nn.BatchNorm2d(channels[0])
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1, bias=False) for a, b in pairwise(channels))
        self.norms = nn.ModuleList(nn.BatchNorm2d(b) for b in channels[1:])
        self.paint = nn.Conv2d(channels[-1], spec.shape[0] * patch**2, 3, padding=1)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        h = self.start(z)
        if self.label is not None:
            h = h + self.label(c)
        h = h.unflatten(1, (-1, *self.sizes[0])).contiguous(memory_format=torch.channels_last)
        h = leaky_relu(self.norm(h), SLOPE)
        for conv, norm, (high, wide) in zip(self.convs, self.norms, self.sizes[1:], strict=True):
            h = interpolate(h, scale_factor=2.0, mode="nearest")[..., :high, :wide]
            h = leaky_relu(norm(conv(h)), SLOPE)
        return pixel_shuffle(self.paint(h), self.patch).tanh()


class Block(nn.Module):
    """An inverted bottleneck with a grouped convolution, added to what comes in."""

    def __init__(self, channels: int, expansion: int, group: int, gain: float):
        super().__init__()
        inner = channels * expansion
        groups = next(g for g in range(max(inner // group, 1), 0, -1) if inner % g == 0)
        self.widen = nn.Conv2d(channels, inner, 1)
        self.mix = nn.Conv2d(inner, inner, 3, padding=1, groups=groups)
        self.narrow = nn.Conv2d(inner, channels, 1, bias=False)
        for layer, inputs in ((self.widen, channels), (self.mix, 9 * inner // groups)):
            nn.init.normal_(layer.weight, 0.0, GAIN * gain / math.sqrt(inputs))
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)
        nn.init.zeros_(self.narrow.weight)

    def forward(self, h: Tensor) -> Tensor:
        inner = leaky_relu(self.mix(leaky_relu(self.widen(h), SLOPE)), SLOPE)
        return h + self.narrow(inner)


class SpectralD(nn.Module):
    """The net of `SpectralDiscriminator`."""

    height: Tensor

    def __init__(self, sizes: Sequence[Size], channels: Sequence[int], patch: int, spec: Spec):
        super().__init__()
        gain, finest = len(sizes) ** -0.25, channels[-1]
        self.patch = patch
        cells = spec.shape[0] * patch**2
        self.read = nn.Conv2d(cells + 1, finest, 1, bias=False)
        nn.init.normal_(self.read.weight, 0.0, 1 / math.sqrt(cells))
        self.blocks = nn.ModuleList(Block(width, 2, 16, gain) for width in reversed(channels))
        self.maps = nn.ModuleList(nn.Conv2d(b, a, 1, bias=False) for a, b in reversed([*pairwise(channels)]))
        for layer in self.maps:
            nn.init.normal_(layer.weight, 0.0, 1 / math.sqrt(layer.weight.shape[1]))
        area = math.prod(sizes[0])
        self.basis = nn.Parameter(torch.randn(channels[0], *sizes[0]) / math.sqrt(area))
        self.head = nn.Linear(channels[0], channels[0] if spec.classes else 1)
        self.label = LabelTable(spec.classes, channels[0], spec.classes**-0.5) if spec.classes else None
        rows = torch.linspace(-1, 1, sizes[-1][0])[:, None]
        self.register_buffer("height", rows.expand(sizes[-1])[None, None].clone(), persistent=False)

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        cells = pixel_unshuffle(x, self.patch)
        h = self.read(torch.cat([cells, self.height.to(cells).expand(len(x), -1, -1, -1)], 1))
        h = self.blocks[0](h)
        for block, layer in zip([*self.blocks][1:], self.maps, strict=True):
            h = block(layer(avg_pool2d(h, 2, ceil_mode=True)))
        features = (h * self.basis).sum((2, 3))
        outputs = self.head(features)
        if self.label is None:
            return DiscriminatorOutput(outputs.squeeze(1), features)
        e = self.label(c)
        return DiscriminatorOutput((outputs * e).sum(1) / math.sqrt(e.shape[1]), features)


class SpectralGenerator(Generator, kind="spectral"):
    """Spectra from a small grid up, with batch norm."""

    within_one: ClassVar[bool] = True
    latent: int = 64
    """Width of the latent z, drawn from a standard normal."""
    channels: int = Field(default=192, ge=1)
    """Channels of the coarsest grid; each finer one has half as many."""
    least: int = Field(default=48, ge=1)
    """Channels that every grid has at least."""
    patch: int = Field(default=4, ge=1)
    """Bins and frames a side of a cell of the finest grid."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return nearest_spectrum(shape, "spectral", self.patch)

    def build(self, spec: Spec) -> nn.Module:
        sizes = grids(spec, "spectral", self.patch)
        return SpectralG(self.latent, sizes, widths(self.channels, self.least, len(sizes)), self.patch, spec)


class SpectralDiscriminator(Discriminator, kind="spectral"):
    """A residual critic of spectra, without norms."""

    channels: int = Field(default=128, ge=1)
    """Channels of the coarsest grid; each finer one has half as many."""
    least: int = Field(default=16, ge=1)
    """Channels that every grid has at least."""
    patch: int = Field(default=4, ge=1)
    """Bins and frames a side of a cell of the finest grid."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return nearest_spectrum(shape, "spectral", self.patch)

    def build(self, spec: Spec) -> nn.Module:
        sizes = grids(spec, "spectral", self.patch)
        return SpectralD(sizes, widths(self.channels, self.least, len(sizes)), self.patch, spec)
