"""The nets of MolGAN (De Cao & Kipf 2018, "MolGAN: An implicit generative model for small molecular graphs").

    G: z → 128 → 256 → 512 (tanh) → logits of types [n, V] and of bonds [n, n, B], made symmetric → softmax
    D, R:  h_i' = tanh(f_s(h_i ‖ x_i) + Σ_b Σ_j A_bij / |N_i| f_b(h_j ‖ x_j)),   64 and 32 units
           g = tanh Σ_i σ(i(h_i ‖ x_i)) ⊙ tanh(j(h_i ‖ x_i)),  128 units;   128 (tanh) → 1;   R ends in a sigmoid

Labels, which the paper has none of, are added to the first layer of G, and scored by projection in D.

N: molecules, n: atoms at most, V: types, B: bonds.  z [N, latent], x [N, V + B, n, n], logits [N].
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor, nn

from ganforge.core.types import DiscriminatorOutput, Spec
from ganforge.modalities.molecule.forms.graph import BONDS, joined, parted, sizes_of
from ganforge.nets.base import Discriminator, Generator
from ganforge.nets.layers.labels import LabelTable


class MolGanG(nn.Module):
    """The net of `MolGanGenerator`."""

    def __init__(self, latent: int, widths: tuple[int, ...], spec: Spec):
        super().__init__()
        self.types, self.n = sizes_of(spec.shape)
        layers: list[nn.Module] = []
        for before, after in zip((latent, *widths), widths, strict=False):
            layers += [nn.Linear(before, after), nn.Tanh()]
        self.first, self.layers = layers[0], nn.Sequential(*layers[1:])
        self.label = LabelTable(spec.classes, widths[0], latent**-0.5) if spec.classes else None
        self.atoms = nn.Linear(widths[-1], self.n * self.types)
        self.bonds = nn.Linear(widths[-1], self.n**2 * BONDS)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        h = self.first(z)
        if self.label is not None:
            h = h + self.label(c)
        h = self.layers(h)
        bonds = self.bonds(h).unflatten(1, (self.n, self.n, BONDS))
        bonds = 0.5 * (bonds + bonds.transpose(1, 2))
        return joined(self.atoms(h).unflatten(1, (self.n, self.types)).softmax(2), bonds.softmax(3))


class MolGanGenerator(Generator, kind="molgan"):
    """All types and bonds at once from a fully connected net, as probabilities."""

    latent: int = 32
    """Dimension of the latent vector; 32 in the paper."""
    widths: tuple[int, ...] = Field(default=(128, 256, 512), min_length=1)
    """Units of the layers."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        sizes_of(shape)
        return shape

    def build(self, spec: Spec) -> nn.Module:
        return MolGanG(self.latent, self.widths, spec)


class GraphConvolution(nn.Module):
    """Messages with a matrix for each bond, divided by the number of neighbors."""

    def __init__(self, before: int, width: int):
        super().__init__()
        self.own, self.each = nn.Linear(before, width), nn.Linear(before, (BONDS - 1) * width)

    def forward(self, h: Tensor, bonds: Tensor) -> Tensor:
        sent = self.each(h).unflatten(2, (BONDS - 1, -1)).transpose(1, 2)  # [N, B - 1, n, width]
        neighbors = bonds[:, 1:].sum((1, 3)).clamp_min(1)[:, :, None]
        return (self.own(h) + (bonds[:, 1:] @ sent).sum(1) / neighbors).tanh()


class MolGanD(nn.Module):
    """The net of `MolGanDiscriminator`."""

    def __init__(self, widths: tuple[int, ...], pooled: int, hidden: int, spec: Spec):
        super().__init__()
        self.types, _ = sizes_of(spec.shape)
        inputs = [self.types, *(width + self.types for width in widths)]
        self.layers = nn.ModuleList(GraphConvolution(a, b) for a, b in zip(inputs, widths, strict=False))
        self.gate, self.value = nn.Linear(inputs[-1], pooled), nn.Linear(inputs[-1], pooled)
        self.hidden, self.out = nn.Linear(pooled, hidden), nn.Linear(hidden, 1)
        self.label = LabelTable(spec.classes, hidden, hidden**-0.5) if spec.classes else None

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        atoms, bonds = parted(x, self.types)
        h = atoms
        for layer in self.layers:
            h = torch.cat([layer(h, bonds), atoms], 2)
        pooled = (self.gate(h).sigmoid() * self.value(h).tanh()).sum(1).tanh()
        features = self.hidden(pooled).tanh()
        logits = self.out(features)[:, 0]
        if self.label is not None:
            logits = logits + (self.label(c) * features).sum(1)
        return DiscriminatorOutput(logits, features)


class MolGanDiscriminator(Discriminator, kind="molgan"):
    """Relational graph convolutions and a gated sum; also the net of the reward."""

    widths: tuple[int, ...] = Field(default=(64, 32), min_length=1)
    """Units of the convolutions."""
    pooled: int = Field(default=128, ge=1)
    """Units of the sum over atoms."""
    hidden: int = Field(default=128, ge=1)
    """Units of the layer after it."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        sizes_of(shape)
        return shape

    def build(self, spec: Spec) -> nn.Module:
        return MolGanD(self.widths, self.pooled, self.hidden, spec)
