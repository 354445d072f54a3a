"""The fully connected nets of semi-supervised learning on MNIST: noise on every layer of D, weight norm.

Salimans et al. 2016, "Improved Techniques for Training GANs".

    D: x [N, *shape] → noise 0.3 → 1000 → 500 → 250 → 250 → 250, each ReLU and followed by noise 0.5 → logit [N]
    G: z [N, latent] → 500 → 500, each batch norm and softplus → x [N, *shape]

Noise is Gaussian and added in training only. The weights of D have fixed norms (`layers.normed`), and those of the last
layer of G have norm 1 for images, so that pixels do not saturate. D sees samples with several axes, which are in
[-1, 1], in [0, 1].
"""

from __future__ import annotations

import math
from itertools import pairwise

from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import linear, normalize

from ganforge.core.rng import normal_like
from ganforge.core.types import Spec
from ganforge.nets.base import Discriminator, DiscriminatorOutput, Generator
from ganforge.nets.layers.labels import LabelTable
from ganforge.nets.layers.normed import Normed

PIXEL_SQUARE = 0.07
"""Variance of the pixels of MNIST in [0, 1]; that of other images is about as large."""


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
        self.noise = Noise(noise)
        square = PIXEL_SQUARE if self.bounded else 1.0
        self.first = Normed(math.prod(shape), widths[0], square + noise**2)
        self.label = LabelTable(classes, widths[0], 1.0) if classes else None
        layers: list[nn.Module] = [nn.ReLU()]
        for before, after in pairwise(widths):
            layers += [Noise(hidden_noise), Normed(before, after, 0.5 + hidden_noise**2), nn.ReLU()]
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
    """Standard deviation of the noise on hidden layers, whose values before ReLU have a variance of about 1."""

    def build(self, spec: Spec) -> nn.Module:
        return NoisyMlpD(self.widths, self.noise, self.hidden_noise, spec.shape, spec.classes)


class UnitLinear(nn.Linear):
    """A linear layer whose rows of weights have norm 1, and whose outputs start around `start`."""

    def __init__(self, before: int, after: int, start: float):
        super().__init__(before, after)
        nn.init.normal_(self.weight)  # long before they are normed: they turn slowly, and pixels do not saturate
        nn.init.constant_(self.bias, start)

    def forward(self, input: Tensor) -> Tensor:
        return linear(input, normalize(self.weight, dim=1), self.bias)


class SoftplusG(nn.Module):
    """The net of `SoftplusGenerator`."""

    def __init__(self, latent: int, widths: tuple[int, ...], shape: tuple[int, ...], classes: int, start: float):
        super().__init__()
        self.shape = shape
        self.label = LabelTable(classes, widths[0], (3 * latent) ** -0.5) if classes else None
        self.first = nn.Linear(latent, widths[0])
        layers: list[nn.Module] = [nn.BatchNorm1d(widths[0]), nn.Softplus()]
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after), nn.BatchNorm1d(after), nn.Softplus()]
        bounded = len(shape) > 1
        last = math.prod(shape)
        layers += (
            [UnitLinear(widths[-1], last, math.atanh(start)), nn.Tanh()] if bounded else [nn.Linear(widths[-1], last)]
        )
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
    start: float = Field(default=0.0, gt=-1, lt=1)
    """Mean brightness of the first images, in [-1, 1]: from where that of the data is, learning is quicker."""

    def build(self, spec: Spec) -> nn.Module:
        return SoftplusG(self.latent, self.widths, spec.shape, spec.classes, self.start)
