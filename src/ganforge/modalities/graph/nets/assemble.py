"""From scores of pairs of nodes to networks with a given number of edges (Bojchevski et al. 2018, NetGAN, section 3.3).

    1. each node that has an edge in the data gets one, drawn in proportion to its scores
    2. the others are drawn without replacement, in proportion to the scores of all pairs

With directions, each node that has an outgoing edge in the data gets one, then each that has incoming edges and got
none yet.

Drawing without replacement is taking the largest log(score) + Gumbel noise.

V nodes, E edges.  scores float [V, V], of edges i → j, or symmetric without directions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

from ganforge.core.rng import Rng, seed_of

TINY = 1e-30
EDGE = 1e-12


@dataclass(frozen=True)
class Directions:
    """What is known of the nodes of a directed network.

    Attributes:
        out_degrees: of each node.
        unreached: the nodes without incoming edges.
    """

    out_degrees: list[int]
    unreached: list[int]

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Self | None:
        """From the state of a spec; None without directions."""
        return cls(state["out_degrees"], state["unreached"]) if state.get("directed") else None

    def shares(self, like: Tensor) -> Tensor:
        """The share of all edges that leaves each node, [V]."""
        degrees = torch.tensor(self.out_degrees, dtype=like.dtype, device=like.device)
        return degrees / degrees.sum()


def draw_directed(scores: Tensor, edges: int, known: Directions, key: int) -> Tensor:
    """The edges i → j of one directed network, int64 [E, 2]; the same ones for one key."""
    V = len(scores)
    noisy = _noisy(scores, key).fill_diagonal_(-torch.inf)
    taken = torch.zeros_like(noisy, dtype=torch.bool)
    leaving = torch.tensor(known.out_degrees, device=scores.device).nonzero()[:, 0]
    taken[leaving, noisy[leaving].argmax(1)] = True
    missed = ~taken.any(0)
    missed[known.unreached] = False
    entered = missed.nonzero()[:, 0]
    taken[noisy[:, entered].argmax(0), entered] = True
    chosen = (noisy + 1e6 * taken).flatten().topk(edges).indices
    return torch.stack([chosen // V, chosen % V], 1)


def _noisy(scores: Tensor, key: int) -> Tensor:
    """log(score) + Gumbel noise, float64 [V, V]."""
    uniform = Rng(key, device=scores.device, dtype=torch.float64).uniform("pairs", scores.shape).clamp(EDGE, 1 - EDGE)
    return scores.double().clamp_min(TINY).log() - torch.log(-torch.log(uniform))


def draw_edges(scores: Tensor, edges: int, alone: list[int], key: int) -> Tensor:
    """The edges of one network, int64 [E, 2], the smaller node first; the same ones for one key."""
    V = len(scores)
    noisy = torch.triu(_noisy(scores, key), 1)
    noisy = noisy + noisy.T
    noisy.fill_diagonal_(-torch.inf)
    taken = torch.zeros_like(noisy, dtype=torch.bool)
    nodes = torch.arange(V, device=scores.device)
    if alone:
        nodes = nodes[~torch.isin(nodes, torch.tensor(alone, device=scores.device))]
    best = noisy[nodes].argmax(1)
    taken[torch.minimum(nodes, best), torch.maximum(nodes, best)] = True
    rows, columns = torch.triu_indices(V, V, 1, device=scores.device)
    keys = noisy[rows, columns] + 1e6 * taken[rows, columns]
    chosen = keys.topk(edges).indices
    return torch.stack([rows[chosen], columns[chosen]], 1)


def key_of(z: Tensor) -> int:
    """A seed from one latent."""
    return seed_of("edges", repr(z.tolist()))


def draw(scores: Tensor, edges: int, alone: list[int], directions: Directions | None, key: int) -> Tensor:
    """The edges of one network, with or without directions."""
    if directions is None:
        return draw_edges(scores, edges, alone, key)
    return draw_directed(scores, edges, directions, key)


def networks(scores: Tensor, z: Tensor, edges: int, alone: list[int], directions: Directions | None = None) -> Tensor:
    """A network for each latent z [N, 1], float [N, 1, 2, E]."""
    found = [draw(scores, edges, alone, directions, key_of(one)).T for one in z]
    return torch.stack(found)[:, None].float()
