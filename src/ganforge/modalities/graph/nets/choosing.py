"""A generator of graphs in which every node chooses a few others, round after round, and sees the graph so far.

    size ~ sizes of the data,  h_i = act(W z + U size + E c + own noise of node i),  twice: attention between nodes
    type_i  ST(T h_i),   u_i = P h_i, a place in a space of few dimensions
    K rounds, each with weights of its own:
        choice_i   ST over none and j ≠ i that i has not chosen:
                   q_i·k_j / √d − e^s ‖u_i − u_j‖² + Σ_f w_f(h_i) φ_f(i, j);    of none: o(h_i)
        A          the edges that either of two nodes has chosen
        h_i       += act(R (Σ_j A_ij h_j ‖ h_i))
    edge types     ST(t_i + t_j), the same from both ends
    numbers        of nodes and of edges, if the data has any (`numbers`)

    φ: 1 if the types are equal; A; log(1 + A²), the neighbors that i and j share; P⁸ · nodes, the chance of a random
    walk from i to be at j, which is 0 if they are in parts of their own.
    ST(l) = onehot(argmax (l + g)), with the derivative of softmax((l + g)/τ);  g = −log(−log u)

Choices of what is near make graphs with triangles and even degrees from the first step on, which independent draws of
all pairs do not. Each graph whose largest core is K can be made so: in the order in which nodes of least degree are
taken away, each one chooses those that are left. Jang et al. 2017 for ST; all nodes are alike, so that G has no order.

N graphs, V places, B and T types of edges and nodes, W ways: 1, or 2 (to and from j) if directed, H width.
z [N, L], noise [N, noise], h [N, V, H], choices [N, W, V, V], A [N, V, V], x [N, B + T + P, V, V].
"""

from __future__ import annotations

import math
from typing import cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from ganforge.core.rng import normals
from ganforge.core.types import Spec
from ganforge.modalities.graph.nets.layout import check, layout_of
from ganforge.modalities.graph.nets.numbers import NumberHeads
from ganforge.nets.base import Generator
from ganforge.nets.layers.gumbel import EDGE, gumbel, straight_through
from ganforge.nets.layers.labels import LabelTable, as_vectors

OWN = 8
"""Numbers of noise of each node."""
HEADS = 4
NEVER = -1e4
FEATURES = 4  # φ
SHARP = math.log(6.0)  # s at first: about four nodes are near in three dimensions
NONE = -4.0  # logit of none at first: as if a node were at a squared distance of 2/3


class Talk(nn.Module):
    """Attention between the nodes of a graph: h [N, V, H] → h."""

    def __init__(self, width: int):
        super().__init__()
        self.heads = math.gcd(HEADS, width)
        self.norm, self.after = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.LeakyReLU(0.2), nn.Linear(2 * width, width))

    def forward(self, h: Tensor, absent: Tensor) -> Tensor:
        """absent [N, 1, 1, V]: `NEVER` for nodes that are not there, else 0."""
        q, k, v = self.qkv(self.norm(h)).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)  # [N, heads, V, d]
        attention = (q @ k.transpose(2, 3) / math.sqrt(q.shape[3]) + absent).softmax(3)
        h = h + self.out((attention @ v).transpose(1, 2).flatten(2))
        return h + self.mlp(self.after(h))


