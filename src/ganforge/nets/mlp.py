"""Fully connected nets: the first GAN, and the first conditional one.

Goodfellow et al. 2014, "Generative Adversarial Nets"; Mirza & Osindero 2014, "Conditional Generative Adversarial Nets".
Sizes and LeakyReLU follow common practice, not the papers (maxout in D).

    G: z [N, latent] → widths, each with batch norm and LeakyReLU 0.2 → x [N, *shape]
    D: x [N, *shape] → widths, each with LeakyReLU 0.2 → logit [N]

A label is added to the input of the first layer of both. Both support other norms, and D can use batch statistics
before the logit (`layers.minibatch`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from ganforge.core.types import Spec
from ganforge.nets.base import Discriminator, DiscriminatorOutput, Generator
from ganforge.nets.layers.labels import LabelTable
from ganforge.nets.layers.minibatch import Minibatch, minibatch_layer
from ganforge.nets.layers.mixture import Mixture
from ganforge.nets.layers.spectral import spectral

NORMS: dict[str, Callable[[int], list[nn.Module]]] = {
    "batch": lambda width: [nn.BatchNorm1d(width)],
    "layer": lambda width: [nn.LayerNorm(width)],
    "spectral": lambda width: [],  # normalizes the weights instead
    "none": lambda width: [],
}
# As a default linear layer's output for unit-variance input, so that label and input initially have equal weight.
LABEL_STD = 3**-0.5


class Waves(nn.Module):
    """Fourier features: values [N, D] with their sines and cosines at frequencies 1, 2, 4, ...: [N, D + 2·D·octaves].

    Fully connected nets are biased toward smooth functions; with Fourier features they also learn high frequencies.
    Source: Tancik et al. 2020, "Fourier Features Let Networks Learn High Frequency Functions in Low Dimensional
    Domains".
    """

    frequencies: Tensor

    def __init__(self, octaves: int):
        super().__init__()
        self.register_buffer("frequencies", torch.tensor([2.0**k for k in range(octaves)]), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        phases = (x.unsqueeze(2) * self.frequencies).flatten(1)  # [N, D·octaves]
        return torch.cat([x, phases.sin(), phases.cos()], 1)


class MlpG(nn.Module):
    """The net of `MlpGenerator`."""

    def __init__(
        self,
        latent: int,
        widths: tuple[int, ...],
        shape: tuple[int, ...],
        classes: int,
        bounded: bool,
        norm: Literal["batch", "layer", "none"] = "batch",
        codes: int = 0,
    ):
        super().__init__()
        self.shape = shape
        self.first = Mixture(latent, widths[0], codes, LABEL_STD) if codes else nn.Linear(latent, widths[0])
        # The scale of a one-hot label concatenated to z: with labels as strong as all of z, G soon ignores z.
        self.label = LabelTable(classes, widths[0], (3 * latent) ** -0.5) if classes else None
        layers: list[nn.Module] = [*NORMS[norm](widths[0]), nn.LeakyReLU(0.2)]
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after), *NORMS[norm](after), nn.LeakyReLU(0.2)]
        layers.append(nn.Linear(widths[-1], math.prod(shape)))
        if bounded:
            layers.append(nn.Tanh())
        self.rest = nn.Sequential(*layers)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        h = self.first(z)
        if self.label is not None:
            h = h + self.label(c)
        return self.rest(h).unflatten(1, self.shape)


class MlpD(nn.Module):
    """The net of `MlpDiscriminator`."""

    def __init__(
        self,
        widths: tuple[int, ...],
        shape: tuple[int, ...],
        classes: int,
        norm: Literal["batch", "layer", "spectral", "none"] = "none",
        minibatch: Minibatch = "none",
        octaves: int = 0,
    ):
        super().__init__()
        self.waves = Waves(octaves) if octaves else None
        self.first = nn.Linear(math.prod(shape) * (1 + 2 * octaves), widths[0])
        self.label = LabelTable(classes, widths[0], LABEL_STD) if classes else None
        layers: list[nn.Module] = [*NORMS[norm](widths[0]), nn.LeakyReLU(0.2)]
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after), *NORMS[norm](after), nn.LeakyReLU(0.2)]
        self.rest = nn.Sequential(*layers)
        self.across = minibatch_layer(minibatch, widths[-1])
        self.head = nn.Linear(widths[-1] + (self.across.extra if self.across else 0), 1)
        if norm == "spectral":
            spectral(self)

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        x = x.flatten(1)
        if self.waves is not None:
            x = self.waves(x)
        h = self.first(x)
        if self.label is not None:
            h = h + self.label(c)
        features = self.rest(h)  # [N, widths[-1]]
        if self.across is not None:
            features = self.across(features)
        return DiscriminatorOutput(self.head(features).squeeze(1), features)


class MlpGenerator(Generator, kind="mlp"):
    """Fully connected layers with batch norm, for samples of any shape."""

    widths: tuple[int, ...] = Field(default=(256, 512, 1024), min_length=1)
    """Number of units of each hidden layer, first to last."""
    bounded: bool | None = None
    """End in tanh, so that samples are in [-1, 1]; by default for samples with several axes, such as images, but not
    for points [D]."""
    norm: Literal["batch", "layer", "none"] = "batch"
    """Normalization of the hidden layers."""
    codes: int = Field(default=0, ge=0)
    """Number of mixture components of the latents (DeLiGAN), for data with separate modes; 0: a single Gaussian."""

    def build(self, spec: Spec) -> nn.Module:
        bounded = len(spec.shape) > 1 if self.bounded is None else self.bounded
        return MlpG(self.latent, self.widths, spec.shape, spec.classes, bounded, self.norm, self.codes)


class MlpDiscriminator(Discriminator, kind="mlp"):
    """Fully connected layers, for samples of any shape."""

    widths: tuple[int, ...] = Field(default=(512, 256), min_length=1)
    """Number of units of each hidden layer, first to last."""
    norm: Literal["batch", "layer", "spectral", "none"] = "none"
    """Normalization: batch norm (cannot be used with gradient penalties), layer norm, spectral norm of the weights, or
    none."""
    minibatch: Minibatch = "none"
    """Batch statistics that D sees, against mode collapse: standard deviation (stddev), learned distances
    (discrimination), or none."""
    octaves: int = Field(default=0, ge=0)
    """Fourier features of D's input: sines and cosines at this many frequencies 1, 2, 4, ...; resolves finer detail of
    points."""

    def build(self, spec: Spec) -> nn.Module:
        return MlpD(self.widths, spec.shape, spec.classes, self.norm, self.minibatch, self.octaves)
