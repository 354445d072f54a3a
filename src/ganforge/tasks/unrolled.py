"""Unrolled GAN: G plays against the D that would have answered it, and cannot win by a mode that D is about to close.

Metz et al. 2017, "Unrolled Generative Adversarial Networks".

    θ⁰ = θ_D,   θ^{j+1} = θ^j − η ∇_θ mean d(G, θ^j)          j = 0 … k−1, on this batch and these latents
    D takes a step on  d(G, θ_D),  as ever;   G takes one on  g(G, θᵏ),  and its gradient runs through every θ^j

The paper unrolls the optimizer that D is trained with; here the steps in mind are plain gradient descent, since the
first steps of Adam are all but signs, through which nothing is learned. k = 0 is the usual game. The cost of a G step
grows with k, and so does its memory.

N: samples in the batch, L: width of the latents. x [N, *shape], c [N] or None, z [N, L] ~ N(0, 1), logits [N].
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
    """New samples from random latents; G's loss looks some steps of D ahead."""

    generator: Generator
    """The net that makes samples."""
    discriminator: Discriminator
    """The net that scores them."""
    objective: Objective
    """The adversarial loss."""
    conditional: bool = False
    """Give both players the label."""
    steps: int = Field(default=5, ge=0)
    """k: number of unrolled steps of D; 5 or 10 in the paper."""
    rate: Rate = 0.1
    """η: learning rate of these steps."""

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
        """D's loss, as without unrolling."""
        with torch.no_grad():
            fake = nets.G(self._noise(batch, rng), batch.c)
        real_logits: Tensor = nets.D(batch.x, batch.c).logits
        fake_logits: Tensor = nets.D(fake, batch.c).logits
        loss = self.objective.d(real_logits, fake_logits)
        return Terms({"adversarial": loss}, latent.logit_stats(real_logits, fake_logits))

    def g_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """G's loss against the D that answers these very fakes."""
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
        self.buffers = {name: b.clone() for name, b in D.named_buffers()}  # running means move in training

    def __call__(self, x: Tensor) -> Tensor:
        """Logits [N]."""
        return functional_call(self.D, {**self.weights, **self.buffers}, (x, self.c)).logits

    def descend(self, loss: Tensor, rate: float) -> None:
        """A step of gradient descent that can itself be differentiated."""
        gradients = torch.autograd.grad(loss, list(self.weights.values()), create_graph=True)
        self.weights = {
            name: weight - rate * gradient
            for (name, weight), gradient in zip(self.weights.items(), gradients, strict=True)
        }
