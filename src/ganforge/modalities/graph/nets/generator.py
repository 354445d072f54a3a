"""A generator of graphs whose nodes have no order: nodes and pairs of nodes talk to each other, then types are drawn.

    size     drawn from the numbers of nodes in the data, of the class asked for
    h_i      from the latents, the class, the size and noise of each node
    e_ij     = W h_i · W h_j, then in each layer
             h_i += Σ_j softmax_j(q_i k_j / √d + w e_ij) v_j;  h_i += MLP(h_i);  e_ij += MLP(e_ij, h_i + h_j)
    x        types of pairs and of nodes: argmax(logits + Gumbel noise), with the gradient of the softmax

MolGAN (De Cao & Kipf 2018) for drawing types; attention with edges after Dwivedi & Bresson 2020, written as
matrix products.

N graphs, V places, B and T types of edges and nodes, H channels of a node, P of a pair.
z [N, L], noise [N, W], h [N, V, H], e [N, V, V, P], x [N, B + T, V, V].
"""

from __future__ import annotations

import math

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from ganforge.core.rng import normals
from ganforge.core.types import Spec
from ganforge.modalities.graph.nets.layout import check, layout_of
from ganforge.nets.base import Generator
from ganforge.nets.layers.gumbel import EDGE, gumbel, straight_through
from ganforge.nets.layers.labels import LabelTable, as_vectors

OWN = 8
"""Numbers of noise of each node."""
NEVER = -1e4


class Layer(nn.Module):
    """One round of messages: h [N, V, H], e [N, V, V, P], there [N, V] → h, e."""

    def __init__(self, channels: int, pairs: int, heads: int, directed: bool):
        super().__init__()
        self.heads = heads
        self.norm, self.norm_mlp, self.norm_pair = nn.LayerNorm(channels), nn.LayerNorm(channels), nn.LayerNorm(pairs)
        self.qkv, self.out = nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)
        self.of_pair = nn.Linear(pairs, heads)
        self.mlp = nn.Sequential(
            nn.Linear(channels, 2 * channels), nn.LeakyReLU(0.2), nn.Linear(2 * channels, channels)
        )
        self.first, self.second = nn.Linear(pairs, pairs), nn.Linear(pairs, pairs)
        self.start = nn.Linear(channels, pairs, bias=False)
        self.end = nn.Linear(channels, pairs, bias=False) if directed else None

    def forward(self, h: Tensor, e: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
        normed = self.norm_pair(e)
        q, k, v = self.qkv(self.norm(h)).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)  # [N, heads, V, d]
        scores = q @ k.transpose(2, 3) / math.sqrt(q.shape[3]) + self.of_pair(normed).permute(0, 3, 1, 2)
        scores = scores + NEVER * (1 - there[:, None, None, :])
        h = h + self.out((scores.softmax(3) @ v).transpose(1, 2).flatten(2))
        h = h + self.mlp(self.norm_mlp(h))
        hidden = self.first(normed) + self.start(h)[:, :, None] + (self.end or self.start)(h)[:, None]
        return h, e + self.second(leaky_relu(hidden, 0.2))


def typed(channels: int, shares: list[float]) -> nn.Sequential:
    """Logits of types that begin at their shares in the data."""
    last = nn.Linear(channels, len(shares))
    with torch.no_grad():
        last.bias.copy_(torch.tensor(shares).log())
    return nn.Sequential(nn.LayerNorm(channels), last)


