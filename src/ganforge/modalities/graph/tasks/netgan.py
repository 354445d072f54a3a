"""NetGAN: a GAN of random walks on one network, from which networks are put together (Bojchevski et al. 2018).

    repeat:
        d_steps times:  D minimizes  D(G(z)) − D(x) + penalty · (‖∇D(x̂)‖ − 1)²
        once:           G minimizes  −D(G(z)),  with one-hot nodes by Gumbel noise at the temperature τ
                        τ = max(lowest, start · (1 − decay)^(steps of G))
    network:            count the pairs along many walks of G, then draw edges in proportion (`nets/assemble.py`)

With directions, walks go along them. Where nothing leaves a node, the walk is at one further node, "end", for a step,
and goes on at any node that something leaves. Pairs with "end" do not count, and each row of counts is scaled to the
out-degree of its node, so that out-degrees are kept in expectation whatever edges walks meet more often. The row of a
node that no walk of G leaves is the sum of all.

N walks, T steps, V nodes, E edges.  walks int64 [N, T], one-hot [N, T, V], z [N, L], x [N, 1, 2, E].
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import one_hot

from ganforge.core.dataset import Order
from ganforge.core.rng import Rng, block_normal
from ganforge.core.types import Batch, Nets, Request, Spec, Terms
from ganforge.losses.penalties import norm_penalty
from ganforge.modalities.graph.choose import refuse_large
from ganforge.modalities.graph.nets.assemble import Directions, networks
from ganforge.modalities.graph.nets.walks import WalkD, WalkG
from ganforge.tasks import latent
from ganforge.tasks.base import Phase, Samples, Task

AT_ONCE = 1_000
"""Walks that are drawn together for a network."""


def with_end(ends: np.ndarray, nodes: int) -> np.ndarray:
    """Directed edges [E, 2], with those to and from the node "end" (number V) that keep walks going, if any ends."""
    leaving = np.unique(ends[:, 0])
    last = np.setdiff1d(ends[:, 1], leaving)
    to_end, on = np.full((len(last), 2), nodes), np.full((len(leaving), 2), nodes)
    to_end[:, 0], on[:, 1] = last, leaving
    return np.concatenate([ends, to_end, on]) if len(last) else ends


class Walks(Order):
    """Random walks of `steps` nodes that begin at any node with edges."""

    def __init__(self, ends: np.ndarray, steps: int):
        self.steps = steps
        order = np.argsort(ends[:, 0], kind="stable")
        self.next = ends[order, 1]
        self.nodes, self.starts, self.degrees = np.unique(ends[order, 0], return_index=True, return_counts=True)
        self.place = np.zeros(int(ends.max()) + 1, np.int64)
        self.place[self.nodes] = np.arange(len(self.nodes))

    def rows(self, seed: int, start: int, count: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        uniform = Rng(seed, start).uniform("walks", (count, self.steps)).numpy().astype(np.float64)
        at = (uniform[:, 0] * len(self.nodes)).astype(np.int64)
        walks = [self.nodes[at]]
        for step in uniform.T[1:]:
            chosen = (step * self.degrees[at]).astype(np.int64)
            walks.append(self.next[self.starts[at] + chosen])
            at = self.place[walks[-1]]
        return np.zeros(count, np.int64), {"walks": np.stack(walks, 1).astype(np.int64)}


class NetGan(Task, kind="netgan"):
    """A GAN of random walks on one network."""

    shaping: ClassVar[tuple[str, ...]] = ("latent", "units", "units_d", "narrow", "steps")

    steps: int = Field(default=16, ge=2)
    """Nodes of a walk."""
    latent: int = Field(default=16, ge=1)
    """Numbers of a latent."""
    units: int = Field(default=40, ge=1)
    """Units of G's LSTM."""
    units_d: int = Field(default=30, ge=1)
    """Units of D's LSTM."""
    narrow: int = Field(default=128, ge=1)
    """Numbers that stand for a node where it enters an LSTM."""
    penalty: float = Field(default=10.0, ge=0)
    """Weight of the gradient penalty."""
    d_steps: int = Field(default=3, ge=1)
    """Steps of D for each of G."""
    temperature: float = Field(default=5.0, gt=0)
    """τ at the start."""
    lowest: float = Field(default=0.5, gt=0)
    """τ at the end."""
    decay: float = Field(default=5e-5, ge=0, lt=1)
    """Share of τ that is lost with each step of G."""
    walks: int = Field(default=20_000, ge=1)
    """Walks of which a network is put together."""

    def adapt(self, spec: Spec) -> Spec:
        refuse_large(spec.state["nodes"], "of this run")
        return latent.with_labels(spec, False)

    def min_samples(self, batch: int) -> int:
        return 2

    def order(self, spec: Spec, data: Samples) -> Order:
        ends = np.concatenate([batch.x.numpy(force=True).astype(np.int64) for batch in data])
        return Walks(with_end(ends, spec.state["nodes"]) if spec.state.get("directed") else ends, self.steps)

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        directions = Directions.of(spec.state)
        nodes = spec.state["nodes"] + (directions is not None)  # one more is "end"
        G: Any = WalkG(nodes, self.steps, self.latent, self.units, self.narrow)
        G.edges, G.alone, G.directions = spec.shape[2], spec.state["alone"], directions
        return {"G": G, "D": WalkD(nodes, self.units_d, self.narrow)}

    def phases(self) -> Sequence[Phase]:
        return [
            Phase("D", self.d_loss, trains=("D",), repeats=self.d_steps, order=2),
            Phase("G", self.g_loss, trains=("G",)),
        ]

    def d_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """D's loss on walks along the network and on as many of G."""
        D: Any = nets.D
        with torch.no_grad():
            fake = self._made(nets, batch, rng)
        real = one_hot(batch.extra["walks"], fake.shape[2]).to(fake.dtype)
        on_real, on_fake = D(real), D(fake)
        mix = rng.uniform("mix", (len(batch), 1, 1)).to(fake)
        losses = {"adversarial": on_fake - on_real}
        losses["wgan_gp"] = self.penalty * norm_penalty(D, mix * real + (1 - mix) * fake, 1.0)
        return Terms(losses, latent.logit_stats(on_real, on_fake))

    def g_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """G's loss on new walks."""
        D: Any = nets.D
        return Terms({"adversarial": -D(self._made(nets, batch, rng))})

    def _made(self, nets: Nets, batch: Batch, rng: Rng) -> Tensor:
        G: Any = nets.G
        step = rng.samples / (len(batch) * self.d_steps)
        temperature = max(self.lowest, self.temperature * (1 - self.decay) ** step)
        noise = rng.normal("nodes", (len(batch), self.steps, G.nodes)).to(batch.x)
        return G(rng.normal("z", (len(batch), self.latent)).to(batch.x), noise, temperature)

    def latents(self, request: Request) -> Tensor:
        return latent.normal_rows(request, 1)

    def sample(self, nets: Nets, request: Request) -> Tensor:
        G: Any = nets.G
        counts = torch.zeros(G.nodes * G.nodes, dtype=torch.float64, device=request.device)
        for start in range(0, self.walks, AT_ONCE):
            size = min(AT_ONCE, self.walks - start)
            z = block_normal(request.seed, "walks", start, size, self.latent).to(request.device, request.dtype)
            uniform = Rng(request.seed, start, device=request.device, dtype=request.dtype).uniform(
                "walks", (size, self.steps)
            )
            walks = G.walks(z, uniform)
            pairs = (walks[:, :-1] * G.nodes + walks[:, 1:]).flatten()
            counts += torch.bincount(pairs, minlength=len(counts))
        counts = counts.view(G.nodes, G.nodes)
        if G.directions is None:
            scores = counts + counts.T
        else:
            inner = counts[:-1, :-1].fill_diagonal_(0)
            rows = torch.where(inner.any(1, keepdim=True), inner, inner.sum(0, keepdim=True))
            scores = G.directions.shares(rows)[:, None] * rows / rows.sum(1, keepdim=True).clamp_min(1)
        return networks(scores, self.latents(request), G.edges, G.alone, G.directions).to(request.device)
