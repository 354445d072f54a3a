"""Nets of `voxels-small`: a DCGAN of three dimensions, and R3GAN's critic of three dimensions.

    G: z → linear → [8c, 4³] → conv-T 4³/2, each BN ReLU → [c, (S/2)³] → conv 3³ → each cell as 2³ cells
       (or nearest neighbors and conv 3³ in place of conv-T)
       → means with (1, 2, 1)³ → tanh
    D: x → cells of 4³ as channels → linear → (block → mean of 2³ cells → linear) … → block → Σ over cells of
       basis · h → linear → logit
    block: h + W₃ act(W₂ ∗ act(W₁ h)), W₂ 3³ in groups, W₃ 0 at first           Huang et al. 2024 (R3GAN)

act: LeakyReLU 0.2. A label joins z in G, and in D its embedding is multiplied with the features (projection).

N samples, C channels, S cells a side.  x [N, C, S, S, S].
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import avg_pool3d, leaky_relu, pad

from ganforge.core.types import Spec
from ganforge.modalities.shape.nets.grid import doublings, nearest_cube
from ganforge.nets.base import Discriminator, DiscriminatorOutput, Generator
from ganforge.nets.layers.labels import LabelTable
from ganforge.nets.layers.upconv import UpConv

SLOPE = 0.2
GAIN = math.sqrt(2 / (1 + SLOPE**2))


def cells_to_channels(x: Tensor, patch: int) -> Tensor:
    """[N, C, S, S, S] → [N, C·patch³, S/patch, ...]."""
    n, channels, side = x.shape[:3]
    x = x.reshape(n, channels, *(side // patch, patch) * 3)
    return x.permute(0, 1, 3, 5, 7, 2, 4, 6).reshape(n, channels * patch**3, *(side // patch,) * 3)


def channels_to_cells(x: Tensor, patch: int) -> Tensor:
    """The inverse of `cells_to_channels`."""
    n, channels, side = x.shape[:3]
    x = x.reshape(n, channels // patch**3, *(patch,) * 3, *(side,) * 3)
    return x.permute(0, 1, 5, 2, 6, 3, 7, 4).reshape(n, channels // patch**3, *(side * patch,) * 3)


def smoothed(x: Tensor) -> Tensor:
    """Means with the kernel (1, 2, 1)/4 along each axis: the patterns of the finest doubling vanish."""
    return avg_pool3d(avg_pool3d(pad(x, (1,) * 6, mode="replicate"), 2, 1), 2, 1)


class VoxelG(nn.Module):
    """The net of `VoxelGenerator`."""

    def __init__(self, latent: int, channels: int, nearest: bool, spec: Spec):
        super().__init__()
        steps = doublings(spec.shape, "voxels") - 1  # the last doubling is by cells
        self.base = spec.shape[1] >> (steps + 1)
        self.label = LabelTable(spec.classes, latent, spec.classes**-0.5) if spec.classes else None
        width = channels << steps
        self.start = nn.Linear(latent * (2 if spec.classes else 1), width * self.base**3, bias=False)
        layers: list[nn.Module] = [nn.BatchNorm3d(width), nn.ReLU()]
        for _ in range(steps):
            half = width // 2
            up = UpConv(width, half, dims=3) if nearest else nn.ConvTranspose3d(width, half, 4, 2, 1, bias=False)
            layers += [up, nn.BatchNorm3d(half), nn.ReLU()]
            width = half
        self.layers = nn.Sequential(*layers, nn.Conv3d(width, spec.shape[0] * 8, 3, padding=1))
        for layer in self.modules():
            if isinstance(layer, (nn.Linear, nn.Conv3d, nn.ConvTranspose3d)):
                nn.init.normal_(layer.weight, 0.0, 0.02)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        if self.label is not None:
            z = torch.cat([z, self.label(c)], 1)
        h = self.start(z).view(len(z), -1, *(self.base,) * 3)
        return smoothed(channels_to_cells(self.layers(h), 2)).tanh()


class VoxelGenerator(Generator, kind="voxels"):
    """A DCGAN of three dimensions, for volumes."""

    latent: int = 64
    """Dimension of the latent z, drawn from a standard normal."""
    channels: int = Field(default=24, ge=1)
    """Channels of the finest hidden grid; each coarser one has twice as many."""
    enlarge: Literal["transposed", "nearest"] = "transposed"
    """How one hidden grid becomes the next: transposed convolutions, as in DCGAN; or nearest neighbors and a 3³
    convolution, without the lattice of the former, at the same cost."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return nearest_cube(shape, "voxels")

    def build(self, spec: Spec) -> nn.Module:
        return VoxelG(self.latent, self.channels, self.enlarge == "nearest", spec)


