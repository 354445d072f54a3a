"""Synthesis of graphs: a GAN whose generator also gets noise for each node and pair of nodes.

    x = G(z, c, noise),  z, noise ~ N(0, 1): noise becomes Gumbel draws, by which types are chosen

N graphs, L latents, W numbers of noise.  z [N, L], noise [N, W], x [N, B + T, V, V].
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ganforge.core.rng import Rng, block_normal
from ganforge.core.types import Batch, Nets, Request
from ganforge.tasks.synthesis import Synthesis


class GraphSynthesis(Synthesis, kind="graph_synthesis"):
    """New graphs from random latents, with noise for each node and each pair of nodes."""

    def make(self, nets: Nets, z: Tensor, batch: Batch, rng: Rng) -> Tensor:
        G: Any = nets.G
        return G(z, batch.c, rng.normal("choices", (len(batch), G.noise)).to(z.dtype))

    def sample(self, nets: Nets, request: Request) -> Tensor:
        G: Any = nets.G
        noise = block_normal(request.seed, "choices", request.start, request.n, G.noise)
        labels = None if request.labels is None else request.labels.to(request.device)
        z = self.latents(request)
        return G(z.to(request.device, request.dtype), labels, noise.to(request.device, request.dtype))
