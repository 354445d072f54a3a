"""A generator of molecules as graphs: attention between atoms, with a state for every pair of atoms.

Vignac et al. 2023 (DiGress: attention biased by pairs, which it also updates); Jang et al. 2017 and Maddison et al.
2017 (straight-through Gumbel-softmax). Own sizes, and pairs are symmetric throughout.

    n_real ~ sizes of the data                          h_i = W z + W_ε ε_i + E c
                                                        p_ij = act(P h_i + P h_j) − (U h_i − U h_j)²
    L times:  a_ij = softmax_j(q_i·k_j / √d + b·p_ij)   h_i += W_o [Σ_j a_ij v_j ‖ Σ_j a_ij p_ij],  h_i += MLP(h_i)
                                                        p_ij += MLP(p_ij ‖ A h_i + A h_j ‖ B h_i ⊙ B h_j)
    types = ST(V h_i),  bonds = ST(F p_ij)              ST(l) = onehot(argmax (l + g)), with the derivative of
                                                        softmax((l + g)/τ);  g = −log(−log u)

D sees one-hot samples from both sides. All draws are an input, so that a sample depends on its noise alone.

N: molecules, n: atoms at most, V: types, B: bonds, L: layers.
z [N, latent], c [N] or [N, K], noise [N, noises] ~ N(0, 1): the number of atoms, ε, and g of types and bonds.
h [N, n, width], p [N, n, n, pairs], x [N, V + B, n, n].
"""

from __future__ import annotations

import math

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import one_hot

from ganforge.core.types import Spec, wide
from ganforge.modalities.molecule.forms.graph import BONDS, joined, sizes_of
from ganforge.nets.base import Generator
from ganforge.nets.layers.labels import LabelTable

EDGE = 1e-6  # of uniform numbers, so that no Gumbel noise is infinite
FIRST_BONDS = (0.75, 0.2, 0.05)  # shares of single, double and triple bonds that G begins with
SHARED, NODE = 0.8, 2.0  # deviations, at first, of what each atom gets of z and of its own noise
FIRST_LOGITS = 3.0  # deviation, at first, of the logits of bonds over pairs
RAISED = 1.0  # how many such deviations that of no bond is raised by, since it stands against three others
LABEL = 0.3  # deviation, at first, of embeddings of labels: less than what z adds, which they would drown
NOWHERE = -1e4  # logit of an atom that is not there


def gumbel(normal: Tensor) -> Tensor:
    """Gumbel noise of normal noise."""
    return -torch.log(-torch.log(torch.special.ndtr(wide(normal)).clamp(EDGE, 1 - EDGE)))


def straight_through(logits: Tensor, noise: Tensor, tau: float, temperature: float = 1.0) -> Tensor:
    """One-hot draws [..., K] of logits, with the derivative of the softmax at τ."""
    noisy = wide(logits) + temperature * gumbel(noise)
    soft = (noisy / tau).softmax(-1)
    hard = one_hot(noisy.argmax(-1), noisy.shape[-1]).to(soft.dtype)
    return hard + soft - soft.detach()