class Round(nn.Module):
    """One choice of every node, and what nodes learn from it."""

    def __init__(self, width: int, ways: int):
        super().__init__()
        self.ways, self.norm = ways, nn.LayerNorm(width)
        self.queries, self.keys = nn.Linear(width, ways * 16), nn.Linear(width, ways * 16)
        self.weights, self.none = nn.Linear(width, ways * FEATURES), nn.Linear(width, 1)
        self.heard = nn.Linear(2 * width, width)
        nn.init.constant_(self.none.bias, NONE)

    def logits(self, h: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        """What speaks for each choice besides nearness, [N, V, W, V], and for none, [N, V, 1]."""
        h = self.norm(h)
        queries, keys = (one(h).unflatten(2, (self.ways, -1)).transpose(1, 2) for one in (self.queries, self.keys))
        likes = (queries @ keys.transpose(2, 3) / 4).transpose(1, 2)  # [N, V, W, V]
        return likes + self.weights(h).unflatten(2, (self.ways, -1)) @ features, self.none(h)

    def hear(self, h: Tensor, A: Tensor) -> Tensor:
        """h once each node has heard of its neighbors in A [N, V, V]."""
        normed = self.norm(h)
        return h + leaky_relu(self.heard(torch.cat([A @ normed / 2, normed], 2)), 0.2)


def features_of(A: Tensor, kind: Tensor) -> Tensor:
    """φ of every pair, [N, V, F, V], of A [N, V, V] and types [N, V, T], one-hot or none."""
    P = A + torch.eye(A.shape[1], dtype=A.dtype, device=A.device)
    P = P / P.sum(2, keepdim=True)
    for _ in range(3):
        P = P @ P
    alike = kind @ kind.transpose(1, 2)
    return torch.stack([alike, A, torch.log1p(A @ A), P * kind.sum((1, 2))[:, None, None]], 2)


class ChoosingG(nn.Module):
    """The net of `ChoosingGenerator`.

    Attributes:
        noise: numbers of noise of a graph.
    """

    sizes: Tensor
    place: Tensor

    def __init__(self, latent: int, width: int, dimensions: int, rounds: int, tau: float, spec: Spec):
        super().__init__()
        self.layout = layout = layout_of(spec)
        V, self.tau, self.classes = layout.nodes, tau, spec.classes
        self.ways = 2 if layout.directed else 1
        self.latent, self.own = nn.Linear(latent, width), nn.Linear(OWN, width)
        nn.init.normal_(self.latent.weight, 0.0, latent**-0.5)
        nn.init.normal_(self.own.weight, 0.0, OWN**-0.5)
        self.size = nn.Linear(1, width, bias=False)
        self.label = LabelTable(spec.classes, width, 0.5) if spec.classes else None
        self.talk = nn.ModuleList(Talk(width) for _ in range(2))
        self.norm, self.kinds = nn.LayerNorm(width), nn.Embedding(layout.kinds, width)
        self.type_out = nn.Linear(width, layout.kinds) if layout.kinds > 1 else None
        self.to_place = nn.Linear(width, dimensions)
        nn.init.normal_(self.to_place.weight, 0.0, width**-0.5)
        self.sharp = nn.Parameter(torch.tensor(SHARP))
        count = min(rounds, max(1, spec.state.get("core", rounds)))
        self.rounds = nn.ModuleList(Round(width, self.ways) for _ in range(count))
        self.edge_out = nn.Linear(width, layout.bonds) if layout.bonds > 1 else None
        with torch.no_grad():
            if self.type_out is not None:
                self.type_out.bias.copy_(torch.tensor(layout.node_shares).log())
            if self.edge_out is not None:
                self.edge_out.bias.copy_(torch.tensor(layout.edge_shares[1:]).log() / 2)
        sizes = layout.sizes if len(layout.sizes) == spec.classes else layout.sizes.sum(0, keepdims=True)
        shares = torch.tensor(sizes / sizes.sum(1, keepdims=True).clip(1), dtype=torch.get_default_dtype())
        self.register_buffer("sizes", shares)
        pairs = V * (V - 1) // (1 if layout.directed else 2)
        place = torch.zeros(V, V, dtype=torch.long)
        rows, columns = torch.triu_indices(V, V, 1)
        place[rows, columns] = torch.arange(len(rows))
        place[columns, rows] = torch.arange(len(rows)) + (len(rows) if layout.directed else 0)
        self.register_buffer("place", place.flatten(), persistent=False)
        choices = V * (self.ways * V + 1)
        self.numbers = NumberHeads(width, layout) if layout.planes else None
        numbers = () if self.numbers is None else self.numbers.parts
        self.parts = (1, V * OWN, V * layout.kinds, *[choices] * len(self.rounds), pairs * layout.bonds, *numbers)
        self.noise = sum(self.parts)

    def forward(self, z: Tensor, c: Tensor | None = None, noise: Tensor | None = None) -> Tensor:
        """Graphs, one-hot. Without noise every graph gets the same."""
        layout, V = self.layout, self.layout.nodes
        noise = normals((1, self.noise), z.dtype, torch.Generator().manual_seed(0)) if noise is None else noise
        parts = noise.to(z.device).expand(len(z), -1).split(self.parts, 1)
        parts, numbers = (parts, ()) if self.numbers is None else (parts[:-2], parts[-2:])
        size, own, kinds, *choices, bonds = parts
        there = self.present(size, c).to(z.dtype)  # [N, V]
        absent = NEVER * (1 - there)
        whole = self.latent(z) + self.size(there.mean(1, keepdim=True)) + (0 if self.label is None else self.label(c))
        h = leaky_relu(whole[:, None] + self.own(own.unflatten(1, (V, OWN))), 0.2)
        for talk in self.talk:
            h = talk(h, absent[:, None, None])
        kind = there[:, :, None]
        if self.type_out is not None:
            logits = self.type_out(self.norm(h))
            kind = kind * straight_through(logits, gumbel(kinds.unflatten(1, (V, -1))), self.tau).to(h.dtype)
        h = h + kind @ self.kinds.weight
        A, h = self.chosen(h, kind, absent, choices)
        links = A[:, None]
        if self.edge_out is not None:
            ends = self.edge_out(self.norm(h))
            types = bonds.unflatten(1, (-1, layout.bonds))[:, self.place].unflatten(1, (V, V))
            types = straight_through(ends[:, :, None] + ends[:, None], gumbel(types), self.tau)  # [N, V, V, B]
            links = links * types.permute(0, 3, 1, 2)
        channels = [links, torch.diag_embed(kind.transpose(1, 2)).to(links.dtype)]
        if self.numbers is not None:
            channels.append(self.numbers(h, links, there, numbers, self.place).to(links.dtype))
        return torch.cat(channels, 1)

    def chosen(self, h: Tensor, kind: Tensor, absent: Tensor, noises: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Which edges there are, [N, V, V], and what the nodes know of them, [N, V, H]."""
        V, W, there = self.layout.nodes, self.ways, (absent == 0).to(h.dtype)[:, :, None, None]
        u = self.to_place(self.norm(h))
        squares = u.square().sum(2)
        apart = squares[:, :, None] + squares[:, None] - 2 * u @ u.transpose(1, 2)
        never = NEVER * torch.eye(V, dtype=h.dtype, device=h.device) + absent[:, None]
        near = (never - self.sharp.exp() * apart)[:, :, None]  # [N, V, 1, V]
        A = torch.zeros_like(apart)  # W = 2: from rows to columns
        own = torch.zeros_like(near)  # what each node has chosen itself, [N, V, W, V]
        for one, noise in zip(cast("list[Round]", self.rounds), noises, strict=True):
            both = A if W == 1 else either(A, A.transpose(1, 2))
            h = one.hear(h, both)
            likes, none = one.logits(h, features_of(both, kind))
            logits = torch.cat([(near + likes + NEVER * own.detach()).flatten(2), none], 2)  # [N, V, W · V + 1]
            drawn = straight_through(logits, gumbel(noise.unflatten(1, (V, -1))), self.tau)[:, :, :-1]
            own = own + drawn.to(h.dtype).unflatten(2, (W, V)) * there
            A = either(own[:, :, 0], own[:, :, -1].transpose(1, 2))
        return A, h

    def present(self, noise: Tensor, c: Tensor | None) -> Tensor:
        """Which places hold a node, bool [N, V]: of each graph the first, as many as drawn."""
        shares = self.sizes
        if self.classes and len(shares) == self.classes:
            shares = as_vectors(c, self.classes, shares.dtype) @ shares
        uniform = torch.special.ndtr(noise.to(shares.dtype)).clamp(EDGE, 1 - EDGE)
        size = (shares.cumsum(1) < uniform * shares.sum(1, keepdim=True)).sum(1)
        return torch.arange(self.layout.nodes, device=noise.device) < size[:, None]


def either(a: Tensor, b: Tensor) -> Tensor:
    """1 where a or b is 1."""
    return a + b - a * b


class ChoosingGenerator(Generator, kind="graph_choosing"):
    """Graphs in which every node chooses a few others; nodes have no order."""

    latent: int = Field(default=64, ge=1)
    """Dimension of the latent vector, of the whole graph."""
    width: int = Field(default=64, ge=1)
    """Units of a node."""
    dimensions: int = Field(default=3, ge=1)
    """Dimensions of the space in which nodes near each other are linked."""
    rounds: int = Field(default=12, ge=1)
    """How many others a node chooses at most; no more than the core of the data (`graphs.largest_core`)."""
    tau: float = Field(default=1.0, gt=0)
    """Temperature of the softmax in the derivative."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return check(shape)

    def build(self, spec: Spec) -> nn.Module:
        return ChoosingG(self.latent, self.width, self.dimensions, self.rounds, self.tau, spec)
