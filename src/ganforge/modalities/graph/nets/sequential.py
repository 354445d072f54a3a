"""A generator of graphs that adds node after node, each with a few edges to earlier nodes, drawn one after the other.

You et al. 2018 (GraphRNN: graphs node after node); Jang et al. 2017 (straight-through Gumbel-softmax). Own arrangement.

    size ~ sizes of the data,  w = act(W z + U size + E c)
    for node i = 0, 1, ...  (`nets/layers/growth.py`: the states s_i, a, and what nodes remember, m_j)
        type_i       ST(T s_i),   q = a
        `edges` ×    ST over none and (j, kind of edge):   F act(Q q + K m_j + degree of j + i − j + distance to j)
                     of none:   O act(q);   then q += R_edge m_j

    ST(l) = onehot(argmax (l + g)), with the derivative of softmax((l + g)/τ);  g = −log(−log u)

The distance to j is that along the edges which are already there, so that to close a triangle is a matter of one
embedding. With as many draws as the largest core of a graph has (`graphs.largest_core`), the graph can be built. The
order of nodes is G's own: D does not see it.

N graphs, V places, i nodes so far, B and T types of edges and nodes, O kinds of edges: B, or 2B with directions, H
width.  z [N, L], noise [N, W], w, s, a, q, m [N, H], x [N, B + T, V, V].
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, pad

from ganforge.core.rng import normals
from ganforge.core.types import Spec
from ganforge.modalities.graph.nets.layout import check, layout_of
from ganforge.nets.base import Generator
from ganforge.nets.layers.growth import FIRST, Growth, small_table
from ganforge.nets.layers.gumbel import EDGE, gumbel, straight_through
from ganforge.nets.layers.labels import LabelTable, as_vectors

FAR = 6
"""Distance from which on all nodes are equally far."""
APART, DEGREES = 16, 12
"""Largest difference of places, and largest degree, that are told apart."""
NEVER = -1e4  # added to logits of what is impossible


class Drawn:
    """What is there of N graphs: numbers that no derivative passes through.

    Attributes:
        degrees: of the nodes so far, [N, i]. taken: 1 for those that the new node is linked to, [N, i].
        near: FAR − distance of the new node to them, 0 for those that are FAR, [N, i].
    """

    def __init__(self, like: Tensor):
        self.degrees, self.close = like.new_zeros(len(like), 0), like.new_zeros(len(like), 0, 0)
        self.begin()

    def begin(self) -> None:
        """A new node, without edges so far."""
        self.near = self.taken = torch.zeros_like(self.degrees)

    def link(self, now: Tensor) -> None:
        """An edge from the new node to the one marked by 1, or none, [N, i]."""
        self.taken = self.taken + now
        self.near = torch.maximum(self.near, (now[:, None] @ self.close)[:, 0] - 1)

    def end(self) -> None:
        """The new node is one of the nodes."""
        near = self.near
        within = torch.maximum(self.close, near[:, :, None] + near[:, None] - FAR)
        self.close = torch.cat([torch.cat([within, near[:, None]], 1), pad(near, (0, 1), value=FAR)[:, :, None]], 2)
        self.degrees = torch.cat([self.degrees + self.taken, self.taken.sum(1, keepdim=True)], 1)


class SequentialGraphG(nn.Module):
    """The net of `SequentialGraphGenerator`.

    Attributes:
        noise: W, numbers of noise of a graph.
    """

    sizes: Tensor

    def __init__(self, latent: int, width: int, edges: int, tau: float, spec: Spec):
        super().__init__()
        self.layout = layout = layout_of(spec)
        self.tau, self.classes = tau, spec.classes
        self.links = layout.bonds * (2 if layout.directed else 1)
        self.edges = min(edges, spec.state.get("core", edges))
        self.latent, self.size = nn.Linear(latent, width), nn.Linear(1, width, bias=False)
        self.label = LabelTable(spec.classes, width, FIRST) if spec.classes else None
        self.growth, self.type_out = Growth(width, layout.kinds, self.links), nn.Linear(width, layout.kinds)
        self.query, self.key = nn.Linear(width, width), nn.Linear(width, width)
        self.degree, self.apart = small_table(DEGREES + 1, width), small_table(APART + 1, width)
        self.near, self.turn = small_table(FAR + 1, width), small_table(self.edges, width)
        self.out, self.none = nn.Linear(width, self.links), nn.Linear(width, 1)
        with torch.no_grad():
            self.type_out.bias.copy_(torch.tensor(layout.node_shares).log())
        sizes = layout.sizes if len(layout.sizes) == spec.classes else layout.sizes.sum(0, keepdims=True)
        shares = torch.tensor(sizes / sizes.sum(1, keepdims=True).clip(1), dtype=torch.get_default_dtype())
        self.register_buffer("sizes", shares)
        self.parts = [1]
        for i in range(layout.nodes):
            self.parts += [layout.kinds] + [i * self.links + 1] * (self.edges if i else 0)
        self.noise = sum(self.parts)

    def forward(self, z: Tensor, c: Tensor | None = None, noise: Tensor | None = None) -> Tensor:
        """Graphs, one-hot. Without noise every graph gets the same."""
        layout, V = self.layout, self.layout.nodes
        noise = normals((1, self.noise), z.dtype, torch.Generator().manual_seed(0)) if noise is None else noise
        size, *draws = noise.to(z.device).expand(len(z), -1).split(self.parts, 1)
        noises = (gumbel(one) for one in draws)
        there = self.present(size, c).to(z.dtype)  # [N, V]
        whole = self.latent(z) + self.size(there.mean(1, keepdim=True)) + (0 if self.label is None else self.label(c))
        whole = leaky_relu(whole, 0.2)
        state, memory = self.growth.begin(whole)
        drawn = Drawn(whole.detach())
        kinds, rows = [], []
        for i in range(V):
            real = there[:, i, None]
            kind = real * straight_through(self.type_out(self.growth.norm(state)), next(noises), self.tau)  # [N, T]
            new, edges = self.linked(self.growth.part(state, kind), memory, drawn, real, noises)
            state, memory = self.growth.add(new, edges, memory, state, whole)
            kinds.append(kind)
            rows.append(pad(edges, (0, 0, 0, V - i)))
        lower = torch.stack(rows, 1).permute(0, 3, 1, 2)  # [N, O, V, V]
        upper = lower[:, layout.bonds :] if layout.directed else lower
        nodes = torch.diag_embed(torch.stack(kinds, 2))
        return torch.cat([(lower[:, : layout.bonds] + upper.transpose(2, 3)).to(nodes.dtype), nodes], 1)

    def linked(
        self, new: Tensor, memory: Tensor, drawn: Drawn, real: Tensor, noises: Iterator[Tensor]
    ) -> tuple[Tensor, Tensor]:
        """A new node [N, H] after it has heard through its edges, and these, one-hot or none, [N, i, O].

        Args:
            real: whether there is the node, [N, 1].
        """
        i = memory.shape[1]
        edges = memory.new_zeros(len(new), i, self.links)
        drawn.begin()
        apart = torch.arange(i, 0, -1, device=new.device).clamp_max(APART)
        earlier = self.key(memory) + self.degree(drawn.degrees.long().clamp_max(DEGREES)) + self.apart(apart)
        for k in range(self.edges if i else 0):
            turn = new + self.turn.weight[k]
            hidden = self.query(turn)[:, None] + earlier + self.near(drawn.near.long())
            logits = self.out(leaky_relu(hidden, 0.2)) + NEVER * drawn.taken[:, :, None]
            logits = torch.cat([logits.flatten(1), self.none(leaky_relu(turn, 0.2))], 1)
            one = straight_through(logits, next(noises), self.tau)[:, :-1].unflatten(1, (i, self.links))
            one = (one * real[:, :, None]).to(edges.dtype)
            edges = edges + one
            new = new + self.growth.hear(one, memory)
            drawn.link(one.detach().sum(2))
        drawn.end()
        return new, edges

    def present(self, noise: Tensor, c: Tensor | None) -> Tensor:
        """Which places hold a node, bool [N, V]: of each graph the first, as many as drawn."""
        shares = self.sizes
        if self.classes and len(shares) == self.classes:
            shares = as_vectors(c, self.classes, shares.dtype) @ shares
        uniform = torch.special.ndtr(noise.to(shares.dtype)).clamp(EDGE, 1 - EDGE)
        size = (shares.cumsum(1) < uniform * shares.sum(1, keepdim=True)).sum(1)
        return torch.arange(self.layout.nodes, device=noise.device) < size[:, None]


class SequentialGraphGenerator(Generator, kind="graph_sequential"):
    """Node after node, each with a few edges to earlier nodes."""

    latent: int = Field(default=64, ge=1)
    """Dimension of the latent vector."""
    width: int = Field(default=64, ge=1)
    """Units of a node, and of the state from which the next one is drawn."""
    edges: int = Field(default=4, ge=1)
    """How many edges to earlier nodes a node has at most; no more than the core of the data."""
    tau: float = Field(default=1.0, gt=0)
    """Temperature of the softmax in the derivative."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return check(shape)

    def build(self, spec: Spec) -> nn.Module:
        return SequentialGraphG(self.latent, self.width, self.edges, self.tau, spec)