class GraphG(nn.Module):
    """The net of `GraphGenerator`.

    Attributes:
        noise: W, numbers of noise of a graph.
    """

    sizes: Tensor
    place: Tensor

    def __init__(self, latent: int, channels: int, layers: int, heads: int, spec: Spec):
        super().__init__()
        self.layout = layout = layout_of(spec)
        V, pairs = layout.nodes, max(4, channels // 2)
        heads = math.gcd(heads, channels)
        self.classes = spec.classes
        self.latent = nn.Linear(latent, channels)
        nn.init.normal_(self.latent.weight, 0.0, latent**-0.5)
        self.own, self.size = nn.Linear(OWN, channels), nn.Linear(1, channels)
        self.label = LabelTable(spec.classes, channels, 0.15) if spec.classes else None
        self.start = nn.Linear(channels, pairs)
        self.end = nn.Linear(channels, pairs) if layout.directed else None  # without directions e_ij = e_ji
        self.layers = nn.ModuleList(Layer(channels, pairs, heads, layout.directed) for _ in range(layers))
        self.to_kinds = typed(channels, layout.node_shares) if layout.kinds > 1 else None
        self.to_bonds = typed(pairs, layout.edge_shares)
        sizes = layout.sizes if len(layout.sizes) == spec.classes else layout.sizes.sum(0, keepdims=True)
        shares = torch.tensor(sizes / sizes.sum(1, keepdims=True).clip(1), dtype=torch.get_default_dtype())
        self.register_buffer("sizes", shares)
        count = V * (V - 1) // (1 if layout.directed else 2)
        place = torch.zeros(V, V, dtype=torch.long)
        rows, columns = torch.triu_indices(V, V, 1)
        place[rows, columns] = torch.arange(len(rows))
        place[columns, rows] = torch.arange(len(rows)) + (len(rows) if layout.directed else 0)
        self.register_buffer("place", place.flatten(), persistent=False)
        self.parts = (1, V * OWN, V * layout.kinds, count * (layout.bonds + 1))
        self.noise = sum(self.parts)

    def forward(self, z: Tensor, c: Tensor | None = None, noise: Tensor | None = None) -> Tensor:
        """Without noise every graph gets the same, and x holds probabilities instead of types."""
        layout, n, V, drawn = self.layout, len(z), self.layout.nodes, noise is not None
        noise = normals((1, self.noise), z.dtype, torch.Generator().manual_seed(0)) if noise is None else noise
        noise = noise.to(z.device).expand(n, -1)
        size, own, kinds, bonds = noise.split(self.parts, 1)
        there = self.present(size, c).to(z.dtype)  # [N, V]
        share = there.mean(1, keepdim=True)
        h = self.latent(z) + self.size(share) + (0 if self.label is None else self.label(c))
        h = leaky_relu(h[:, None] + self.own(own.unflatten(1, (V, OWN))), 0.2)
        e = self.start(h)[:, :, None] * (self.end or self.start)(h)[:, None]
        for layer in self.layers:
            h, e = layer(h, e, there)
        kind = torch.ones_like(h[..., :1])
        if self.to_kinds is not None:
            logits = self.to_kinds(h)
            kind = straight_through(logits, gumbel(kinds.unflatten(1, (V, -1))).to(h)) if drawn else logits.softmax(-1)
        pair_noise = bonds.unflatten(1, (-1, layout.bonds + 1))[:, self.place].unflatten(1, (V, V))
        logits = self.to_bonds(e)
        bond = (straight_through(logits, gumbel(pair_noise).to(e)) if drawn else logits.softmax(-1))[..., 1:]
        pairs = there[:, :, None] * there[:, None] * (1 - torch.eye(V, dtype=z.dtype, device=z.device))
        links = bond.permute(0, 3, 1, 2) * pairs[:, None]
        nodes = torch.diag_embed((kind * there[:, :, None]).transpose(1, 2))
        return torch.cat([links.to(nodes.dtype), nodes], 1)

    def present(self, noise: Tensor, c: Tensor | None) -> Tensor:
        """Which places hold a node, bool [N, V]: of each graph the first, as many as drawn."""
        shares = self.sizes
        if self.classes and len(shares) == self.classes:
            shares = as_vectors(c, self.classes, shares.dtype) @ shares
        uniform = torch.special.ndtr(noise.to(shares.dtype)).clamp(EDGE, 1 - EDGE)
        size = (shares.cumsum(1) < uniform * shares.sum(1, keepdim=True)).sum(1)
        return torch.arange(self.layout.nodes, device=noise.device) < size[:, None]


class GraphGenerator(Generator, kind="graph"):
    """Graphs from latents and noise of each node and pair, by attention with edges; nodes have no order."""

    latent: int = Field(default=64, ge=1)
    """Numbers of a latent, of the whole graph."""
    channels: int = Field(default=64, ge=2)
    """Channels of a node; a pair of nodes has half as many."""
    layers: int = Field(default=4, ge=1)
    """Rounds of messages."""
    heads: int = Field(default=4, ge=1)
    """Heads of the attention."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return check(shape)

    def build(self, spec: Spec) -> nn.Module:
        return GraphG(self.latent, self.channels, self.layers, self.heads, spec)
