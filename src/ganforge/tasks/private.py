"""Synthesis for differential privacy: only D sees real samples, and each one affects only its own loss.

Xie et al. 2018, "Differentially Private Generative Adversarial Network"; Bie et al. 2023, "Private GANs, Revisited".

    d_steps times:  D is updated with the rows  a(D(xᵢ, cᵢ)), i = 1..k   and   b(D(G(zⱼ, c̃ⱼ), c̃ⱼ)), j = 1..B
    once:           G is updated with           objective.g(D(G(zⱼ, c̃ⱼ), c̃ⱼ))

for an adversarial loss with objective.d(r, f) = a(r) + b(f). Unlike in `synthesis`, real samples and fakes are not
paired, the number of fakes does not depend on the number of reals, and the labels c̃ of fakes are not those of reals.
So each real sample is one row, the rest of the step is the same with and without it, and G never sees real samples.
Penalties, terms and packing are not available, since they combine samples or keep state.

k: real samples in the batch, B: fakes, L: dimension of the latents.  x [k, *shape], c [k], z [B, L], c̃ [B].
"""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from ganforge.core.component import fields_of
from ganforge.core.errors import UserError
from ganforge.core.rng import Rng
from ganforge.core.types import Batch, Nets, Request, Spec, Terms
from ganforge.losses.base import Objective
from ganforge.nets.base import Discriminator, Generator, couples_batch
from ganforge.tasks import latent
from ganforge.tasks.base import Phase, Task


class Private(Task, kind="private"):
    """New samples from random latents, for training with `privacy=dp_sgd`: the generator is trained only through D."""

    guarded: ClassVar[tuple[str, ...]] = ("D",)

    generator: Generator
    """The net that generates samples."""
    discriminator: Discriminator
    """The net that classifies samples as real or fake. It must score each sample independently: no batch norm."""
    objective: Objective
    """The adversarial loss: non_saturating, least_squares, hinge or wasserstein (relativistic ones are not
    possible)."""
    conditional: bool = False
    """Condition both G and D on the class label."""
    d_steps: int = Field(default=10, ge=1)
    """Number of D steps per G step. With noisy gradients, D needs more steps."""

    def adapt(self, spec: Spec) -> Spec:
        return latent.with_labels(spec, self.conditional)

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return latent.nearest_for_both(self.generator, self.discriminator, shape)

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        D = self.discriminator.build(spec)
        if couples_batch(D):
            other = "task.discriminator.norm=layer or none, and task.discriminator.minibatch=none"
            if "norm" not in fields_of(type(self.discriminator)):
                other = "a discriminator without it, such as task.discriminator.kind=mlp"
            raise UserError(
                f"task: the discriminator {self.discriminator.kind!r} has batch norm or another layer that mixes the "
                f"samples of a batch, so there are no per-sample gradients. Use {other}",
                code="task.discriminator_mixes_batch",
            )
        if self.objective.uses_real or not self.objective.elementwise or not self._is_separable():
            raise UserError(
                f"task.objective: {self.objective.kind!r} compares real samples with fakes, so there is no loss per "
                "real sample. Use task.objective=non_saturating, least_squares, hinge or wasserstein",
                code="privacy.no_per_sample_loss",
            )
        return {"G": self._generator(spec), "D": D}

    def phases(self) -> list[Phase]:
        return [
            Phase("D", self.d_loss, trains=("D",), repeats=self.d_steps),
            Phase("G", self.g_loss, trains=("G",)),
        ]

    def d_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """D's losses on the batch and on fakes, whose labels are `extra["asked"]` if given, else those of the batch."""
        asked = batch.extra.get("asked", batch.c)
        count = len(batch) if asked is None else len(asked)
        with torch.no_grad():
            fake = self._fakes(nets, count, asked, rng)
        c = None if batch.c is None or asked is None else torch.cat([batch.c, asked])
        logits: Tensor = nets.D(torch.cat([batch.x, fake]), c).logits  # one call, whose rows correspond to the losses
        on_real, on_fake = logits.split([len(batch), count])
        # Up to constants, d(r, 0) equals a(r) and d(0, f) equals b(f).
        none = self.objective.d(logits.new_zeros(1), logits.new_zeros(1)) / 2
        losses = {
            "real": self.objective.d(on_real, torch.zeros_like(on_real)) - none,
            "fake": self.objective.d(torch.zeros_like(on_fake), on_fake) - none,
        }
        return Terms(losses, {"logit/fake": on_fake.detach(), "acc/fake": (on_fake.detach() < 0).float()})

    def g_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """G's loss on new fakes; only the size and the labels of the batch are used."""
        fake = self._fakes(nets, len(batch), batch.c, rng)
        return Terms({"adversarial": self.objective.g(nets.D(fake, batch.c).logits, None)})

    def latents(self, request: Request) -> Tensor:
        return latent.rows_of(request, self.generator)

    def sample(self, nets: Nets, request: Request) -> Tensor:
        return latent.draw(nets, request, self.latents(request))

    def _generator(self, spec: Spec) -> nn.Module:
        """G."""
        return self.generator.build(spec)

    def _fakes(self, nets: Nets, count: int, c: Tensor | None, rng: Rng) -> Tensor:
        """Fakes [count, *shape] with the labels c."""
        return nets.G(rng.normal("z", (count, self.generator.latent)), c)

    def _is_separable(self) -> bool:
        """Whether d(r, f) = a(r) + b(f), tested on a few values."""
        r, f = torch.tensor([-1.5, 0.3, 2.0]), torch.tensor([0.7, -0.4, 1.1])
        none = torch.zeros(3)
        d = self.objective.d
        return torch.allclose(d(r, f) + d(none, none), d(r, none) + d(none, f), atol=1e-5)
