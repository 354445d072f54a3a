"""Unrolled GAN: G is trained against D after k further steps of D, which prevents G from cycling between modes.

Metz et al. 2017, "Unrolled Generative Adversarial Networks".

    θ⁰ = θ_D,   θ^{j+1} = θ^j − η ∇_θ mean d(G, θ^j)          j = 0 … k−1, on this batch and these latents
    D minimizes  d(G, θ_D),  as usual;   G minimizes  g(G, θᵏ),  with gradients through every θ^j

The paper unrolls D's optimizer; here the unrolled steps are plain gradient descent, since the first steps of Adam are
almost the signs of the gradients, which have no useful derivative. k = 0 is the standard GAN. Time and memory of a G
step grow with k.

N: samples in the batch, L: dimension of the latents. x [N, *shape], c [N] or None, z [N, L] ~ N(0, 1), logits [N].
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.func import functional_call

from ganforge.core.rng import Rng
from ganforge.core.schedule import Rate, at
from ganforge.core.types import Batch, Nets, Request, Spec, Terms
from ganforge.losses.base import Objective
from ganforge.nets.base import Discriminator, Generator
from ganforge.tasks import latent
from ganforge.tasks.base import Phase, Task


class Unrolled(Task, kind="unrolled"):
    """New samples from random latents, with an unrolled GAN: G's loss uses D after k further steps."""

    generator: Generator
    """The net that generates samples."""
    discriminator: Discriminator
    """The net that classifies samples as real or fake."""
    objective: Objective
    """The adversarial loss."""
    conditional: bool = False
    """Condition both G and D on the class label."""
    steps: int = Field(default=5, ge=0)
    """k, the number of unrolled steps of D; 5 or 10 in the paper."""
    rate: Rate = 0.1
    """η, the learning rate of the unrolled steps."""

    def adapt(self, spec: Spec) -> Spec:
        return latent.with_labels(spec, self.conditional)

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return latent.nearest_for_both(self.generator, self.discriminator, shape)

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        return {"G": self.generator.build(spec), "D": self.discriminator.build(spec)}

    def phases(self) -> list[Phase]:
        return [
            Phase("D", self.d_loss, trains=("D",)),
            Phase("G", self.g_loss, trains=("G",), order=2 if self.steps else 1),
        ]

    def d_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """D's loss, without unrolling."""
        with torch.no_grad():
            fake = nets.G(self._noise(batch, rng), batch.c)
        real_logits: Tensor = nets.D(batch.x, batch.c).logits
        fake_logits: Tensor = nets.D(fake, batch.c).logits
        loss = self.objective.d(real_logits, fake_logits)
        return Terms({"adversarial": loss}, latent.logit_stats(real_logits, fake_logits))

    def g_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """G's loss against D unrolled on the same fakes."""
        fake = nets.G(self._noise(batch, rng), batch.c)
        unrolled = UnrolledD(nets.D, batch.c)
        for _ in range(self.steps):
            loss = self.objective.d(unrolled(batch.x), unrolled(fake))
            unrolled.descend(loss.mean(), at(self.rate, rng.samples))
        real_logits = unrolled(batch.x) if self.objective.uses_real else None
        return Terms({"adversarial": self.objective.g(unrolled(fake), real_logits)})

    def latents(self, request: Request) -> Tensor:
        return latent.rows_of(request, self.generator)

    def sample(self, nets: Nets, request: Request) -> Tensor:
        return latent.draw(nets, request, self.latents(request))

    def _noise(self, batch: Batch, rng: Rng) -> Tensor:
        return rng.normal("z", (len(batch), self.generator.latent))


class UnrolledD:
    """A copy of D whose weights are differentiable functions of the fakes; D itself stays unchanged."""

    def __init__(self, D: nn.Module, c: Tensor | None):
        self.D, self.c = D, c
        self.weights = {name: p.detach().requires_grad_() for name, p in D.named_parameters()}
        self.buffers = {name: b.clone() for name, b in D.named_buffers()}  # running means change in training mode

    def __call__(self, x: Tensor) -> Tensor:
        """Logits [N]."""
        return functional_call(self.D, {**self.weights, **self.buffers}, (x, self.c)).logits

    def descend(self, loss: Tensor, rate: float) -> None:
        """A differentiable step of gradient descent."""
        gradients = torch.autograd.grad(loss, list(self.weights.values()), create_graph=True)
        self.weights = {
            name: weight - rate * gradient
            for (name, weight), gradient in zip(self.weights.items(), gradients, strict=True)
        }
