"""BigGAN: wide residual nets with a part of the latent at every grid.

Brock, Donahue & Simonyan 2019, "Large Scale GAN Training for High Fidelity Natural Image Synthesis", appendix B.

    z = (z₀, z₁, ..., zₙ): the latent in n + 1 parts;  e(c) [N, S]: a label embedding shared by all blocks
    G: z₀ → linear → base grid → block k with norms scaled by linear(zₖ, e(c)) → ... → batch norm, ReLU, conv3, tanh
    D: that of `resnet`, with blocks that are as wide inside as at their output, and attention

Spectral norm of all weights except e, orthogonal initialization, attention in both. Truncation restricts each latent to
±2t; see `truncate`.

Channels, as multiples of `channels`, coarsest grid first, H = h·2ⁿ (`layers.grid`):

    up to 32    G 4 everywhere                D 2 everywhere (for CIFAR, by the authors of StudioGAN)
    64  n = 4   G 16 16 8 4 2                 D 16 8 4 2 1
    128 n = 5   G 16 16 8 4 2 1               D 16 16 8 4 2 1
    256 n = 6   G 16 16 8 8 4 2 1             D 16 16 8 8 4 2 1
    512 n = 7   G 16 16 8 8 4 2 1 1           D 16 16 8 8 4 2 1 1

All blocks of D except the last halve the grid; up to 32×32 only the first two. z [N, latent], x [N, C, H, W].
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from pydantic import Field
from torch import Tensor, nn

from ganforge.core.errors import UserError
from ganforge.core.types import Spec
from ganforge.modalities.image.layers.residual import UpBlock
from ganforge.modalities.image.layers.shapes import Layout, layout, nearest_picture
from ganforge.modalities.image.nets.resnet import ONE_WIDTH_TO, ResnetD, attended
from ganforge.nets.base import Discriminator, Generator
from ganforge.nets.layers.attention import SelfAttention
from ganforge.nets.layers.conditional_norm import by_vector
from ganforge.nets.layers.init import orthogonal_init
from ganforge.nets.layers.labels import LabelTable
from ganforge.nets.layers.memory import ChannelsLast
from ganforge.nets.layers.spectral import spectral
from ganforge.nets.layers.truncation import truncated_normal


def widths(plan: Layout, channels: int) -> list[int]:
    """Number of channels of G on each grid, coarsest first."""
    n = plan.doublings
    if max(plan.size) <= ONE_WIDTH_TO:
        return [4 * channels] * (n + 1)
    multiples = (16, 16, 8, 4, 2, 1) if n <= 5 else (16, 16, 8, 8, 4, 2, *[1] * (n - 5))
    return [m * channels for m in multiples[: n + 1]]


def stages(plan: Layout, channels: int) -> list[tuple[int, bool]]:
    """D's blocks, finest first: number of channels, and whether the grid is halved."""
    n = plan.doublings
    if max(plan.size) <= ONE_WIDTH_TO:
        return [(2 * channels, k < min(2, n)) for k in range(4)]
    finest_first = widths(plan, channels)[::-1] if n >= 5 else [channels << k for k in range(n + 1)]
    return [(width, k < n) for k, width in enumerate(finest_first)]


