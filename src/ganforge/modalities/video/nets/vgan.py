"""VGAN: a moving foreground before a background that stands still.

Vondrick, Pirsiavash & Torralba 2016, "Generating Videos with Scene Dynamics".

    G(z) = m(z) ⊙ f(z) + (1 − m(z)) ⊙ b(z)
    f, m   3-D transposed convolutions 4³/2, 512-256-128-64 channels, BN, ReLU, then tanh for f and sigmoid for m
    b      2-D transposed convolutions 4²/2 of the same widths, tanh, repeated over time
    D      3-D convolutions 4³/2, 64-128-256-512, BN, leaky ReLU, then all of the last grid at once

Initial weights are N(0, 0.01). At 32 frames of 64 px G and D are those of the paper. Its D ends in a softmax over two
classes, which is one logit as here. Labels are ours: an embedding beside z, and a projection in D.

N: films.  z [N, L], x [N, C, T, H, W], m [N, 1, T, H, W].
"""

from __future__ import annotations

from itertools import pairwise

import torch
from pydantic import Field
from torch import Tensor, nn

from ganforge.core.types import Spec
from ganforge.modalities.video.nets.grids import SLOPE, check_shape, halvings, nearest_even, normal
from ganforge.nets.base import Discriminator, DiscriminatorOutput, Generator
from ganforge.nets.layers.labels import LabelTable

STD = 0.01


class SceneG(nn.Module):
    """The net of `VganGenerator`."""

    def __init__(self, latent: int, channels: int, spec: Spec):
        super().__init__()
        colors, self.frames = spec.shape[:2]
        count, grid = halvings(spec.shape, 2)
        widths = [channels << k for k in reversed(range(count))]
        self.label = LabelTable(spec.classes, latent, spec.classes**-0.5) if spec.classes else None
        inputs = latent * (2 if spec.classes else 1)
        moving: list[nn.Module] = [nn.ConvTranspose3d(inputs, widths[0], grid), nn.BatchNorm3d(widths[0]), nn.ReLU()]
        still: list[nn.Module] = [nn.ConvTranspose2d(inputs, widths[0], grid[1:]), nn.BatchNorm2d(widths[0]), nn.ReLU()]
        for before, after in pairwise(widths):
            moving += [nn.ConvTranspose3d(before, after, 4, 2, 1), nn.BatchNorm3d(after), nn.ReLU()]
            still += [nn.ConvTranspose2d(before, after, 4, 2, 1), nn.BatchNorm2d(after), nn.ReLU()]
        self.moving = nn.Sequential(*moving)
        self.colors = nn.ConvTranspose3d(widths[-1], colors, 4, 2, 1)
        self.mask = nn.ConvTranspose3d(widths[-1], 1, 4, 2, 1)
        self.background = nn.Sequential(*still, nn.ConvTranspose2d(widths[-1], colors, 4, 2, 1), nn.Tanh())
        normal(self, STD)

    def parts(self, z: Tensor, c: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Foreground and mask [N, ·, T, H, W], background [N, C, 1, H, W]."""
        if self.label is not None:
            z = torch.cat([z, self.label(c)], 1)
        h = self.moving(z[:, :, None, None, None])
        return self.colors(h).tanh(), self.mask(h).sigmoid(), self.background(z[:, :, None, None])[:, :, None]

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        foreground, mask, background = self.parts(z, c)
        return mask * foreground + (1 - mask) * background


class VolumeD(nn.Module):
    """The net of `VganDiscriminator` and of that of TGAN; `fewest` frames are left for the last layer."""

    def __init__(self, channels: int, spec: Spec, fewest: int = 2):
        super().__init__()
        count, grid = halvings(spec.shape, fewest)
        widths = [spec.shape[0], *(channels << k for k in range(count))]
        layers: list[nn.Module] = []
        for k, (before, after) in enumerate(pairwise(widths)):
            layers.append(nn.Conv3d(before, after, 4, 2, 1))
            layers += [nn.BatchNorm3d(after)] if k else []
            layers.append(nn.LeakyReLU(SLOPE))
        self.body = nn.Sequential(*layers)
        self.last = nn.Conv3d(widths[-1], 1, grid)
        self.label = LabelTable(spec.classes, widths[-1], spec.classes**-0.5) if spec.classes else None
        normal(self, STD)

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        h = self.body(x)
        features = h.mean((2, 3, 4))
        logits = self.last(h).flatten()
        if self.label is not None:
            logits = logits + (features * self.label(c)).sum(1)
        return DiscriminatorOutput(logits, features)


class VganGenerator(Generator, kind="vgan"):
    """Films as a foreground that moves before a background that stands still (VGAN)."""

    channels: int = Field(default=64, ge=1)
    """Channels of the finest hidden grid; each coarser one has twice as many."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return nearest_even(shape, "vgan")

    def build(self, spec: Spec) -> nn.Module:
        check_shape(spec.shape, self.nearest(spec.shape), "vgan generator")
        return SceneG(self.latent, self.channels, spec)


class VganDiscriminator(Discriminator, kind="vgan"):
    """3-D convolutions over whole films (VGAN)."""

    channels: int = Field(default=64, ge=1)
    """Channels of the first layer; each further one has twice as many."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return nearest_even(shape, "vgan")

    def build(self, spec: Spec) -> nn.Module:
        check_shape(spec.shape, self.nearest(spec.shape), "vgan discriminator")
        return VolumeD(self.channels, spec)
