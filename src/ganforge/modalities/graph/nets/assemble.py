"""From scores of pairs of nodes to networks with a given number of edges (Bojchevski et al. 2018, NetGAN, section 3.3).

    1. each node that has an edge in the data gets one, drawn in proportion to its scores
    2. the others are drawn without replacement, in proportion to the scores of all pairs

Drawing without replacement is taking the largest log(score) + Gumbel noise.

V nodes, E edges.  scores float [V, V], symmetric.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ganforge.core.rng import Rng, seed_of

TINY = 1e-30
EDGE = 1e-12


def draw_edges(scores: Tensor, edges: int, alone: list[int], key: int) -> Tensor:
    """The edges of one network, int64 [E, 2], the smaller node first; the same ones for one key."""
    V = len(scores)
    uniform = Rng(key, device=scores.device, dtype=torch.float64).uniform("pairs", (V, V)).clamp(EDGE, 1 - EDGE)
    noisy = scores.double().clamp_min(TINY).log() - torch.log(-torch.log(uniform))
    noisy = torch.triu(noisy, 1)
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


def networks(scores: Tensor, z: Tensor, edges: int, alone: list[int]) -> Tensor:
    """A network for each latent z [N, 1], float [N, 1, 2, E]."""
    found = [draw_edges(scores, edges, alone, key_of(one)).T for one in z]
    return torch.stack(found)[:, None].float()