class BigganG(nn.Module):
    """The net of `BigganGenerator`."""

    def __init__(self, latent: int, plan: Layout, widths: list[int], classes: int, shared: int, attention: int):
        super().__init__()
        self.parts = [len(part) for part in torch.arange(latent).tensor_split(plan.doublings + 1)]
        embedding = shared if classes else 0
        self.project = nn.Linear(self.parts[0], widths[0] * plan.base[0] * plan.base[1])
        self.grid = nn.Sequential(nn.Unflatten(1, (widths[0], *plan.base)), ChannelsLast())
        self.blocks = nn.ModuleList(
            UpBlock(before, after, lambda n, part=part: by_vector(n, part + embedding))
            for (before, after), part in zip(pairwise(widths), self.parts[1:], strict=True)
        )
        self.place = attended(plan.grids, plan.size, attention) if attention else -1
        self.attention = SelfAttention(widths[self.place]) if attention else nn.Identity()
        self.paint = nn.Sequential(
            nn.BatchNorm2d(widths[-1]), nn.ReLU(), nn.Conv2d(widths[-1], plan.colors, 3, padding=1), nn.Tanh()
        )
        orthogonal_init(self)
        spectral(self)
        self.label = shared_label(classes, shared)
        self.layers = len(self.parts)
        """How many layers read a part of the latent."""

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        return self._painted(z.split(self.parts, 1), c)

    def layered(self, zs: Tensor, c: Tensor | None = None) -> Tensor:
        """zs [N, layers, latent]: each layer reads its part of a latent of its own."""
        return self._painted([z.split(self.parts, 1)[k] for k, z in enumerate(zs.unbind(1))], c)

    def _painted(self, parts: Sequence[Tensor], c: Tensor | None) -> Tensor:
        embedded = [] if self.label is None else [self.label(c)]
        h = self.grid(self.project(parts[0]))
        for k, (block, part) in enumerate(zip(self.blocks, parts[1:], strict=True)):
            h = self.attention(h) if k == self.place else h
            h = block(h, torch.cat([part, *embedded], 1))
        return self.paint(h)


def shared_label(classes: int, width: int) -> LabelTable | None:
    """The embedding per class, shared by all blocks: initialized with unit length, without spectral norm."""
    if not classes:
        return None
    table = LabelTable(classes, width)
    orthogonal_init(table)
    return table


def biggan_d(plan: Layout, stages: list[tuple[int, bool]], classes: int, attention: int) -> nn.Module:
    """`ResnetD` in the variant of BigGAN, with orthogonal initialization."""
    return ResnetD(plan, stages, classes, attention=attention, wide=True, init=orthogonal_init)


class BigganGenerator(Generator, kind="biggan"):
    """Wide residual blocks, each conditioned on a part of the latent and on the label embedding (BigGAN)."""

    latent: int = Field(default=120, ge=1)
    """Dimension of the latent z, which is split evenly into one part per block and one for the base grid."""
    channels: int = Field(default=96, ge=1)
    """Base number of channels, of which those of all layers are multiples: 96 in the paper, 64 for a smaller net."""
    shared: int = Field(default=128, ge=1)
    """Dimension of the label embedding, which is shared by all blocks."""
    attention: int = Field(default=64, ge=0)
    """Self-attention on the finest grid with at most this many cells per side and at most half the image size; 0:
    none."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return nearest_picture(shape, "biggan")

    def truncate(self, z: Tensor, truncation: float) -> Tensor:
        return truncated_normal(z, truncation)

    def build(self, spec: Spec) -> nn.Module:
        plan = layout(spec, "biggan generator")
        if self.latent <= plan.doublings:
            raise UserError(
                f"task.generator.latent={self.latent}: biggan splits the latent among its "
                f"{plan.doublings} blocks and the base grid, so it must be at least {plan.doublings + 1}",
                code="nets.latent_too_small",
            )
        channels = widths(plan, self.channels)
        return BigganG(self.latent, plan, channels, spec.classes, self.shared, self.attention)


class BigganDiscriminator(Discriminator, kind="biggan"):
    """Wide residual blocks with spectral norm and attention, and label projection (BigGAN)."""

    channels: int = Field(default=96, ge=1)
    """Base number of channels, of which those of all layers are multiples: 96 in the paper, 64 for a smaller net."""
    attention: int = Field(default=64, ge=0)
    """Self-attention on the finest grid with at most this many cells per side and at most half the image size; 0:
    none."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return nearest_picture(shape, "biggan")

    def build(self, spec: Spec) -> nn.Module:
        plan = layout(spec, "biggan discriminator")
        return biggan_d(plan, stages(plan, self.channels), spec.classes, self.attention)
