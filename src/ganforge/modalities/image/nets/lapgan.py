"""LAPGAN: generators and discriminators for the levels of a Laplacian pyramid.

Denton et al. 2015, "Deep Generative Image Models using a Laplacian Pyramid of Adversarial Networks".

    refiner   [l, z, e(c)] → convolution, ReLU → convolution, ReLU → convolution → h̃
    critic    l + h → convolution, ReLU, concatenate e(c) → convolution of stride 2, ReLU → dropout → linear → logit

As in the paper: three and two convolutions, a noise plane z concatenated to the low-pass image l, a label as another
plane (by a linear layer), and critics whose input is the sum l + h. The paper uses 64 channels up to 14 pixels and 128
at 28. The coarsest level has fully connected nets (`nets.mlp`).

N samples, l, h, h̃ [N, C, H, W] low-pass image, real and generated band, z [N, H·W], c [N], logits [N].
"""

from __future__ import annotations

import math

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import relu

from ganforge.core.types import Spec
from ganforge.modalities.image.layers.pyramid import check_picture, halved, nearest_picture
from ganforge.nets.base import Discriminator, DiscriminatorOutput, Refiner
from ganforge.nets.layers.dropout import FastDropout
from ganforge.nets.layers.labels import LabelTable
from ganforge.nets.layers.memory import ChannelsLast

LEAST = 2
"""Minimum number of cells per side for a convolution of stride 2."""


class LapganR(nn.Module):
    """The net of `LapganRefiner`."""

    def __init__(self, channels: int, colors: int, size: tuple[int, int], classes: int):
        super().__init__()
        self.size = size
        planes = colors + 1 + (classes > 0)
        self.layers = nn.Sequential(
            ChannelsLast(),
            nn.Conv2d(planes, channels, 5, padding=2),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 5, padding=2),
            nn.ReLU(),
            nn.Conv2d(channels, colors, 5, padding=2),
        )
        # A plane that depends only on the label; weaker than the noise, which differs between images.
        self.label = LabelTable(classes, math.prod(size), 0.1) if classes else None

    def forward(self, z: Tensor, low: Tensor, c: Tensor | None = None) -> Tensor:
        planes = [low, z.unflatten(1, (1, *self.size)).to(low.dtype)]
        if self.label is not None:
            planes.append(self.label(c).unflatten(1, (1, *self.size)).to(low.dtype))
        return self.layers(torch.cat(planes, 1))


class LapganD(nn.Module):
    """The net of `LapganDiscriminator`."""

    def __init__(self, channels: int, colors: int, size: tuple[int, int], classes: int, dropout: float):
        super().__init__()
        self.size = size
        self.read = nn.Sequential(ChannelsLast(), nn.Conv2d(colors, channels, 5, padding=2))
        self.down = nn.Conv2d(channels + (classes > 0), channels, 5, stride=2, padding=2)
        self.dropout = FastDropout(dropout)
        self.head = nn.Linear(channels * halved(size[0]) * halved(size[1]), 1)
        self.label = LabelTable(classes, math.prod(size)) if classes else None

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        h = relu(self.read(x))
        if self.label is not None:
            h = torch.cat([h, self.label(c).unflatten(1, (1, *self.size)).to(h.dtype)], 1)
        features = relu(self.down(h)).flatten(1)  # [N, F]
        return DiscriminatorOutput(self.head(self.dropout(features)).squeeze(1), features)


class LapganRefiner(Refiner, kind="lapgan"):
    """Three convolutions of the low-pass image and a noise plane (LAPGAN); for images of any size."""

    channels: int = Field(default=64, ge=1)
    """Number of channels of the hidden layers: 64 up to 14 pixels in the paper, 128 at 28."""

    def build(self, spec: Spec) -> nn.Module:
        check_picture(spec, "lapgan", least=LEAST)
        colors, height, width = spec.shape
        return LapganR(self.channels, colors, (height, width), spec.classes)


class LapganDiscriminator(Discriminator, kind="lapgan"):
    """Two convolutions and a linear layer, with dropout (LAPGAN); for images of any size."""

    channels: int = Field(default=64, ge=1)
    """Number of channels of both convolutions: 64 up to 14 pixels in the paper, 128 at 28."""
    dropout: float = Field(default=0.5, ge=0, lt=1)
    """Dropout probability of the features, in [0, 1)."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return nearest_picture(shape, "lapgan", least=LEAST)

    def build(self, spec: Spec) -> nn.Module:
        check_picture(spec, "lapgan", least=LEAST)
        colors, height, width = spec.shape
        return LapganD(self.channels, colors, (height, width), spec.classes, self.dropout)
