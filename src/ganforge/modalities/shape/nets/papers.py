"""Nets of volumes as in papers: 3D-GAN (Wu et al. 2016) and 3D-IWGAN (Smith & Meger 2017).

    3dgan    G: U(0, 1)^200 → conv-T 4³/1 → 512, 4³ → conv-T 4³/2 → 256 → 128 → 64, each BN ReLU → conv-T 4³/2 → 1
             D: the mirror of it, conv 4³/2 64 → 128 → 256 → 512 (BN but the first, LeakyReLU 0.2) → conv 4³ → logit
    3d_iwgan G: z^200 → dense 2³·256 → conv-T 4³/2 → 128 → 64 → 32, each BN ReLU → conv-T 4³/2 → 1
             D: conv 4³/2 32 → 64 → 128 → 256, LeakyReLU 0.2, no norm → dense → logit

Both end in tanh: a sigmoid of occupancies, 2σ(x) − 1 = tanh(x/2). Labels are an addition of this project, as in DCGAN:
an embedding joins z, and a linear map of the features is multiplied with it in D.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from ganforge.core.types import Spec
from ganforge.modalities.shape.nets.grid import doublings, nearest_cube
from ganforge.nets.base import Discriminator, DiscriminatorOutput, Generator
from ganforge.nets.layers.labels import LabelTable


class GrownG(nn.Module):
    """The net of both generators.

    Args:
        base: side of the first grid. uniform: whether latents become uniform draws from 0 to 1 first.
    """

    def __init__(self, latent: int, channels: int, base: int, dense: bool, uniform: bool, spec: Spec):
        super().__init__()
        steps = round(math.log2(spec.shape[1] / base))
        self.uniform, self.base = uniform, base
        self.label = LabelTable(spec.classes, latent, spec.classes**-0.5 / 4) if spec.classes else None
        width = channels << (steps - 1)
        inputs = latent * (2 if spec.classes else 1)
        self.start = nn.Linear(inputs, width * base**3, bias=dense)
        layers: list[nn.Module] = [nn.BatchNorm3d(width), nn.ReLU()]
        for _ in range(steps - 1):
            layers += [
                nn.ConvTranspose3d(width, width // 2, 4, 2, 1, bias=False),
                nn.BatchNorm3d(width // 2),
                nn.ReLU(),
            ]
            width //= 2
        self.layers = nn.Sequential(*layers, nn.ConvTranspose3d(width, spec.shape[0], 4, 2, 1))

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        if self.uniform:
            z = torch.special.ndtr(z)
        if self.label is not None:
            z = torch.cat([z, self.label(c)], 1)
        return self.layers(self.start(z).view(len(z), -1, *(self.base,) * 3)).tanh()


class GrownD(nn.Module):
    """The net of both discriminators."""

    def __init__(self, channels: int, base: int, norm: bool, spec: Spec):
        super().__init__()
        steps = round(math.log2(spec.shape[1] / base))
        width, layers = channels, [nn.Conv3d(spec.shape[0], channels, 4, 2, 1, bias=not norm), nn.LeakyReLU(0.2)]
        for _ in range(steps - 1):
            layers.append(nn.Conv3d(width, 2 * width, 4, 2, 1, bias=not norm))
            width *= 2
            layers += [nn.BatchNorm3d(width)] if norm else []
            layers.append(nn.LeakyReLU(0.2))
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(width * base**3, 1, bias=not norm)
        self.label = LabelTable(spec.classes, width * base**3, 0.02) if spec.classes else None

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        features = self.layers(x).flatten(1)
        logits = self.head(features).squeeze(1)
        if self.label is not None:
            logits = logits + (features * self.label(c)).sum(1)
        return DiscriminatorOutput(logits, features)


def power(shape: tuple[int, ...], who: str, least: int) -> tuple[int, ...]:
    """The nearest cube whose side is a power of two."""
    side = nearest_cube(shape, who, least)[1]
    return (shape[0], *(1 << max(round(math.log2(side)), least + 2),) * 3)


class Gan3dGenerator(Generator, kind="3dgan"):
    """The generator of 3D-GAN: five transposed convolutions for 64 cells a side."""

    latent: int = 200
    channels: int = Field(default=64, ge=1)
    """Channels of the finest hidden grid; each coarser one has twice as many."""
    prior: Literal["uniform", "normal"] = "uniform"
    """The latents that the net sees: draws from 0 to 1, or normal ones, which an encoder can find (3D-VAE-GAN)."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return power(shape, "3dgan", 1)

    def build(self, spec: Spec) -> nn.Module:
        doublings(spec.shape, "3dgan")
        return GrownG(self.latent, self.channels, 4, False, self.prior == "uniform", spec)


class Gan3dDiscriminator(Discriminator, kind="3dgan"):
    """The discriminator of 3D-GAN, with batch norm."""

    channels: int = Field(default=64, ge=1)
    """Channels of the finest grid; each coarser one has twice as many."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return power(shape, "3dgan", 1)

    def build(self, spec: Spec) -> nn.Module:
        doublings(spec.shape, "3dgan")
        return GrownD(self.channels, 4, True, spec)


class Iwgan3dGenerator(Generator, kind="3d_iwgan"):
    """The generator of 3D-IWGAN, for 32 cells a side."""

    latent: int = 200
    channels: int = Field(default=32, ge=1)
    """Channels of the finest hidden grid; each coarser one has twice as many."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return power(shape, "3d_iwgan", 1)

    def build(self, spec: Spec) -> nn.Module:
        doublings(spec.shape, "3d_iwgan")
        return GrownG(self.latent, self.channels, 2, True, False, spec)


class Iwgan3dDiscriminator(Discriminator, kind="3d_iwgan"):
    """The critic of 3D-IWGAN, without normalization."""

    channels: int = Field(default=32, ge=1)
    """Channels of the finest grid; each coarser one has twice as many."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return power(shape, "3d_iwgan", 1)

    def build(self, spec: Spec) -> nn.Module:
        doublings(spec.shape, "3d_iwgan")
        return GrownD(self.channels, 2, False, spec)
