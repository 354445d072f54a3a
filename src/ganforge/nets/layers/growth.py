"""Structures that grow part after part, such as molecules atom by atom.

    s_0 = S w
    a = A norm(s_i) + embedding of the type of part i
    m_i = act(a + Σ_j R_link m_j),   m_j += M_link m_i,   s_{i+1} = GRU(m_i ‖ w, s_i)

j runs over the earlier parts that part i is linked to. So a part knows what it was linked to, before and after.

N: structures, i: parts so far, T: types of parts, K: kinds of links, H: width.
w, s, a, m [N, H], memory [N, i, H], links [N, i, K], one-hot or none.
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
    """What the parts of a structure remember, and the state from which the next part is drawn."""

    def __init__(self, width: int, types: int, links: int):
        super().__init__()
        self.start, self.norm, self.own = nn.Linear(width, width), nn.LayerNorm(width), nn.Linear(width, width)
        self.kinds = nn.Embedding(types, width)
        self.heard, self.told = nn.Linear(links * width, width, bias=False), nn.Linear(width, links * width)
        self.next = nn.GRUCell(2 * width, width)

    def begin(self, whole: Tensor) -> tuple[Tensor, Tensor]:
        """The first state and an empty memory, from w."""
        return self.start(whole), whole.new_zeros(len(whole), 0, whole.shape[1])

    def part(self, state: Tensor, kind: Tensor) -> Tensor:
        """a, of a new part of a type [N, T], one-hot."""
        return self.own(self.norm(state)) + kind.to(state.dtype) @ self.kinds.weight

    def hear(self, links: Tensor, memory: Tensor) -> Tensor:
        """What a new part hears through links, [N, H]."""
        return self.heard((links.transpose(1, 2) @ memory).flatten(1))

    def add(self, heard: Tensor, links: Tensor, memory: Tensor, state: Tensor, whole: Tensor) -> tuple[Tensor, Tensor]:
        """The next state and memory, once the new part has heard through all of its links: a + Σ_j R m_j."""
        new = leaky_relu(heard, 0.2)
        told = links @ self.told(new).unflatten(1, (links.shape[2], -1))  # [N, i, H]
        return self.next(torch.cat([new, whole], 1), state), torch.cat([memory + told, new[:, None]], 1)
