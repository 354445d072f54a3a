"""A generator of molecules that adds atom after atom, each bonded to an earlier one and within the valences.

You et al. 2018 (GraphRNN: graphs node after node); Jang et al. 2017 and Maddison et al. 2017 (straight-through
Gumbel-softmax). Own arrangement.

    size ~ sizes of the data,  w = act(W z + U size + E c)
    for atom i = 0, 1, ...  (`growth`: the states s_i, a, and what atoms remember, m_j)
        type_i          ST(T s_i)
        first bond      ST over (j, order):            F act(Q a + K m_j + free valence of j + i − j)            i > 0
        `closings` ×    ST over none and (j, order):   the same with other weights, + the size of the ring

    ST(l) = onehot(argmax (l + g)), with the derivative of softmax((l + g)/τ);  g = −log(−log u)

What is impossible is left out of each draw (`Building`). So each molecule is of one part and no atom has too many
bonds, whatever the weights; which types, bonds and rings there are is learned. The order of atoms is G's own: D does
not see it.

N: molecules, n: atoms at most, V: types without none, B: bonds with none, H: width.
z [N, latent], c [N] or [N, K], noise [N, noises] ~ N(0, 1): the size, and g of types and bonds.
w, s, a, m [N, H], x [N, 1 + V + B, n, n].
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, pad

from ganforge.core.types import Spec, wide
from ganforge.modalities.molecule.forms.graph import joined, sizes_of
from ganforge.modalities.molecule.nets.building import ORDERS, Building
from ganforge.modalities.molecule.nets.growth import FIRST, Growth, small_table
from ganforge.nets.base import Generator
from ganforge.nets.layers.gumbel import gumbel, straight_through
from ganforge.nets.layers.labels import LabelTable

NEVER = -1e4  # added to logits of what is impossible
FIRST_BONDS = (0.75, 0.2, 0.05)  # shares of single, double and triple bonds that G begins with


class Pairs(nn.Module):
    """Logits of a bond of each order from a new atom to each of i earlier ones, [N, i, ORDERS]."""

    def __init__(self, width: int, n: int, valence: int):
        super().__init__()
        self.query, self.key = nn.Linear(width, width), nn.Linear(width, width)
        self.free, self.apart = small_table(valence + 1, width), small_table(n, width)
        self.out = nn.Linear(width, ORDERS)
        with torch.no_grad():
            self.out.bias.copy_(torch.tensor(FIRST_BONDS).log())

    def forward(self, new: Tensor, memory: Tensor, free: Tensor, rings: Tensor | None = None) -> Tensor:
        """new [N, H], memory and rings [N, i, H], free int64 [N, i]."""
        i = memory.shape[1]
        apart = torch.arange(i - 1, -1, -1, device=memory.device)
        hidden = self.query(new)[:, None] + self.key(memory) + self.free(free) + self.apart(apart)
        return self.out(leaky_relu(hidden if rings is None else hidden + rings, 0.2))


class SequentialG(nn.Module):
    """The net of `SequentialGenerator`.

    Attributes:
        noises: how many normal numbers a molecule takes beside z.
    """

    cumulative: Tensor
    fixed: Tensor
    valences: Tensor

    def __init__(self, latent: int, width: int, closings: int, tau: float, spec: Spec):
        super().__init__()
        types, n = sizes_of(spec.shape)
        self.types, self.n, self.closings, self.tau = types - 1, n, closings, tau
        sizes = torch.tensor(spec.state.get("sizes", [0.0] * n + [1.0]), dtype=torch.float32)
        self.register_buffer("cumulative", sizes.cumsum(0), persistent=False)
        valences = spec.state.get("valences", [4] * self.types)
        self.register_buffer("valences", torch.tensor(valences), persistent=False)
        self.parts = [1]
        for i in range(n):
            self.parts += [self.types] + ([i * ORDERS] + [i * ORDERS + 1] * closings if i else [])
        self.noises = sum(self.parts)
        seeded = torch.Generator().manual_seed(0)
        self.register_buffer("fixed", torch.randn(self.noises, generator=seeded), persistent=False)
        self.globals, self.size = nn.Linear(latent, width), nn.Linear(1, width, bias=False)
        self.label = LabelTable(spec.classes, width, FIRST / 3) if spec.classes else None  # latents move more
        self.growth, self.type_out = Growth(width, self.types, ORDERS), nn.Linear(width, self.types)
        self.first, self.closing = (Pairs(width, n, max(valences)) for _ in range(2))
        self.none, self.rings = nn.Linear(width, 1), nn.Embedding(n + 2, width)
        with torch.no_grad():
            self.type_out.bias.copy_(torch.tensor(spec.state.get("shares", [1 / self.types] * self.types)).log())

    def forward(
        self, z: Tensor, c: Tensor | None = None, noise: Tensor | None = None, temperature: float = 1.0
    ) -> Tensor:
        """Molecules, one-hot.

        Args:
            noise: by default the same numbers for every molecule. temperature: factor of the Gumbel noise.
        """
        noise = self.fixed.to(z.dtype).expand(len(z), -1) if noise is None else noise
        size, *draws = noise.split(self.parts, 1)
        noises = (temperature * gumbel(one) for one in draws)
        count = (torch.special.ndtr(wide(size[:, 0]))[:, None] > self.cumulative).sum(1).clamp(1, self.n)  # [N]
        whole = self.globals(z) + self.size((count[:, None] / self.n).to(z.dtype))
        if self.label is not None:
            whole = whole + self.label(c)
        whole = leaky_relu(whole, 0.2)
        state, memory = self.growth.begin(whole)
        building = Building(count, self.valences)
        types, bonds = [], []
        for i in range(self.n):
            logits = self.type_out(self.growth.norm(state)) + NEVER * ~building.types()
            kind = straight_through(logits, next(noises), self.tau)  # [N, V]
            building.add(kind.argmax(1))
            types.append(kind * building.there[:, None])
            new = self.growth.atom(state, kind)
            bonded = self.bonds(building, new, memory, noises)  # [N, i, ORDERS]
            bonds.append(pad(bonded, (0, 0, 0, self.n - i)))
            building.complete()
            state, memory = self.growth.add(new, bonded, memory, state, whole)
        atoms, lower = torch.stack(types, 1), torch.stack(bonds, 1)  # [N, n, V], [N, n, n, ORDERS]
        atoms = torch.cat([1 - atoms.sum(2, keepdim=True), atoms], 2)
        drawn = lower + lower.transpose(1, 2)
        return joined(atoms, torch.cat([1 - drawn.sum(3, keepdim=True), drawn], 3))

    def bonds(self, building: Building, new: Tensor, memory: Tensor, noises: Iterator[Tensor]) -> Tensor:
        """The bonds of the new atom to the i earlier ones, one-hot or none [N, i, ORDERS]."""
        i = memory.shape[1]
        drawn = memory.new_zeros(len(new), i, ORDERS)
        for k in range(1 + self.closings if i else 0):
            if k == 0:
                logits = self.first(new, memory, building.free)
            else:
                logits = self.closing(new, memory, building.free, self.rings(building.rings()))
            logits = (wide(logits) + NEVER * ~building.bonds()).flatten(1)
            if k:
                logits = torch.cat([logits, self.none(leaky_relu(new, 0.2))], 1)
            one = straight_through(logits, next(noises), self.tau)[:, : i * ORDERS].unflatten(1, (i, ORDERS))
            one = one * building.there[:, None, None]
            building.bind(one > 0.5)
            drawn = drawn + one.to(drawn.dtype)
        return drawn


class SequentialGenerator(Generator, kind="molecule_sequential"):
    """Atom after atom: a type, a bond to an earlier atom, and bonds that close rings, all within the valences."""

    latent: int = 32
    """Dimension of the latent vector."""
    width: int = Field(default=64, ge=1)
    """Units of an atom, and of the state from which the next one is drawn."""
    closings: int = Field(default=2, ge=0)
    """How many bonds that close rings a new atom has at most."""
    tau: float = Field(default=1.0, gt=0)
    """Temperature of the softmax in the derivative."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        sizes_of(shape)
        return shape

    def build(self, spec: Spec) -> nn.Module:
        return SequentialG(self.latent, self.width, self.closings, self.tau, spec)
