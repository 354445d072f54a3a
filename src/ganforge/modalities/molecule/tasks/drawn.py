"""A GAN of molecules whose generator draws types and bonds from noise of its own, beside z.

    x = G(z, c, ε),  z ~ N(0, 1) [N, L],  ε ~ N(0, 1) [N, K]

All else is that of `synthesis`. At a temperature T below 1 the Gumbel noise of types and bonds is T times as large, so
that likelier molecules are drawn.

N: molecules, L: width of z, K: `noises` of G.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ganforge.core.rng import Rng, block_normal
from ganforge.core.types import Batch, Nets, Request
from ganforge.tasks.synthesis import Synthesis


class MoleculeGan(Synthesis, kind="molecule"):
    """New molecules from random latents and draws."""

    @property
    def takes_temperature(self) -> bool:
        return True

    def make(self, nets: Nets, z: Tensor, batch: Batch, rng: Rng) -> Tensor:
        G: Any = nets.G
        return G(z, batch.c, rng.normal("draws", (len(z), G.noises)))

    def sample(self, nets: Nets, request: Request) -> Tensor:
        G: Any = nets.G
        labels = None if request.labels is None else request.labels.to(request.device)
        noise = block_normal(request.seed, "draws", request.start, request.n, G.noises)
        z, noise = (one.to(request.device, request.dtype) for one in (self.latents(request), noise))
        return G(z, labels, noise, request.temperature)