class PairAttention(nn.Module):
    """A layer: atoms read atoms and pairs, and pairs read their two atoms."""

    def __init__(self, width: int, pairs: int, heads: int):
        super().__init__()
        self.heads = heads
        self.norm, self.pair_norm, self.after = nn.LayerNorm(width), nn.LayerNorm(pairs), nn.LayerNorm(width)
        self.query, self.key, self.value = (nn.Linear(width, width, bias=False) for _ in range(3))
        self.bias = nn.Linear(pairs, heads, bias=False)
        self.out = nn.Linear(width + heads * pairs, width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.sums, self.products = nn.Linear(width, pairs), nn.Linear(width, pairs)
        self.pair_mlp = nn.Sequential(nn.Linear(3 * pairs, 2 * pairs), nn.GELU(), nn.Linear(2 * pairs, pairs))

    def forward(self, h: Tensor, p: Tensor, absent: Tensor) -> tuple[Tensor, Tensor]:
        """The next h and p. absent [N, 1, 1, n]: `NOWHERE` for atoms that are not there, else 0."""
        inner, pairs = self.norm(h), self.pair_norm(p)

        def split(x: Tensor) -> Tensor:
            return x.unflatten(2, (self.heads, -1)).transpose(1, 2)  # [N, H, n, d]

        q, k, v = split(self.query(inner)), split(self.key(inner)), split(self.value(inner))
        logits = q @ k.transpose(2, 3) / math.sqrt(q.shape[3]) + self.bias(pairs).permute(0, 3, 1, 2) + absent
        attention = logits.softmax(3)  # [N, H, n, n]
        atoms = (attention @ v).transpose(1, 2).flatten(2)  # [N, n, width]
        between = (attention.transpose(1, 2) @ pairs).flatten(2)  # [N, n, H · pairs]
        h = h + self.out(torch.cat([atoms, between], 2))
        inner = self.after(h)
        h = h + self.mlp(inner)
        s, m = self.sums(inner), self.products(inner)
        both = torch.cat([pairs, s[:, :, None] + s[:, None], m[:, :, None] * m[:, None]], 3)
        return h, p + self.pair_mlp(both)


class MoleculeG(nn.Module):
    """The net of `MoleculeGenerator`.

    Attributes:
        noises: how many normal numbers a molecule takes beside z.
    """

    cumulative: Tensor
    fixed: Tensor
    places: Tensor

    def __init__(self, latent: int, each: int, width: int, pairs: int, layers: int, heads: int, tau: float, spec: Spec):
        super().__init__()
        types, n = sizes_of(spec.shape)
        self.types, self.n, self.each, self.tau = types - 1, n, each, tau
        sizes = torch.tensor(spec.state.get("sizes", [0.0] * n + [1.0]), dtype=torch.float32)
        self.register_buffer("cumulative", sizes.cumsum(0), persistent=False)
        place = torch.zeros(n, n, dtype=torch.long)
        first, second = torch.triu_indices(n, n, 1)
        place[first, second] = place[second, first] = torch.arange(len(first))
        self.register_buffer("places", place.flatten(), persistent=False)
        self.parts = (1, n * each, n * self.types, len(first) * BONDS)
        self.noises = sum(self.parts)
        seeded = torch.Generator().manual_seed(0)
        self.register_buffer("fixed", torch.randn(self.noises, generator=seeded), persistent=False)
        self.globals, self.node = nn.Linear(latent, width), nn.Linear(each, width)
        self.size = nn.Linear(1, width, bias=False)
        self.label = LabelTable(spec.classes, width, LABEL) if spec.classes else None
        self.sum, self.apart = nn.Linear(width, pairs), nn.Linear(width, pairs, bias=False)
        self.layers = nn.ModuleList(PairAttention(width, pairs, heads) for _ in range(layers))
        self.norm, self.pair_norm = nn.LayerNorm(width), nn.LayerNorm(pairs)
        self.atom_out, self.bond_out = nn.Linear(width, self.types), nn.Linear(pairs, BONDS)
        self.begin(n, spec.state.get("shares", [1 / self.types] * self.types))

    @torch.no_grad()
    def begin(self, n: int, shares: list[float]) -> None:
        """First weights with which atoms and their bonds depend on ε, and less on the Gumbel noise.

        Were all pairs alike at first, D could not tell G which of them to bind: its answer to a bond that was drawn by
        chance is the same for all pairs on average, and G would stay at random graphs.
        """
        nn.init.normal_(self.globals.weight, 0.0, SHARED * self.globals.in_features**-0.5)
        nn.init.normal_(self.node.weight, 0.0, NODE * self.each**-0.5)
        nn.init.normal_(self.apart.weight, 0.0, self.apart.in_features**-0.5)
        nn.init.normal_(self.bond_out.weight, 0.0, FIRST_LOGITS * self.bond_out.in_features**-0.5)
        bonded = min(0.5, 2 / n)
        self.bond_out.bias.copy_(torch.tensor([1 - bonded, *(bonded * share for share in FIRST_BONDS)]).log())
        self.bond_out.bias[0] += RAISED * FIRST_LOGITS
        self.atom_out.bias.copy_(torch.tensor(shares).log())

    def forward(
        self, z: Tensor, c: Tensor | None = None, noise: Tensor | None = None, temperature: float = 1.0
    ) -> Tensor:
        """Molecules, one-hot.

        Args:
            noise: by default the same numbers for every molecule. temperature: factor of the Gumbel noise.
        """
        N, n = len(z), self.n
        noise = self.fixed.to(z.dtype).expand(N, -1) if noise is None else noise
        size, each, types, bonds = noise.split(self.parts, 1)
        count = (torch.special.ndtr(wide(size)) > self.cumulative).sum(1).clamp(1, n)  # [N]
        there = torch.arange(n, device=z.device) < count[:, None]  # [N, n]
        h = self.globals(z)[:, None] + self.node(each.unflatten(1, (n, -1)))
        h = h + self.size((count[:, None, None] / n).to(h.dtype))
        if self.label is not None:
            h = h + self.label(c)[:, None]
        p, place = self.sum(h), self.apart(h)
        p = nn.functional.gelu(p[:, :, None] + p[:, None]) - (place[:, :, None] - place[:, None]).square()
        absent = (~there).to(h.dtype)[:, None, None] * NOWHERE
        for layer in self.layers:
            h, p = layer(h, p, absent)
        atoms = straight_through(
            self.atom_out(self.norm(h)), types.unflatten(1, (n, -1)), self.tau, temperature
        )  # [N, n, V - 1]
        of_pairs = bonds.unflatten(1, (-1, BONDS))[:, self.places].unflatten(1, (n, n))
        drawn = straight_through(self.bond_out(self.pair_norm(p)), of_pairs, self.tau, temperature)  # [N, n, n, B]
        real = there.to(atoms.dtype)[:, :, None]
        both = real[:, :, None] * real[:, None]  # [N, n, n, 1]
        empty = one_hot(torch.zeros((), dtype=torch.long, device=z.device), BONDS).to(drawn.dtype)
        return joined(torch.cat([1 - real, atoms * real], 2), drawn * both + empty * (1 - both))


class MoleculeGenerator(Generator, kind="molecule"):
    """Attention between atoms, with states of pairs; draws types and bonds by straight-through Gumbel."""

    latent: int = 64
    """Dimension of the latent vector that all atoms of a molecule share."""
    each: int = Field(default=16, ge=1)
    """Numbers of noise of each atom."""
    width: int = Field(default=64, ge=4, multiple_of=4)
    """Units of an atom."""
    pairs: int = Field(default=16, ge=2)
    """Units of a pair."""
    layers: int = Field(default=3, ge=1)
    """Layers of attention."""
    tau: float = Field(default=1.0, gt=0)
    """Temperature of the softmax in the derivative."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        sizes_of(shape)
        return shape

    def build(self, spec: Spec) -> nn.Module:
        return MoleculeG(self.latent, self.each, self.width, self.pairs, self.layers, 4, self.tau, spec)
