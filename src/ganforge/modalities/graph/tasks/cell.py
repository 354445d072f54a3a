"""CELL: a low-rank model of one network, without walks and without a GAN (Rendsburg, Heidrich & von Luxburg 2020).

    W = W↓ W↑,   P = softmax of each row of W
    minimize     −Σ over edges i → j of log P_ij                               (cross entropy of the next node)
    scores       π_i P_ij + π_j P_ji,   π P = π  without directions: each edge counts in both
                 d_i P_ij / Σ d              with directions, d_i the number of edges that leave node i in the data
    stop         when as many edges of a drawn network are edges of the data as asked for (`overlap`)

A walk along directions ends up where nothing leaves, and meets some edges more often than others; so out-degrees, not
π, weight the rows, which keeps them in expectation, and in-degrees follow from P. (In a network without directions π is
proportional to the degrees.)

The weights of the first check at which the overlap is reached are kept, and sampled from; training goes on without
effect.

V nodes, H rank, E edges, N edges of a batch.  W↓ [V, H], W↑ [H, V], batch.x [N, 2], x [N, 1, 2, E].
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from ganforge.core.rng import Rng
from ganforge.core.types import Batch, Nets, Request, Spec, Terms, wide
from ganforge.modalities.graph.choose import refuse_large
from ganforge.modalities.graph.nets.assemble import Directions, draw, networks
from ganforge.tasks import latent
from ganforge.tasks.base import Phase, Task

ROUNDS = 200
"""Steps of the power iteration for π."""


class CellG(nn.Module):
    """The weights W↓ and W↑, and those that are kept (`kept_down`, `kept_up`)."""

    kept_down: Tensor
    kept_up: Tensor
    reached: Tensor

    def __init__(self, nodes: int, rank: int, edges: int, alone: list[int], directions: Directions | None = None):
        super().__init__()
        self.nodes, self.edges, self.alone, self.directions = nodes, edges, alone, directions
        self.down = nn.Parameter(nn.init.xavier_normal_(torch.empty(nodes, rank)))
        self.up = nn.Parameter(nn.init.xavier_normal_(torch.empty(rank, nodes)))
        self.register_buffer("kept_down", self.down.detach().clone())
        self.register_buffer("kept_up", self.up.detach().clone())
        self.register_buffer("reached", torch.zeros(1, dtype=torch.long))

    def forward(self, ends: Tensor) -> Tensor:
        """−log P of the second node after the first, [N], for ends int64 [N, 2]."""
        logits = wide(self.down @ self.up)
        return logits.logsumexp(1)[ends[:, 0]] - logits[ends[:, 0], ends[:, 1]]

    def scores(self, kept: bool = True) -> Tensor:
        """Scores of all pairs, [V, V], symmetric without directions, with zeros on the diagonal."""
        W = self.kept_down @ self.kept_up if kept else self.down @ self.up
        P = wide(W.detach()).softmax(1)
        if self.directions is not None:
            return (self.directions.shares(P)[:, None] * P).fill_diagonal_(0)
        share = torch.full_like(P[0], 1 / self.nodes)
        for _ in range(ROUNDS):
            share = share @ P
        S = share[:, None] * P
        return (S + S.T).fill_diagonal_(0)

    def keep(self, ends: Tensor, overlap: float, key: int) -> Tensor:
        """Keeps the weights unless earlier ones reached the overlap; returns the overlap of the present ones, [1]."""
        drawn = torch.zeros(self.nodes, self.nodes, dtype=torch.bool, device=ends.device)
        edges = draw(self.scores(kept=False), self.edges, self.alone, self.directions, key)
        drawn[edges[:, 0], edges[:, 1]] = True
        first, second = (ends if self.directions is not None else ends.sort(1).values).unbind(1)
        share = drawn[first, second].float().mean()[None].to(self.kept_down)
        earlier = self.reached.bool()
        self.kept_down.copy_(torch.where(earlier, self.kept_down, self.down))
        self.kept_up.copy_(torch.where(earlier, self.kept_up, self.up))
        self.reached.copy_((earlier | (share >= overlap)).long())
        return share


class Cell(Task, kind="cell"):
    """A low-rank model of one network by maximum likelihood, without a discriminator; a baseline for GANs."""

    shaping: ClassVar[tuple[str, ...]] = ("rank",)

    rank: int = Field(default=9, ge=1)
    """Rank of the logits: the numbers that stand for a node. Fewer keep less of the network."""
    overlap: float = Field(default=0.5, gt=0, le=1)
    """Share of the edges of a drawn network that are edges of the data, at which the weights are kept."""
    check_every: int = Field(default=5, ge=1)
    """Steps between two checks of the overlap."""

    def adapt(self, spec: Spec) -> Spec:
        refuse_large(spec.state["nodes"], "of this run")
        return latent.with_labels(spec, False)

    def min_samples(self, batch: int) -> int:
        return 2

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        state = spec.state
        return {"G": CellG(state["nodes"], self.rank, spec.shape[2], state["alone"], Directions.of(state))}

    def phases(self) -> Sequence[Phase]:
        return [Phase("ML", self.loss, trains=("G",))]

    def loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """How unlikely the edges are."""
        G: Any = nets.G
        ends = batch.x.round().long()
        stats = {}
        if rng.samples // len(batch) % self.check_every == 0 and not bool(G.reached):
            with torch.no_grad():
                stats["overlap"] = G.keep(ends, self.overlap, rng.seed_for("check"))
        return Terms({"likelihood": G(ends)}, stats)

    def latents(self, request: Request) -> Tensor:
        return latent.normal_rows(request, 1)

    def sample(self, nets: Nets, request: Request) -> Tensor:
        G: Any = nets.G
        return networks(G.scores(), self.latents(request), G.edges, G.alone, G.directions).to(request.device)
