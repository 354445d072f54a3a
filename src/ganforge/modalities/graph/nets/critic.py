"""A critic of graphs whose score does not depend on the order of nodes.

    f_i      type, numbers, degree of each type, closed walks log(1 + diag(A^k)) for k = 2, 3, 4, and how often a random
             walk is back after k = 2 ... 8 steps, diag(P^k), P = (1+D)^(−½) A (1+D)^(−½): their means are moments of a
             spectrum
    h_i      = W f_i, then in each layer  h_i += LeakyReLU(W h_i + Σ_b W_b Σ_j A_b,ij h_j)
    logit    from sum ‖ maximum over nodes of h, size and number of edges, and the deviation within the batch

If edges have weights, ramps of them (`numbers.Ramps`) are further matrices A_b, and their sums further degrees.

Message passing alone cannot count cycles, which diag(A^k) does. Eigenvalues themselves are not used: where two are
equal, as those of absent nodes are, their second derivative is infinite.

N graphs, V places, B and T types of edges and nodes, P planes of numbers.  x [N, B + T + P, V, V], h [N, V, H],
logits [N].
"""

from __future__ import annotations

import math

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from ganforge.core.types import Spec
from ganforge.modalities.graph.nets.layout import check, layout_of
from ganforge.modalities.graph.nets.numbers import Ramps
from ganforge.nets.base import Discriminator, DiscriminatorOutput
from ganforge.nets.layers.labels import LabelTable
from ganforge.nets.layers.minibatch import MinibatchStddev

WALKS, RETURNS = 3, 6


class GraphD(nn.Module):
    """The net of `GraphDiscriminator`."""

    def __init__(self, channels: int, layers: int, minibatch: bool, spec: Spec):
        super().__init__()
        self.layout = layout = layout_of(spec)
        self.ways = layout.bonds * (2 if layout.directed else 1)
        size = float((layout.sizes.sum(0) * np.arange(layout.nodes + 1)).sum() / max(1.0, layout.sizes.sum()))
        self.degree = 1 + size * (1 - layout.edge_shares[0])
        self.ramps = Ramps(layout.weights) if layout.weights else None
        messages = self.ways + (0 if self.ramps is None else self.ramps.count * (2 if layout.directed else 1))
        self.enter = nn.Linear(layout.kinds + layout.attributes + messages + WALKS + RETURNS, channels)
        self.own = nn.ModuleList(nn.Linear(channels, channels) for _ in range(layers))
        self.sent = nn.ModuleList(nn.Linear(messages * channels, channels, bias=False) for _ in range(layers))
        self.pooled = nn.Linear(2 * channels + 2 + RETURNS, channels)
        self.spread = MinibatchStddev() if minibatch else None
        self.last = nn.Linear(channels + bool(minibatch), channels)
        self.head = nn.Linear(channels, channels if spec.classes else 1)
        self.label = LabelTable(spec.classes, channels, spec.classes**-0.5) if spec.classes else None

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        layout, V = self.layout, self.layout.nodes
        links = x[:, : layout.bonds] * (1 - torch.eye(V, dtype=x.dtype, device=x.device))
        turned = links.transpose(2, 3)
        links = torch.cat([links, turned], 1) if layout.directed else (links + turned) / 2
        kinds = x[:, layout.bonds : layout.bonds + layout.kinds].diagonal(dim1=2, dim2=3).transpose(1, 2)  # [N, V, T]
        there = kinds.sum(2, keepdim=True)
        returns, walks = self.walks(links.sum(1) / (2 if layout.directed else 1))
        typed, planes = links, x[:, layout.bonds + layout.kinds :]
        if self.ramps is not None:
            links = torch.cat([links, self.ramps(*self.weights(planes[:, : layout.weights], links))], 1)
        features = torch.cat([kinds, links.sum(3).transpose(1, 2) / self.degree, walks, returns], 2)
        if layout.attributes:
            numbers = planes[:, : layout.attributes].diagonal(dim1=2, dim2=3).transpose(1, 2)
            features = torch.cat([features, numbers * there], 2)
        h = leaky_relu(self.enter(features), 0.2) * there
        for own, sent in zip(self.own, self.sent, strict=True):
            messages = links @ h[:, None] / self.degree  # [N, ways, V, H]
            h = h + leaky_relu(own(h) + sent(messages.transpose(1, 2).flatten(2)), 0.2) * there
        whole = torch.cat([there.sum(1) / V, typed.sum((1, 2, 3))[:, None] / (V * self.degree)], 1)
        summed = h.sum(1) / math.sqrt(V)
        pooled = self.pooled(torch.cat([summed, h.amax(1), whole, returns.mean(1)], 1))
        pooled = leaky_relu(pooled, 0.2)
        if self.spread is not None:
            pooled = self.spread(pooled)
        last = leaky_relu(self.last(pooled), 0.2)
        outputs = self.head(last)
        if self.label is None:
            return DiscriminatorOutput(outputs.squeeze(1), last)
        e = self.label(c)
        return DiscriminatorOutput((outputs * e).sum(1) / math.sqrt(e.shape[1]), last)

    def weights(self, planes: Tensor, links: Tensor) -> tuple[Tensor, Tensor]:
        """Weights, [N, 1 or 2, K, V, V], and which edges there are, [N, 1 or 2, V, V], each way."""
        both, turned, bonds = planes[:, None], planes.transpose(2, 3)[:, None], self.layout.bonds
        if not self.layout.directed:
            return (both + turned) / 2, links.sum(1, keepdim=True)
        return torch.cat([both, turned], 1), torch.stack([links[:, :bonds].sum(1), links[:, bonds:].sum(1)], 1)

    def walks(self, A: Tensor) -> tuple[Tensor, Tensor]:
        """Shares of returning walks [N, V, 6] and closed walks [N, V, 3] of each node, from A [N, V, V]."""
        A2 = A @ A
        closed = [A2.diagonal(dim1=1, dim2=2), (A2 * A.transpose(1, 2)).sum(2), (A2 * A2.transpose(1, 2)).sum(2)]
        root = (1 + A.sum(2).clamp_min(0)).rsqrt()
        P = A * root[:, :, None] * root[:, None]
        P2 = P @ P
        P4 = P2 @ P2
        pairs = ((P, P), (P2, P), (P2, P2), (P4, P), (P4, P2), (P4, P4))
        back = [(one * other.transpose(1, 2)).sum(2) for one, other in pairs]
        return torch.stack(back, 2), torch.stack([leaky_relu(one, 0.2).clamp_min(-0.5).log1p() for one in closed], 2)


class GraphDiscriminator(Discriminator, kind="graph"):
    """Scores graphs by messages along edges of each type, with counts of closed walks; nodes have no order."""

    channels: int = Field(default=64, ge=1)
    """Channels of a node."""
    layers: int = Field(default=3, ge=1)
    """Rounds of messages."""
    minibatch: bool = True
    """Show D the deviation of features within the batch, against samples that are all alike."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return check(shape)

    def build(self, spec: Spec) -> nn.Module:
        return GraphD(self.channels, self.layers, self.minibatch, spec)
