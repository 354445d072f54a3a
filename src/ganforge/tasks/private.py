"""Synthesis in which real samples touch D alone, one by one: what differential privacy can be kept of.

Xie et al. 2018, "Differentially Private Generative Adversarial Network"; Bie et al. 2023, "Private GANs, Revisited".

    d_steps times:  D takes a step on the rows  a(D(xᵢ, cᵢ)), i = 1..k   and   b(D(G(zⱼ, c̃ⱼ), c̃ⱼ)), j = 1..B
    once:           G takes a step on           objective.g(D(G(zⱼ, c̃ⱼ), c̃ⱼ))

for a game with objective.d(r, f) = a(r) + b(f). Against `synthesis`, a real sample and a fake are no pair, how many
fakes there are does not depend on how many reals, and the labels c̃ of fakes are not those of reals. So a real sample is
one row, the rest of the step is the same with and without it, and G meets no real sample at all. There are no
penalties, terms or packs, for these join samples or remember them.

k: real samples in the batch, B: fakes, L: width of the latents.  x [k, *shape], c [k], z [B, L], c̃ [B].
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
    """New samples from a generator that learns from a discriminator alone, for training with `privacy=dp_sgd`."""

    guarded: ClassVar[tuple[str, ...]] = ("D",)

    generator: Generator
    """The net that makes samples."""
    discriminator: Discriminator
    """The net that scores them, each independently: no batch norm."""
    objective: Objective
    """The adversarial loss, not a relativistic one: non_saturating, least_squares, hinge, wasserstein."""
    conditional: bool = False
    """Give both players the label."""
    d_steps: int = Field(default=10, ge=1)
    """Steps of D for each step of G. With noise a step of D carries less information, so more steps are needed."""

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
        """D's losses of the batch, and of fakes with the labels that `asked` holds, or those of the batch."""
        asked = batch.extra.get("asked", batch.c)
        count = len(batch) if asked is None else len(asked)
        with torch.no_grad():
            fake = self._fakes(nets, count, asked, rng)
        c = None if batch.c is None or asked is None else torch.cat([batch.c, asked])
        logits: Tensor = nets.D(torch.cat([batch.x, fake]), c).logits  # once: its rows are those of the losses
        on_real, on_fake = logits.split([len(batch), count])
        # What nothing is done with is a constant: d(r, 0) has the slope of a, d(0, f) that of b.
        none = self.objective.d(logits.new_zeros(1), logits.new_zeros(1)) / 2
        losses = {
            "real": self.objective.d(on_real, torch.zeros_like(on_real)) - none,
            "fake": self.objective.d(torch.zeros_like(on_fake), on_fake) - none,
        }
        return Terms(losses, {"logit/fake": on_fake.detach(), "acc/fake": (on_fake.detach() < 0).float()})

    def g_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """G's loss on fresh fakes; of the batch it takes the size and the labels."""
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
        """Whether d(r, f) = a(r) + b(f), tried on a few values."""
        r, f = torch.tensor([-1.5, 0.3, 2.0]), torch.tensor([0.7, -0.4, 1.1])
        none = torch.zeros(3)
        d = self.objective.d
        return torch.allclose(d(r, f) + d(none, none), d(r, none) + d(none, f), atol=1e-5)
