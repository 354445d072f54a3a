"""BigGAN-deep: four times as many layers in bottleneck blocks, whose skips keep channels unchanged.

Brock, Donahue & Simonyan 2019, "Large Scale GAN Training for High Fidelity Natural Image Synthesis", appendix B,
figure 16.

    code = (z, e(c)): the whole latent and the label embedding, in the base grid and in every norm
    G's block:  x → conv1 to a quarter → (2×) conv3 → conv3 → conv1 → +,   skip: the first channels of x, (2×)
                each convolution after a norm and a ReLU
    D's block:  x → conv1 to a quarter → conv3 → conv3 → (½) conv1 → +,    skip: x (½), concatenated with conv1(x)
                each convolution after a ReLU

Two blocks per grid: in G one of the same size and one that doubles, in D one that halves and one of the same size.
Attention, spectral norm, orthogonal weights, truncation and the channels of each grid are those of `biggan`; D starts
with a convolution of the image. Up to 32×32, D has four pairs of blocks, of which the first two halve. z [N, latent],
x [N, C, H, W].
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import relu

from ganforge.core.types import Spec
from ganforge.modalities.image.layers.residual import doubled, halved
from ganforge.modalities.image.layers.shapes import Layout, layout, nearest_picture
from ganforge.modalities.image.nets.biggan import shared_label, stages, widths
from ganforge.modalities.image.nets.resnet import ONE_WIDTH_TO, attended
from ganforge.nets.base import Discriminator, DiscriminatorOutput, Generator
from ganforge.nets.layers.attention import SelfAttention
from ganforge.nets.layers.conditional_norm import by_vector
from ganforge.nets.layers.init import orthogonal_init
from ganforge.nets.layers.labels import LabelTable
from ganforge.nets.layers.memory import ChannelsLast
from ganforge.nets.layers.spectral import spectral
from ganforge.nets.layers.truncation import truncated_normal

NARROW = 4  # bottleneck factor: channels of a block's wider end divided by those inside
NARROWEST = 8  # with fewer channels, all may be zeroed by the ReLU


class DeepUp(nn.Module):
    """G's block: [N, before, H, W] → [N, after, H, W], or twice the height and width; after ≤ before."""

    def __init__(self, before: int, after: int, code: int, up: bool):
        super().__init__()
        inner = max(NARROWEST, before // NARROW)
        sizes = (before, inner, inner, inner, after)
        self.norms = nn.ModuleList(by_vector(n, code) for n in sizes[:-1])
        self.convs = nn.ModuleList(
            nn.Conv2d(a, b, side, padding=side // 2) for (a, b), side in zip(pairwise(sizes), (1, 3, 3, 1), strict=True)
        )
        self.after, self.up = after, up

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        h = x
        for k, (norm, conv) in enumerate(zip(self.norms, self.convs, strict=True)):
            h = relu(norm(h, code))
            h = conv(doubled(h) if self.up and k == 1 else h)
        skip = x[:, : self.after]
        return h + (doubled(skip) if self.up else skip)


class DeepDown(nn.Module):
    """D's block: [N, before, H, W] → [N, after, H, W], or half the height and width; after ≥ before."""

    def __init__(self, before: int, after: int, down: bool):
        super().__init__()
        inner = max(NARROWEST, after // NARROW)
        sizes = (before, inner, inner, inner, after)
        self.convs = nn.ModuleList(
            nn.Conv2d(a, b, side, padding=side // 2) for (a, b), side in zip(pairwise(sizes), (1, 3, 3, 1), strict=True)
        )
        self.beside = nn.Conv2d(before, after - before, 1) if after > before else None
        self.down = down

    def forward(self, x: Tensor) -> Tensor:
        h = x
        for conv in self.convs[:-1]:
            h = conv(relu(h))
        h = relu(h)
        if self.down:
            h, x = halved(h), halved(x)
        skip = x if self.beside is None else torch.cat([x, self.beside(x)], 1)
        return self.convs[-1](h) + skip


class BigganDeepG(nn.Module):
    """The net of `BigganDeepGenerator`."""

    def __init__(self, latent: int, plan: Layout, widths: list[int], classes: int, shared: int, attention: int):
        super().__init__()
        code = latent + (shared if classes else 0)
        self.project = nn.Linear(code, widths[0] * plan.base[0] * plan.base[1])
        self.grid = nn.Sequential(nn.Unflatten(1, (widths[0], *plan.base)), ChannelsLast())
        levels: list[list[nn.Module]] = [
            [DeepUp(before, before, code, up=False), DeepUp(before, after, code, up=True)]
            for before, after in pairwise(widths)
        ]
        if attention:
            place = attended(plan.grids[:-1], plan.size, attention)
            levels[place].insert(0, SelfAttention(widths[place]))
        self.blocks = nn.ModuleList(block for level in levels for block in level)
        self.paint = nn.Sequential(
            nn.BatchNorm2d(widths[-1]), nn.ReLU(), nn.Conv2d(widths[-1], plan.colors, 3, padding=1), nn.Tanh()
        )
        orthogonal_init(self)
        spectral(self)
        self.label = shared_label(classes, shared)
        self.layers = 1 + sum(isinstance(block, DeepUp) for block in self.blocks)
        """How many layers read the latent."""

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        code = z if self.label is None else torch.cat([z, self.label(c)], 1)
        return self._painted([code] * self.layers)

    def layered(self, zs: Tensor, c: Tensor | None = None) -> Tensor:
        """zs [N, layers, latent]: each layer reads a latent of its own."""
        embedded = [] if self.label is None else [self.label(c)]
        return self._painted([torch.cat([z, *embedded], 1) for z in zs.unbind(1)])

    def _painted(self, codes: Sequence[Tensor]) -> Tensor:
        code = iter(codes)
        h = self.grid(self.project(next(code)))
        for block in self.blocks:
            h = block(h, next(code)) if isinstance(block, DeepUp) else block(h)
        return self.paint(h)


class BigganDeepD(nn.Module):
    """The net of `BigganDeepDiscriminator`.

    Args:
        first: channels of the convolution of the image.
        stages: channels of each pair of blocks, and whether it halves the grid.
    """

    def __init__(self, plan: Layout, first: int, stages: list[tuple[int, bool]], classes: int, attention: int):
        super().__init__()
        before = first
        blocks: list[nn.Module] = [ChannelsLast(), nn.Conv2d(plan.colors, first, 3, padding=1)]
        grids = [plan.size]
        for _, down in stages:
            height, width = grids[-1]
            grids.append((height // 2, width // 2) if down else (height, width))
        place = attended(grids[1:], plan.size, attention) if attention else -1
        for k, (after, down) in enumerate(stages):
            blocks += [DeepDown(before, after, down), DeepDown(after, after, down=False)]
            if k == place:
                blocks.append(SelfAttention(after))
            before = after
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(before, 1)
        self.label = LabelTable(classes, before) if classes else None
        orthogonal_init(self)
        spectral(self)

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        features = relu(self.blocks(x)).sum((2, 3))  # [N, F]
        logits = self.head(features).squeeze(1)
        if self.label is not None:
            logits = logits + (self.label(c) * features).sum(1)
        return DiscriminatorOutput(logits, features)


class BigganDeepGenerator(Generator, kind="biggan_deep"):
    """Many residual bottleneck blocks, all conditioned on the whole latent and the label embedding (BigGAN-deep)."""

    latent: int = Field(default=128, ge=1)
    """Dimension of the latent z, drawn from a standard normal."""
    channels: int = Field(default=128, ge=1)
    """Base number of channels, of which those of all layers are multiples; 128 in the paper."""
    shared: int = Field(default=128, ge=1)
    """Dimension of the label embedding, which is shared by all blocks."""
    attention: int = Field(default=64, ge=0)
    """Self-attention on the finest grid with at most this many cells per side and at most half the image size; 0:
    none."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return nearest_picture(shape, "biggan_deep")

    def truncate(self, z: Tensor, truncation: float) -> Tensor:
        return truncated_normal(z, truncation)

    def build(self, spec: Spec) -> nn.Module:
        plan = layout(spec, "biggan_deep generator")
        channels = widths(plan, self.channels)
        return BigganDeepG(self.latent, plan, channels, spec.classes, self.shared, self.attention)


class BigganDeepDiscriminator(Discriminator, kind="biggan_deep"):
    """Many residual bottleneck blocks with spectral norm and attention, and label projection (BigGAN-deep)."""

    channels: int = Field(default=128, ge=1)
    """Base number of channels, of which those of all layers are multiples; 128 in the paper."""
    attention: int = Field(default=64, ge=0)
    """Self-attention on the finest grid with at most this many cells per side and at most half the image size; 0:
    none."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return nearest_picture(shape, "biggan_deep")

    def build(self, spec: Spec) -> nn.Module:
        plan = layout(spec, "biggan_deep discriminator")
        finest, *rest = stages(plan, self.channels)
        first = finest[0]
        pairs = [finest, *rest] if max(plan.size) <= ONE_WIDTH_TO else [(width, True) for width, _ in rest]
        return BigganDeepD(plan, first, pairs, spec.classes, self.attention)
