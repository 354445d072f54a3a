"""Synthesis: new samples from latents, the task of the GAN itself (Goodfellow et al. 2014).

    repeat:
        d_steps times:  D takes a step on  objective.d(D(x, c), D(G(z, c), c)) + Σ weight · penalty
        once:           G takes a step on  objective.g(D(G(z, c), c))

N: samples in the batch, L: width of the latents.
x [N, *shape] real samples, c [N] their labels (or None), z [N, L] ~ N(0, 1).
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor, nn

from ganforge.core.rng import Rng
from ganforge.core.schedule import at
from ganforge.core.types import Batch, Nets, Request, Spec, Terms
from ganforge.nets.base import Discriminator, Generator
from ganforge.objectives.base import Objective, Penalty
from ganforge.tasks import latent
from ganforge.tasks.base import Phase, Task


class Synthesis(Task, kind="synthesis"):
    """New samples from random latents: a generator G against a discriminator D."""

    generator: Generator
    """The net that makes samples."""
    discriminator: Discriminator
    """The net that judges them."""
    objective: Objective
    """The game that the two play."""
    penalties: tuple[Penalty, ...] = ()
    """Prices on D's behaviour."""
    conditional: bool = False
    """Give both players the label."""
    d_steps: int = Field(default=1, ge=1)
    """Steps of D for each step of G, each on a fresh batch (n_critic)."""

    def adapt(self, spec: Spec) -> Spec:
        return latent.with_labels(spec, self.conditional)

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return latent.nearest_for_both(self.generator, self.discriminator, shape)

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        return {"G": self.generator.build(spec), "D": self.discriminator.build(spec)}

    def phases(self) -> list[Phase]:
        own = [p for p in self.penalties if p.every == 1]
        order = max([1, *(p.order for p in own)])
        lazy = [
            Phase(f"D/{p.kind}", self._lazy(p), trains=("D",), every=p.every, gain=p.every, order=p.order)
            for p in self.penalties
            if p.every > 1
        ]
        return [
            Phase("D", self.d_loss, trains=("D",), repeats=self.d_steps, order=order),
            *lazy,
            Phase("G", self.g_loss, trains=("G",)),
        ]

    def d_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """D's loss on real samples and on as many fakes with the same labels."""
        fake = self._fakes(nets, batch, rng)
        real_logits: Tensor = nets.D(batch.x, batch.c).logits  # [N]
        fake_logits: Tensor = nets.D(fake, batch.c).logits  # [N]
        losses = {"adversarial": self.objective.d(real_logits, fake_logits)}
        for penalty in self.penalties:
            if penalty.every == 1:
                losses[penalty.kind] = self._penalty(penalty, nets, batch, fake, rng)
        return Terms(losses, latent.logit_stats(real_logits, fake_logits))

    def g_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """G's loss on fresh fakes."""
        fake = nets.G(self._noise(batch, rng), batch.c)
        fake_logits: Tensor = nets.D(fake, batch.c).logits
        real_logits: Tensor | None = None
        if self.objective.uses_real:
            with torch.no_grad():
                real_logits = nets.D(batch.x, batch.c).logits
        return Terms({"adversarial": self.objective.g(fake_logits, real_logits)})

    def latents(self, request: Request) -> Tensor:
        return latent.rows_of(request, self.generator.latent)

    def sample(self, nets: Nets, request: Request) -> Tensor:
        return latent.draw(nets, request, self.latents(request))

    def _noise(self, batch: Batch, rng: Rng) -> Tensor:
        return rng.normal("z", (len(batch), self.generator.latent))

    @torch.no_grad()
    def _fakes(self, nets: Nets, batch: Batch, rng: Rng) -> Tensor:
        return nets.G(self._noise(batch, rng), batch.c)

    def _penalty(self, penalty: Penalty, nets: Nets, batch: Batch, fake: Tensor, rng: Rng) -> Tensor:
        mix = rng.uniform(f"mix/{penalty.kind}", (len(batch), *[1] * (batch.x.ndim - 1)))
        price = penalty.loss(lambda x: nets.D(x, batch.c).logits, batch.x, fake, mix)
        return at(penalty.weight, rng.samples) * price

    def _lazy(self, penalty: Penalty):
        def loss(nets: Nets, batch: Batch, rng: Rng) -> Terms:
            fake = self._fakes(nets, batch, rng)
            return Terms({penalty.kind: self._penalty(penalty, nets, batch, fake, rng)})

        return loss
