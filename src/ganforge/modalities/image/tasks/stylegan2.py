"""StyleGAN2's training: `synthesis` with style mixing, path length regularization, and truncation of styles.

Karras et al. 2019, "A Style-Based Generator Architecture for GANs" (mixing, truncation), and 2020, "Analyzing and
Improving the Image Quality of StyleGAN" (path length, lazy penalties).

    mixing        a fraction of the samples uses w(z₁) in the first m layers and w(z₂) in the others, m random
    path length   loss (ℓ − a)² of G,  ℓ² = mean over layers of |∇_w (G(w) · y)|²,  y ~ N(0, 1)/√(H·W)
                  a ← a + 0.01 (ℓ̄ − a)
    truncation    w' = w̄ + ψ (w − w̄) when sampling

Path length is computed every few iterations, on a part of the batch and with a correspondingly larger weight, like a
lazy r1 of D. A lazy phase is a separate step of Adam: see `recipes/stylegan2.py` for the learning rates.

N samples in the batch, n for the path length. z [N, L], w [N, K], ws [N, layers, K], ℓ [n].
"""

from __future__ import annotations

import math
from typing import Protocol, runtime_checkable

import torch
from pydantic import Field
from torch import Tensor, nn

from ganforge.core.errors import UserError
from ganforge.core.rng import Rng
from ganforge.core.schedule import Rate, at
from ganforge.core.types import Batch, Memory, Nets, Request, Spec, Terms, wide
from ganforge.tasks.base import Phase
from ganforge.tasks.synthesis import Synthesis

LENGTH_MOVES = 0.01
"""Update rate of the running mean of the path length."""


@runtime_checkable
class Styled(Protocol):
    """The interface required of a generator."""

    layers: int
    """Number of styles of a sample."""

    def mapping(self, z: Tensor, c: Tensor | None) -> Tensor:
        """z [N, L] → w [N, K]."""
        ...

    def styles(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Like `mapping`; in training mode, updates the running mean."""
        ...

    def truncated(self, w: Tensor, truncation: float) -> Tensor:
        """w [N, K], moved toward the mean."""
        ...

    def synthesis(self, ws: Tensor) -> Tensor:
        """ws [N, layers, K] → samples [N, *shape]."""
        ...


class StyleSynthesis(Synthesis, kind="stylegan2"):
    """StyleGAN2: style mixing, path length regularization, and truncation around the mean of w."""

    mixing: float = Field(default=0.9, ge=0, le=1)
    """Fraction of the samples whose styles are mixed from two latents."""
    path_length: Rate = 2.0
    """Weight of the path length regularization of G; 0 turns it off."""
    path_every: int = Field(default=4, ge=1)
    """Apply it only every n-th iteration, with n times the weight (lazy regularization)."""
    path_share: float = Field(default=0.5, gt=0, le=1)
    """Fraction of the batch on which it is computed, in (0, 1]."""

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        players = super().players(spec)
        if not isinstance(players["G"], Styled):
            raise UserError(
                f"task.generator: {self.generator.kind!r} has no styles, which the task stylegan2 mixes and truncates. "
                "Use task.generator.kind=stylegan2, or task.kind=synthesis",
                code="task.unsuitable_net",
            )
        return players

    def memory(self, spec: Spec) -> Memory:
        return Memory({**super().memory(spec).buffers, "path_length": torch.zeros(())})

    def phases(self) -> list[Phase]:
        phases = super().phases()
        if self.path_length != 0:
            every = self.path_every
            phases.append(Phase("G/path_length", self.path_loss, trains=("G",), every=every, gain=every, order=2))
        return phases

    def path_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """Path length regularization: the length of the image change by a small step in w should be constant."""
        n = max(1, round(self.path_share * len(batch)))
        part = batch.rows(0, n)
        ws = self._styles(nets, self._latents(part, rng), part.c, rng)
        x = styled(nets).synthesis(ws)
        y = rng.normal("path", x.shape).to(x) / math.sqrt(math.prod(x.shape[2:]))
        (slope,) = torch.autograd.grad((x * y).sum(), ws, create_graph=True)  # [n, layers, K]
        lengths = wide(slope).square().sum(2).mean(1).sqrt()  # [n]
        mean = nets.memory["path_length"].lerp(lengths.detach().mean(0), LENGTH_MOVES)
        nets.memory["path_length"] = mean
        price = at(self.path_length, rng.samples) * (lengths - mean).square()
        return Terms({"path_length": price}, {"path_length": lengths.detach()})

    def sample(self, nets: Nets, request: Request) -> Tensor:
        return styled(nets).synthesis(self.styles(nets, request))

    def styles(self, nets: Nets, request: Request) -> Tensor:
        if request.styles is not None:
            return request.styles.to(request.device, request.dtype)
        labels = None if request.labels is None else request.labels.to(request.device)
        G = styled(nets)
        w = G.truncated(G.styles(self.latents(request).to(request.device, request.dtype), labels), request.truncation)
        return w[:, None].expand(-1, G.layers, -1)

    def make(self, nets: Nets, z: Tensor, batch: Batch, rng: Rng) -> Tensor:
        return styled(nets).synthesis(self._styles(nets, z, batch.c, rng))

    def _styles(self, nets: Nets, z: Tensor, c: Tensor | None, rng: Rng) -> Tensor:
        """Styles [N, layers, K]; for a fraction of the samples, those of later layers are from another latent."""
        G = styled(nets)
        ws = G.styles(z, c)[:, None].expand(-1, G.layers, -1)
        if self.mixing == 0:
            return ws
        other = G.mapping(rng.normal("other z", z.shape), c)
        # One draw per sample, so that it does not depend on how the batch is split.
        first = 1 + rng.integers("cut", (len(z), 1, 1), G.layers - 1)
        mixed = rng.uniform("mix", (len(z), 1, 1)) < self.mixing
        later = torch.arange(G.layers, device=z.device)[None, :, None] >= first
        return torch.where(mixed & later, other[:, None], ws)


def styled(nets: Nets) -> Styled:
    G = nets.G
    assert isinstance(G, Styled), "checked in players"
    return G