class Block(nn.Module):
    """A residual inverted bottleneck with a grouped convolution over cells: [N, C, s, s, s] → the same shape."""

    def __init__(self, channels: int, group: int, gain: float):
        super().__init__()
        inner = 2 * channels
        groups = next(g for g in range(max(inner // group, 1), 0, -1) if inner % g == 0)
        self.widen = nn.Conv3d(channels, inner, 1)
        self.mix = nn.Conv3d(inner, inner, 3, padding=1, groups=groups)
        self.narrow = nn.Conv3d(inner, channels, 1, bias=False)
        nn.init.normal_(self.widen.weight, 0.0, GAIN * gain / math.sqrt(channels))
        nn.init.normal_(self.mix.weight, 0.0, GAIN * gain / math.sqrt(27 * inner // groups))
        nn.init.zeros_(self.narrow.weight)
        for layer in (self.widen, self.mix):
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)

    def forward(self, h: Tensor) -> Tensor:
        inner = leaky_relu(self.mix(leaky_relu(self.widen(h), SLOPE)), SLOPE)
        return h + self.narrow(inner)


def pointwise(before: int, after: int) -> nn.Conv3d:
    layer = nn.Conv3d(before, after, 1, bias=False)
    nn.init.normal_(layer.weight, 0.0, before**-0.5)
    return layer


class VoxelD(nn.Module):
    """The net of `VoxelDiscriminator`."""

    def __init__(self, channels: int, group: int, patch: int, spec: Spec):
        super().__init__()
        doublings(spec.shape, "voxels")
        side = spec.shape[1] // patch
        halvings = max(k for k in range(8) if side % (1 << k) == 0 and (side >> k >= 3 or k == 0))
        self.patch = patch
        width = max(channels >> halvings, 8)
        self.read = pointwise(spec.shape[0] * patch**3, width)
        gain = (halvings + 1) ** -0.25
        layers: list[nn.Module] = []
        for k in range(halvings):
            after = channels >> (halvings - k - 1)
            layers += [Block(width, group, gain), nn.AvgPool3d(2), pointwise(width, max(after, 8))]
            width = max(after, 8)
        self.layers = nn.Sequential(*layers, Block(width, group, gain))
        coarse = side >> halvings
        self.basis = nn.Parameter(torch.randn(width, *(coarse,) * 3) / coarse**1.5)
        self.head = nn.Linear(width, width if spec.classes else 1)
        self.label = LabelTable(spec.classes, width, spec.classes**-0.5) if spec.classes else None

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        h = self.layers(self.read(cells_to_channels(x, self.patch)))
        features = (h * self.basis).sum((2, 3, 4))
        outputs = self.head(features)
        if self.label is None:
            return DiscriminatorOutput(outputs.squeeze(1), features)
        e = self.label(c)
        return DiscriminatorOutput((outputs * e).sum(1) / math.sqrt(e.shape[1]), features)


class VoxelDiscriminator(Discriminator, kind="voxels"):
    """R3GAN's critic for volumes: residual blocks without normalization."""

    channels: int = Field(default=128, ge=1)
    """Channels of the coarsest grid; each finer one has half as many."""
    group: int = Field(default=16, ge=1)
    """Channels per group of the convolutions over cells."""
    patch: int = Field(default=4, ge=1)
    """Cells of a side that become the channels of one cell of the finest hidden grid; 2 is slower and sharper."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return nearest_cube(shape, "voxels")

    def build(self, spec: Spec) -> nn.Module:
        patch = next(k for k in range(self.patch, 0, -1) if spec.shape[1] % k == 0)
        return VoxelD(self.channels, self.group, patch, spec)
