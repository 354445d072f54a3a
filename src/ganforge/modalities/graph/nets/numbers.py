"""Numbers in the nets of graphs: K of each edge, its weights, and attributes of nodes, all standard normal (`scale`).

In G, once the edges are there:

    h_i    ← h_i + act(W (Σ_j A_ij h_j ‖ h_i ‖ degree of i))
    a_i    = s · e_i + MLP(h_i ‖ e_i),    e_i ~ N(0, 1) of each attribute
    w_ij   = s · e_ij + v act(P h′_i + Q h′_j + u e_ij + R t_ij),   h′ = h + V a;  t_ij the type of the edge

So everything is independent and of the right distribution at first, and what depends on what is learned. Without
directions P = Q and e_ij = e_ji, so that w_ij = w_ji. In D, messages also go along matrices of ramps of the weights,
act(α_k·w_ij + β_k) A_ij, by whose sums distributions of weights are told apart; of several weights half of the ramps
look at two of them together, which tells what goes with what.

N graphs, V places, H width, B types of edges, K weights.  h [N, V, H], links [N, B, V, V], planes [N, P, V, V].
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from ganforge.modalities.graph.nets.layout import Layout

RAMPS = 4
START = 0.1
"""The weights of the last layers at first, times the usual ones."""


class NumberHeads(nn.Module):
    """Attributes of nodes, then weights of the edges that are there.

    Attributes:
        parts: how many normal draws a graph needs, for attributes and for weights.
    """

    def __init__(self, width: int, layout: Layout):
        super().__init__()
        V, self.attributes, self.planes, self.directed = layout.nodes, layout.attributes, layout.planes, layout.directed
        self.weights = layout.weights
        self.norm, self.heard = nn.LayerNorm(width), nn.Linear(2 * width + 1, width)
        self.of_nodes = self.of_ends = None
        if layout.attributes:
            last = nn.Linear(width, layout.attributes)
            _quiet(last)
            self.of_nodes = nn.Sequential(nn.Linear(width + layout.attributes, width), nn.LeakyReLU(0.2), last)
            self.node_noise = nn.Parameter(torch.ones(layout.attributes))
            self.back = nn.Linear(layout.attributes, width)
        if layout.weights:
            self.of_ends = nn.Linear(width, width * (2 if layout.directed else 1))
            self.of_noise, self.of_types = nn.Linear(layout.weights, width), nn.Linear(layout.bonds, width, bias=False)
            self.last = nn.Linear(width, layout.weights)
            self.edge_noise = nn.Parameter(torch.ones(layout.weights if layout.weights > 1 else ()))
            _quiet(self.last)
        pairs = V * (V - 1) // (1 if layout.directed else 2)
        self.parts = (V * layout.attributes, pairs * layout.weights)

    def forward(self, h: Tensor, links: Tensor, there: Tensor, noises: tuple[Tensor, Tensor], place: Tensor) -> Tensor:
        """Planes of numbers, 0 where there is no node or edge.

        Args:
            there: [N, V], 1 where there is a node.
            noises: standard normal draws, [N, parts].
            place: of each pair of nodes, the number of its draw, int64 [V · V].
        """
        N, V = there.shape
        A = links.sum(1)
        both = A + A.transpose(1, 2)
        normed = self.norm(h)
        h = h + leaky_relu(self.heard(torch.cat([both @ normed / 4, normed, both.sum(2, keepdim=True) / 8], 2)), 0.2)
        planes = torch.zeros(N, self.planes, V, V, dtype=h.dtype, device=h.device)
        if self.of_nodes is not None:
            e = noises[0].unflatten(1, (V, self.attributes)).to(h.dtype)
            a = (self.node_noise * e + self.of_nodes(torch.cat([self.norm(h), e], 2))) * there[:, :, None]
            h = h + self.back(a)
            planes = planes + nn.functional.pad(
                torch.diag_embed(a.transpose(1, 2)), (0, 0, 0, 0, 0, self.planes - self.attributes)
            )
        if self.of_ends is not None:
            ends = self.of_ends(self.norm(h)).chunk(2 if self.directed else 1, 2)
            e = noises[1].unflatten(1, (self.weights, -1))[:, :, place].unflatten(2, (V, V)).to(h.dtype)
            e = e.permute(0, 2, 3, 1)
            hidden = (
                ends[0][:, :, None] + ends[-1][:, None] + self.of_noise(e) + self.of_types(links.permute(0, 2, 3, 1))
            )
            w = (self.edge_noise * e + self.last(leaky_relu(hidden, 0.2))).permute(0, 3, 1, 2) * A[:, None]
            planes = planes + nn.functional.pad(w, (0, 0, 0, 0, 0, self.planes - self.weights))
        return planes


class Ramps(nn.Module):
    """Ramps of K weights: w [N, W, K, V, V] and links [N, W, V, V] → [N, W · count, V, V]; W is 2 with directions."""

    def __init__(self, weights: int):
        super().__init__()
        self.count = RAMPS * weights
        self.slopes = nn.Parameter(torch.tensor([1.0, -1.0] * (RAMPS // 2)))
        if weights > 1:
            own, next_one = torch.eye(weights), torch.eye(weights).roll(1, 1)
            self.slopes = nn.Parameter(torch.cat([own, -own, (own + next_one) / 2**0.5, (own - next_one) / 2**0.5]))
        self.starts = nn.Parameter(torch.linspace(-1, 1, self.count))

    def forward(self, w: Tensor, links: Tensor) -> Tensor:
        if self.slopes.ndim == 1:
            sloped = w * self.slopes.view(-1, 1, 1)
        else:
            sloped = torch.einsum("nwkij,rk->nwrij", w, self.slopes)
        ramps = leaky_relu(sloped + self.starts.view(-1, 1, 1), 0.2)
        return (ramps * links[:, :, None]).flatten(1, 2)


def _quiet(layer: nn.Linear) -> None:
    with torch.no_grad():
        layer.weight.mul_(START)
        layer.bias.zero_()
