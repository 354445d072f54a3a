"""A critic of molecules as graphs, which does not depend on the order of atoms.

Schlichtkrull et al. 2018 (a matrix for each type of bond); Xu et al. 2019 (sums tell more graphs apart than means). Own
features of atoms, since a net of messages cannot count cycles, nor see that a molecule falls apart:

    A = Σ bonds except none,  P = (I + D)⁻¹ (I + A)
    f_i = type_i ‖ Σ_j bonds_ij ‖ asinh of diag(A²), diag(A³), diag(A⁴) ‖ diag(P²), diag(P⁴), diag(P⁸), diag(P¹⁶)
    L times:  h_i += act(W_s h_i + Σ_b Σ_j bonds_bij W_b h_j)
    logit = w · act(W [Σ_i h_i ‖ max_i h_i ‖ deviation in the batch]) + ⟨embedding of c, features⟩

diag(Pᵏ) is the probability to be back after k steps: 1 / atoms of a connected part, for large k.

N: molecules, n: atoms at most, V: types, B: bonds.  x [N, V + B, n, n], c [N] or [N, K], logits [N].
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from ganforge.core.types import DiscriminatorOutput, Spec
from ganforge.modalities.molecule.forms.graph import BONDS, parted, sizes_of
from ganforge.nets.base import Discriminator
from ganforge.nets.layers.labels import LabelTable
from ganforge.nets.layers.minibatch import MinibatchStddev

WALKS, RETURNS = 3, 4


def walks(bonds: Tensor) -> Tensor:
    """Closed walks of each atom of molecules with bonds [N, B, n, n], [N, n, WALKS + RETURNS].

    Noise on the input can make bonds negative; they count as none, so that the rows of P are distributions.
    """
    A = bonds[:, 1:].sum(1).clamp_min(0)  # [N, n, n]
    squared = A @ A
    counts = [squared, squared @ A, squared @ squared]
    found = [torch.asinh(one.diagonal(dim1=1, dim2=2)) for one in counts]  # with too many bonds there are very many
    P = A + torch.eye(A.shape[1], dtype=A.dtype, device=A.device)
    P = P / P.sum(2, keepdim=True)
    for _ in range(RETURNS):
        P = P @ P
        found.append(P.diagonal(dim1=1, dim2=2))
    return torch.stack(found, 2)


class Relational(nn.Module):
    """A layer of messages with a matrix for each bond."""

    def __init__(self, before: int, width: int):
        super().__init__()
        self.own = nn.Linear(before, width)
        self.each = nn.Linear(before, (BONDS - 1) * width, bias=False)
        self.skip = before == width

    def forward(self, h: Tensor, bonds: Tensor) -> Tensor:
        """h [N, n, before], bonds [N, B, n, n] → [N, n, width]."""
        sent = self.each(h).unflatten(2, (BONDS - 1, -1)).transpose(1, 2)  # [N, B - 1, n, width]
        got = leaky_relu(self.own(h) + (bonds[:, 1:] @ sent).sum(1), 0.2)
        return h + 0.5 * got if self.skip else got


class MoleculeD(nn.Module):
    """The net of `MoleculeDiscriminator`."""

    def __init__(self, width: int, layers: int, hidden: int, spec: Spec):
        super().__init__()
        self.types, _ = sizes_of(spec.shape)
        inputs = self.types + BONDS + WALKS + RETURNS
        self.layers = nn.ModuleList(Relational(width if k else inputs, width) for k in range(layers))
        self.deviation = MinibatchStddev()
        self.hidden = nn.Sequential(
            nn.Linear(2 * width + self.deviation.extra, hidden),
            nn.LeakyReLU(0.2),
            nn.Linear(hidden, hidden),
            nn.LeakyReLU(0.2),
        )
        self.out = nn.Linear(hidden, 1)
        self.label = LabelTable(spec.classes, hidden, hidden**-0.5) if spec.classes else None

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        atoms, bonds = parted(x, self.types)
        h = torch.cat([atoms, bonds.sum(3).transpose(1, 2), walks(bonds)], 2)
        for layer in self.layers:
            h = layer(h, bonds)
        features = self.hidden(self.deviation(torch.cat([h.sum(1) / 4, h.amax(1)], 1)))
        logits = self.out(features)[:, 0]
        if self.label is not None:
            logits = logits + (self.label(c) * features).sum(1)
        return DiscriminatorOutput(logits, features)


class MoleculeDiscriminator(Discriminator, kind="molecule"):
    """Messages along bonds, with closed walks of each atom."""

    width: int = Field(default=64, ge=1)
    """Units of an atom."""
    layers: int = Field(default=3, ge=1)
    """Layers of messages."""
    hidden: int = Field(default=128, ge=1)
    """Units of the two layers after pooling."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        sizes_of(shape)
        return shape

    def build(self, spec: Spec) -> nn.Module:
        return MoleculeD(self.width, self.layers, self.hidden, spec)
