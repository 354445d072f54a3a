"""R3GAN: a modern ResNet without normalization, for relativistic pairing with R1 and R2.

Huang et al. 2024, "The GAN is dead; long live the GAN! A Modern Baseline GAN", configuration E.

    block     h + W₃ act(W₂ ∗ act(W₁ h + b₁) + b₂)            W₁ C → E·C;  W₂ 3×3 in groups;  W₃ E·C → C
    G: z [N, L] → W z · basis [h, w, C] → blocks → (double → blocks) for each finer grid → W h → x
    D: x → W x → (blocks → half) down to the coarsest grid → blocks → Σ over cells of basis · h → W → logit [N]

act: LeakyReLU 0.2. Halving and doubling are bilinear (`layers.fir`), with a linear map if the number of channels
changes. There are no biases except b₁ and b₂, no norm and no tanh: values may slightly exceed [−1, 1], and are clipped
by `decode`.

Fix-up initialization (Zhang et al. 2019): W₃ is 0, and W₁ and W₂ are He-initialized times B^(−1/4) for B blocks in
total: with two such layers per block, the combined change of B blocks is of the size of one.

A label embedding is concatenated to z in G; D's output is the inner product of its features with the label embedding
(Miyato & Koyama 2018), divided by √F.

Grids are halved as in `layers.pyramid`, so every size is supported: 32, 16, 8, 4 or 28, 14, 7, 4. If each cell of the
finest grid covers `patch` × `patch` pixels, the most expensive grids are omitted.

N samples, x [N, C, H, W], h [N, h, w, C] channels last, where a 1×1 convolution is a matrix product.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, pixel_shuffle, pixel_unshuffle

from ganforge.core.types import Spec
from ganforge.modalities.image.layers.fir import BILINEAR, double, half
from ganforge.modalities.image.layers.pyramid import Size, check_picture, grids, nearest_picture
from ganforge.nets.base import Discriminator, DiscriminatorOutput, Generator
from ganforge.nets.layers.labels import LabelTable

SLOPE = 0.2
GAIN = math.sqrt(2 / (1 + SLOPE**2))  # He initialization for act, which preserves the scale of activations


def linear(inputs: int, outputs: int, gain: float = 1.0, bias: bool = False) -> nn.Linear:
    """A linear layer, initialized so that outputs are `gain` times as large as inputs."""
    layer = nn.Linear(inputs, outputs, bias)
    nn.init.normal_(layer.weight, 0.0, gain / math.sqrt(inputs))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class Block(nn.Module):
    """A residual inverted bottleneck with a grouped convolution: [N, h, w, C] → the same shape.

    Args:
        channels: C.
        expansion: channels of the convolution divided by C.
        group: channels per group of the convolution; fewer groups if it does not divide its channels.
        gain: scale of the first two layers relative to He initialization.
    """

    def __init__(self, channels: int, expansion: int, group: int, gain: float):
        super().__init__()
        inner = channels * expansion
        groups = next(g for g in range(max(inner // group, 1), 0, -1) if inner % g == 0)
        self.widen = linear(channels, inner, GAIN * gain, bias=True)
        self.mix = nn.Conv2d(inner, inner, 3, padding=1, groups=groups)
        self.narrow = nn.Linear(inner, channels, bias=False)
        nn.init.normal_(self.mix.weight, 0.0, GAIN * gain / math.sqrt(9 * inner // groups))
        assert self.mix.bias is not None
        nn.init.zeros_(self.mix.bias)
        nn.init.zeros_(self.narrow.weight)

    def forward(self, h: Tensor) -> Tensor:
        inner = leaky_relu(self.widen(h), SLOPE)  # [N, h, w, E·C]
        inner = self.mix(inner.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)  # permuted to an image in channels_last layout
        return h + self.narrow(leaky_relu(inner, SLOPE))


def stage(channels: int, blocks: int, expansion: int, group: int, gain: float) -> list[nn.Module]:
    return [Block(channels, expansion, group, gain) for _ in range(blocks)]


def transition(before: int, after: int) -> list[nn.Module]:
    """A linear map if the number of channels changes."""
    return [] if before == after else [linear(before, after)]


class R3ganG(nn.Module):
    """The net of `R3ganGenerator`."""

    unit_axis = -1
    """The axis of hidden layers that holds the channels."""

    def __init__(
        self,
        latent: int,
        sizes: Sequence[Size],
        widths: Sequence[int],
        blocks: int,
        expansion: int,
        group: int,
        spec: Spec,
        patch: int,
    ):
        super().__init__()
        gain = (blocks * len(sizes)) ** -0.25
        self.patch = patch
        self.label = LabelTable(spec.classes, latent, spec.classes**-0.5) if spec.classes else None
        self.start = linear(latent * (2 if spec.classes else 1), widths[0])
        self.basis = nn.Parameter(torch.randn(*sizes[0], widths[0]))
        layers = stage(widths[0], blocks, expansion, group, gain)
        for (before, after), size in zip(pairwise(widths), sizes[1:], strict=True):
            layers += [*transition(before, after), double(size, BILINEAR)]  # this order applies the map to fewer cells
            layers += stage(after, blocks, expansion, group, gain)
        self.layers = nn.Sequential(*layers)
        self.paint = linear(widths[-1], spec.shape[0] * patch**2)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        if self.label is not None:
            z = torch.cat([z, self.label(c)], 1)
        h = self.start(z)[:, None, None] * self.basis  # [N, h, w, C]
        x = self.paint(self.layers(h)).permute(0, 3, 1, 2)
        return pixel_shuffle(x, self.patch).contiguous()


class R3ganD(nn.Module):
    """The net of `R3ganDiscriminator`."""

    def __init__(
        self,
        sizes: Sequence[Size],
        widths: Sequence[int],
        blocks: int,
        expansion: int,
        group: int,
        spec: Spec,
        patch: int,
    ):
        super().__init__()
        gain = (blocks * len(sizes)) ** -0.25
        self.patch = patch
        self.read = linear(spec.shape[0] * patch**2, widths[-1])
        layers: list[nn.Module] = []
        for (after, before), size in zip(reversed([*pairwise(widths)]), reversed(sizes[1:]), strict=True):
            layers += stage(before, blocks, expansion, group, gain)
            layers += [half(size, BILINEAR), *transition(before, after)]
        self.layers = nn.Sequential(*layers, *stage(widths[0], blocks, expansion, group, gain))
        self.basis = nn.Parameter(torch.randn(*sizes[0], widths[0]) / math.sqrt(math.prod(sizes[0])))
        self.head = linear(widths[0], widths[0] if spec.classes else 1)
        self.label = LabelTable(spec.classes, widths[0], spec.classes**-0.5) if spec.classes else None

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        h = self.layers(self.read(pixel_unshuffle(x, self.patch).permute(0, 2, 3, 1).contiguous()))
        features = (h * self.basis).sum((1, 2))  # [N, F]
        outputs = self.head(features)
        if self.label is None:
            return DiscriminatorOutput(outputs.squeeze(1), features)
        e = self.label(c)
        return DiscriminatorOutput((outputs * e).sum(1) / math.sqrt(e.shape[1]), features)


def layout(spec: Spec, patch: int, channels: int, wide: int) -> tuple[list[Size], list[int]]:
    """The grids for a spec, and the number of channels of each, coarsest first.

    Raises:
        UserError: the net does not support that size; the message states the closest supported one.
    """
    check_picture(spec, "r3gan", patch)
    sizes = grids(spec.shape[1] // patch, spec.shape[2] // patch)
    return sizes, [max(channels >> max(0, k + 1 - wide), 1) for k in range(len(sizes))]


class R3ganGenerator(Generator, kind="r3gan"):
    """A residual net without normalization (R3GAN), for images of any size."""

    within_one: ClassVar[bool] = False
    latent: int = 64
    """Dimension of the latent z, drawn from a standard normal."""
    channels: int = Field(default=128, ge=1)
    """Number of channels of the coarsest grid; 768 in the paper."""
    wide: int = Field(default=1, ge=1)
    """Number of coarse grids with the full number of channels (4 in the paper); it is halved on each finer grid."""
    blocks: int = Field(default=1, ge=1)
    """Number of residual blocks per grid; 2 in the paper."""
    expansion: int = Field(default=2, ge=1)
    """Expansion factor of the inverted bottleneck: channels of a block's convolution divided by those of the grid."""
    group: int = Field(default=16, ge=1)
    """Number of channels per group of that convolution."""
    patch: int = Field(default=1, ge=1)
    """Size in px of a cell of the finest grid; above 1 it omits the finest grids, which is faster."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return nearest_picture(shape, "r3gan", self.patch)

    def build(self, spec: Spec) -> nn.Module:
        sizes, widths = layout(spec, self.patch, self.channels, self.wide)
        return R3ganG(self.latent, sizes, widths, self.blocks, self.expansion, self.group, spec, self.patch)


class R3ganDiscriminator(Discriminator, kind="r3gan"):
    """A residual net without normalization (R3GAN), for images of any size."""

    channels: int = Field(default=128, ge=1)
    """Number of channels of the coarsest grid; 768 in the paper."""
    wide: int = Field(default=1, ge=1)
    """Number of coarse grids with the full number of channels (4 in the paper); it is halved on each finer grid."""
    blocks: int = Field(default=1, ge=1)
    """Number of residual blocks per grid; 2 in the paper."""
    expansion: int = Field(default=2, ge=1)
    """Expansion factor of the inverted bottleneck: channels of a block's convolution divided by those of the grid."""
    group: int = Field(default=16, ge=1)
    """Number of channels per group of that convolution."""
    patch: int = Field(default=1, ge=1)
    """Size in px of a cell of the finest grid; above 1 it omits the finest grids, which is faster."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return nearest_picture(shape, "r3gan", self.patch)

    def build(self, spec: Spec) -> nn.Module:
        sizes, widths = layout(spec, self.patch, self.channels, self.wide)
        return R3ganD(sizes, widths, self.blocks, self.expansion, self.group, spec, self.patch)
