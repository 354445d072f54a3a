"""TGAN: one net makes a latent for every frame, another makes the frames.

Saito, Matsumoto & Saito 2017, "Temporal Generative Adversarial Nets with Singular Value Clipping".

    z_1 ... z_T = G₀(z)       1-D transposed convolutions over time, 512-256-128-128-L channels, BN, ReLU, tanh at last
    x_t = G₁(z, z_t)          linear maps of z and of z_t to 256 channels of 4×4 each, then 256-128-64-32, BN, ReLU
    D                         3-D convolutions 4³/2, 64-128-256-512, BN, leaky ReLU, then all of the last grid at once

At 16 frames of 64 px these are the layers of the paper; other lengths take fewer or more doublings of time, and are cut
where they are no power of two. Initial weights by He et al. 2015. Labels are ours.

N: films.  z [N, L], x [N, C, T, H, W].
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from pydantic import Field
from torch import Tensor, nn

from ganforge.core.types import Spec
from ganforge.modalities.video.nets.grids import check_shape, nearest_even
from ganforge.modalities.video.nets.vgan import VolumeD
from ganforge.nets.base import Discriminator, Generator
from ganforge.nets.layers.labels import LabelTable


class TemporalG(nn.Module):
    """The net of `TganGenerator`."""

    def __init__(self, latent: int, channels: int, spec: Spec):
        super().__init__()
        colors, self.frames, height, width = spec.shape
        self.label = LabelTable(spec.classes, latent, spec.classes**-0.5) if spec.classes else None
        inputs = latent * (2 if spec.classes else 1)
        doublings = max(1, math.ceil(math.log2(self.frames)))
        widths = [16 * channels, 8 * channels, *[4 * channels] * max(0, doublings - 2)][:doublings]
        time: list[nn.Module] = [nn.ConvTranspose1d(inputs, widths[0], 1), nn.BatchNorm1d(widths[0]), nn.ReLU()]
        for before, after in pairwise(widths):
            time += [nn.ConvTranspose1d(before, after, 4, 2, 1), nn.BatchNorm1d(after), nn.ReLU()]
        self.time = nn.Sequential(*time, nn.ConvTranspose1d(widths[-1], latent, 4, 2, 1), nn.Tanh())
        count = 1
        while all(side % 2 ** (count + 1) == 0 and side >> (count + 1) >= 4 for side in (height, width)):
            count += 1
        self.grid = (height >> count, width >> count)
        widths = [channels << k for k in reversed(range(count))]
        self.slow = nn.Linear(inputs, widths[0] * math.prod(self.grid))
        self.fast = nn.Linear(latent, widths[0] * math.prod(self.grid))
        layers: list[nn.Module] = [nn.BatchNorm2d(2 * widths[0]), nn.ReLU()]
        for before, after in pairwise([2 * widths[0], *widths]):
            layers += [nn.ConvTranspose2d(before, after, 4, 2, 1), nn.BatchNorm2d(after), nn.ReLU()]
        self.frame = nn.Sequential(*layers, nn.ConvTranspose2d(widths[-1], colors, 3, 1, 1), nn.Tanh())
        of_he(self)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        if self.label is not None:
            z = torch.cat([z, self.label(c)], 1)
        fast = self.time(z[:, :, None])[:, :, : self.frames].transpose(1, 2)  # [N, T, L]
        slow = self.slow(z)[:, None].expand(-1, self.frames, -1)
        h = torch.cat([slow, self.fast(fast)], 2).flatten(0, 1).unflatten(1, (-1, *self.grid))
        return self.frame(h).unflatten(0, (len(z), self.frames)).transpose(1, 2).contiguous()


def of_he(net: nn.Module) -> nn.Module:
    """Weights of convolutions and linear layers of the variance that ReLUs pass on (He et al. 2015), biases zero."""
    for layer in net.modules():
        if isinstance(layer, nn.modules.conv._ConvNd | nn.Linear):
            nn.init.kaiming_normal_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return net


class TganGenerator(Generator, kind="tgan"):
    """Films of which one net makes a latent for every frame and another the frames (TGAN)."""

    channels: int = Field(default=32, ge=1)
    """Channels of the finest hidden grid; each coarser one has twice as many."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return nearest_even(shape, "tgan")

    def build(self, spec: Spec) -> nn.Module:
        check_shape(spec.shape, self.nearest(spec.shape), "tgan generator")
        return TemporalG(self.latent, self.channels, spec)


class TganDiscriminator(Discriminator, kind="tgan"):
    """3-D convolutions over whole films (TGAN)."""

    channels: int = Field(default=64, ge=1)
    """Channels of the first layer; each further one has twice as many."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return nearest_even(shape, "tgan")

    def build(self, spec: Spec) -> nn.Module:
        check_shape(spec.shape, self.nearest(spec.shape), "tgan discriminator")
        return of_he(VolumeD(self.channels, spec, fewest=1))
