"""Fully connected nets for rows of a table.

Xu et al. 2019, "Modeling Tabular Data using Conditional GAN" (CTGAN), section 4.4.

    G: h₀ = z,  h₁ = h₀ ⊕ ReLU(BN(FC(h₀))),  h₂ = h₁ ⊕ ReLU(BN(FC(h₁))),  ...,  x = FC(h)
    D: h₀ = x,  h₁ = drop(leaky(FC(h₀))),  ...,  logit = FC(h)

In the paper a one-hot condition is joined to h₀ of both. Here it is a label c, and each layer of G that would see its
one-hot adds a row of a table instead: the same sum, without the products with zeros.

z [N, latent], c [N] labels or None, x [N, *shape].
"""

from __future__ import annotations

import math

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import relu

from ganforge.core.types import Spec
from ganforge.nets.base import Discriminator, DiscriminatorOutput, Generator
from ganforge.nets.layers.dropout import FastDropout
from ganforge.nets.layers.labels import LabelTable


class TabularG(nn.Module):
    """The net of `TabularGenerator`."""

    def __init__(self, latent: int, widths: tuple[int, ...], spec: Spec):
        super().__init__()
        self.shape = spec.shape
        wide = [latent + sum(widths[:k]) for k in range(len(widths) + 1)]  # what each layer sees
        # batch norm takes the mean off again, so a bias before it would learn nothing
        self.hidden = nn.ModuleList(nn.Linear(a, b, bias=False) for a, b in zip(wide[:-1], widths, strict=True))
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for width in widths)
        self.last = nn.Linear(wide[-1], math.prod(spec.shape))
        self.sizes = [*widths, math.prod(spec.shape)]
        # a row starts as strong as what one latent adds
        spread = (3 * (latent + spec.classes)) ** -0.5
        self.label = LabelTable(spec.classes, sum(self.sizes), spread) if spec.classes else None

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        shifts = [0.0] * len(self.sizes) if self.label is None else self.label(c).split(self.sizes, 1)
        h = z
        for layer, norm, shift in zip(self.hidden, self.norms, shifts, strict=False):
            h = torch.cat([relu(norm(layer(h) + shift)), h], 1)
        x = (self.last(h) + shifts[-1]).unflatten(1, self.shape)
        return x.tanh() if len(self.shape) > 1 else x


class TabularD(nn.Module):
    """The net of `TabularDiscriminator`."""

    def __init__(self, widths: tuple[int, ...], dropout: float, spec: Spec):
        super().__init__()
        wide = [math.prod(spec.shape), *widths]
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in zip(wide, widths, strict=False))
        self.label = LabelTable(spec.classes, widths[0], (3 * wide[0]) ** -0.5) if spec.classes else None
        self.after = nn.Sequential(nn.LeakyReLU(0.2), FastDropout(dropout))
        self.head = nn.Linear(widths[-1], 1)

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        h = self.hidden[0](x.flatten(1))
        if self.label is not None:
            h = h + self.label(c)
        h = self.after(h)
        for layer in self.hidden[1:]:
            h = self.after(layer(h))
        return DiscriminatorOutput(self.head(h).squeeze(1), h)


class TabularGenerator(Generator, kind="tabular"):
    """Fully connected layers, each of which sees all that those before it saw and made."""

    latent: int = 128
    """Dimension of the latent z, drawn from a standard normal."""
    widths: tuple[int, ...] = Field(default=(256, 256), min_length=1)
    """Number of units of each hidden layer, first to last."""

    def build(self, spec: Spec) -> nn.Module:
        return TabularG(self.latent, self.widths, spec)


class TabularDiscriminator(Discriminator, kind="tabular"):
    """Fully connected layers with dropout."""

    widths: tuple[int, ...] = Field(default=(256, 256), min_length=1)
    """Number of units of each hidden layer, first to last."""
    dropout: float = Field(default=0.5, ge=0, lt=1)
    """Share of the units of each hidden layer that are left out at a time."""

    def build(self, spec: Spec) -> nn.Module:
        return TabularD(self.widths, self.dropout, spec)
