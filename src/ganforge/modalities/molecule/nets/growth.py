"""What atoms of a molecule that grows remember, and the state from which the next one is drawn.

    s_0 = S w
    a = A norm(s_i) + embedding of the type of atom i
    m_i = act(a + Σ_j R_bond m_j),   m_j += M_bond m_i,   s_{i+1} = GRU(m_i ‖ w, s_i)

j runs over the earlier atoms that atom i is bonded to. So an atom knows its bonds to earlier and to later ones.

N: molecules, i: atoms so far, V: types of atoms, B: kinds of bonds, H: width.
w, s, a, m [N, H], memory [N, i, H], bonds [N, i, B], one-hot or none.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

FIRST = 0.3
"""Deviation, at first, of embeddings that are added to other inputs: less than theirs, which they would drown."""


def small_table(count: int, width: int) -> nn.Embedding:
    """Embeddings that are added to other inputs."""
    made = nn.Embedding(count, width)
    nn.init.normal_(made.weight, 0.0, FIRST)
    return made


class Growth(nn.Module):
    """What atoms remember, and the state from which the next one is drawn."""

    def __init__(self, width: int, types: int, orders: int):
        super().__init__()
        self.start, self.norm, self.own = nn.Linear(width, width), nn.LayerNorm(width), nn.Linear(width, width)
        self.kinds = nn.Embedding(types, width)
        self.heard, self.told = nn.Linear(orders * width, width, bias=False), nn.Linear(width, orders * width)
        self.next = nn.GRUCell(2 * width, width)

    def begin(self, whole: Tensor) -> tuple[Tensor, Tensor]:
        """The first state and an empty memory, from w."""
        return self.start(whole), whole.new_zeros(len(whole), 0, whole.shape[1])

    def atom(self, state: Tensor, kind: Tensor) -> Tensor:
        """a, of a new atom of a type [N, V], one-hot."""
        return self.own(self.norm(state)) + kind.to(state.dtype) @ self.kinds.weight

    def add(self, new: Tensor, bonds: Tensor, memory: Tensor, state: Tensor, whole: Tensor) -> tuple[Tensor, Tensor]:
        """The next state and memory, from a of the new atom and its bonds."""
        heard = self.heard((bonds.transpose(1, 2) @ memory).flatten(1))
        own = leaky_relu(new + heard, 0.2)  # [N, H]
        told = bonds @ self.told(own).unflatten(1, (bonds.shape[2], -1))  # [N, i, H]
        return self.next(torch.cat([own, whole], 1), state), torch.cat([memory + told, own[:, None]], 1)
