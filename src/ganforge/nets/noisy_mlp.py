"""The fully connected nets of semi-supervised learning on MNIST: noise on every layer of D, weight norm.

Salimans et al. 2016, "Improved Techniques for Training GANs".

    D: x [N, *shape] → noise 0.3 → 1000 → 500 → 250 → 250 → 250, each ReLU and followed by noise 0.5 → logit [N]
    G: z [N, latent] → 500 → 500, each batch norm and softplus → x [N, *shape]

Noise is Gaussian and added in training only. The weights of a unit of D have a fixed norm, so that D cannot drown the
noise by large activations, and those of the last layer of G have norm 1, so that pixels do not saturate. The norm makes the variance of a unit about 1 at first, as the paper does by a first pass
over data: 1/√(v + σ²) with the mean square v of its inputs (½ after ReLU) and their noise σ. Samples with several axes
are in [-1, 1] and seen in [0, 1], where v is about 0.07.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import linear, normalize

from ganforge.core.rng import normal_like
from ganforge.core.types import Spec
from ganforge.nets.base import Discriminator, DiscriminatorOutput, Generator
from ganforge.nets.layers.labels import LabelTable

INITIAL = 0.1  # standard deviation of weights before they are normed, as in the paper: it sets how fast they turn
PIXEL_SQUARE = 0.07  # variance of the pixels of MNIST in [0, 1]; other images have about the same


class NormedLinear(nn.Module):
    """A linear layer whose rows of weights have the norm `norm`: [N, before] → [N, after]."""

    def __init__(self, before: int, after: int, norm: float):
        super().__init__()
        self.norm = norm
        self.weight = nn.Parameter(INITIAL * torch.randn(after, before))
        self.bias = nn.Parameter(torch.zeros(after))

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.norm * normalize(self.weight, dim=1), self.bias)

    def extra_repr(self) -> str:
        return f"{self.weight.shape[1]}, {self.weight.shape[0]}, norm={self.norm:.3g}"


class Noise(nn.Module):
    """Adds N(0, std²) in training."""

    def __init__(self, std: float):
        super().__init__()
        self.std = std

    def forward(self, x: Tensor) -> Tensor:
        return x + self.std * normal_like(x) if self.training and self.std else x

    def extra_repr(self) -> str:
        return f"std={self.std}"


class NoisyMlpD(nn.Module):
    """The net of `NoisyMlpDiscriminator`."""

    def __init__(
        self, widths: tuple[int, ...], noise: float, hidden_noise: float, shape: tuple[int, ...], classes: int
    ):
        super().__init__()
        self.bounded = len(shape) > 1
        square = PIXEL_SQUARE if self.bounded else 1.0
        self.noise = Noise(noise)
        self.first = NormedLinear(math.prod(shape), widths[0], (square + noise**2) ** -0.5)
        self.label = LabelTable(classes, widths[0], 1.0) if classes else None
        inner = (0.5 + hidden_noise**2) ** -0.5
        layers: list[nn.Module] = [nn.ReLU()]
        for before, after in pairwise(widths):
            layers += [Noise(hidden_noise), NormedLinear(before, after, inner), nn.ReLU()]
        self.rest = nn.Sequential(*layers)
        self.last_noise = Noise(hidden_noise)
        self.head = nn.Linear(widths[-1], 1)

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        x = x.flatten(1)
        h = self.first(self.noise((x + 1) / 2 if self.bounded else x))
        if self.label is not None:
            h = h + self.label(c)
        features = self.last_noise(self.rest(h))  # [N, widths[-1]]
        return DiscriminatorOutput(self.head(features).squeeze(1), features)


class NoisyMlpDiscriminator(Discriminator, kind="noisy_mlp"):
    """Fully connected layers with Gaussian noise and normed weights, for samples of any shape and few labels."""

    widths: tuple[int, ...] = Field(default=(1000, 500, 250, 250, 250), min_length=1)
    """Number of units of each hidden layer, first to last."""
    noise: float = Field(default=0.3, ge=0)
    """Standard deviation of the noise on samples, whose values are in [0, 1]."""
    hidden_noise: float = Field(default=0.5, ge=0)
    """Standard deviation of the noise on hidden layers, whose values have a mean square of about ½."""

    def build(self, spec: Spec) -> nn.Module:
        return NoisyMlpD(self.widths, self.noise, self.hidden_noise, spec.shape, spec.classes)


class SoftplusG(nn.Module):
    """The net of `SoftplusGenerator`."""

    def __init__(self, latent: int, widths: tuple[int, ...], shape: tuple[int, ...], classes: int):
        super().__init__()
        self.shape = shape
        self.label = LabelTable(classes, widths[0], (3 * latent) ** -0.5) if classes else None
        self.first = nn.Linear(latent, widths[0])
        layers: list[nn.Module] = [nn.BatchNorm1d(widths[0]), nn.Softplus()]
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after), nn.BatchNorm1d(after), nn.Softplus()]
        bounded = len(shape) > 1
        layers += [NormedLinear(widths[-1], math.prod(shape), 1.0), nn.Tanh()] if bounded else [
            nn.Linear(widths[-1], math.prod(shape))
        ]
        self.rest = nn.Sequential(*layers)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        h = self.first(z)
        if self.label is not None:
            h = h + self.label(c)
        return self.rest(h).unflatten(1, self.shape)


class SoftplusGenerator(Generator, kind="softplus_mlp"):
    """Fully connected layers with batch norm and softplus, for samples of any shape; those with several axes, such as
    images, are bounded to [-1, 1]."""

    widths: tuple[int, ...] = Field(default=(500, 500), min_length=1)
    """Number of units of each hidden layer, first to last."""

    def build(self, spec: Spec) -> nn.Module:
        return SoftplusG(self.latent, self.widths, spec.shape, spec.classes)
