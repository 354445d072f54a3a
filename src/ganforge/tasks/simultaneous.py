"""Simultaneous gradient descent: G and D are updated together, on the same fakes, with one forward pass of D.

It is analyzed by Goodfellow et al. 2014, section 4.2, and Mescheder et al. 2017, and used in tutorials with two
gradient tapes:

    x̃ = G(z),  r = D(x),  f = D(x̃)
    θ_D ← θ_D − η ∇ mean d(r, f)          θ_G ← θ_G − η ∇ mean g(f)          both gradients from before either step

One backward pass serves both. The gradient of D's loss with respect to the fakes is ∂d/∂f · ∂f/∂x̃; G needs ∂g/∂f ·
∂f/∂x̃. If D scores each sample independently, they differ by one factor per sample, (∂g/∂f) / (∂d/∂f), by which the
gradient is multiplied between D and G. Compared with the alternating steps of `synthesis`, this saves a forward and
backward pass of G and of D in every iteration.

N: samples in the batch. x [N, *shape], logits r, f [N].
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganforge.core.errors import UserError
from ganforge.core.rng import Rng
from ganforge.core.types import Batch, Nets, Request, Spec, Terms, wide
from ganforge.losses.base import Objective
from ganforge.nets.base import Discriminator, Generator, couples_batch
from ganforge.tasks import latent
from ganforge.tasks.base import Phase, Task

SMALLEST = 1e-30
"""Lower bound on |∂d/∂f| in the ratio, so that products with it stay representable in float32."""


class Simultaneous(Task, kind="simultaneous"):
    """New samples from random latents, with simultaneous updates of G and D. Not for discriminators with batch
    statistics."""

    generator: Generator
    """The net that generates samples."""
    discriminator: Discriminator
    """The net that classifies samples as real or fake. It must score each sample independently: no batch norm."""
    objective: Objective
    """The adversarial loss. D's loss must be differentiable everywhere (hinge is not); G's loss must use only fakes."""
    conditional: bool = False
    """Condition both G and D on the class label."""

    def adapt(self, spec: Spec) -> Spec:
        return latent.with_labels(spec, self.conditional)

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return latent.nearest_for_both(self.generator, self.discriminator, shape)

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        D = self.discriminator.build(spec)
        if couples_batch(D):
            raise UserError(
                f"task: the discriminator {self.discriminator.kind!r} has batch norm or another layer that mixes the "
                "samples of a batch; simultaneous steps need a logit that depends on one sample alone. "
                "Use task.kind=synthesis, or another discriminator",
                code="task.discriminator_mixes_batch",
            )
        if self.objective.uses_real:
            raise UserError(
                f"task.objective: G's loss in {self.objective.kind!r} uses real samples, which simultaneous steps "
                "do not support. Use task.kind=synthesis, or another objective",
                code="task.objective_unsupported",
            )
        return {"G": self.generator.build(spec), "D": D}

    def phases(self) -> list[Phase]:
        return [Phase("D", self.loss, trains=("G", "D"))]

    def loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """D's loss; its gradient with respect to the fakes is converted to that of G's loss."""
        fake = nets.G(rng.normal("z", (len(batch), self.generator.latent)), batch.c)
        scale = GradientScale()
        fake.register_hook(scale)
        real_logits: Tensor = nets.D(batch.x, batch.c).logits
        fake_logits: Tensor = nets.D(fake, batch.c).logits
        scale.ratio, g_loss = self._ratio(real_logits, fake_logits)
        stats = latent.logit_stats(real_logits, fake_logits) | {"loss/G": g_loss}
        return Terms({"adversarial": self.objective.d(real_logits, fake_logits)}, stats)

    def _ratio(self, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        """(∂g/∂f) / (∂d/∂f) and g, each [N]."""
        with torch.enable_grad():
            f = wide(fake.detach()).requires_grad_(True)
            g_loss = self.objective.g(f, None)
            (g_slope,) = torch.autograd.grad(g_loss.sum(), f)
            (d_slope,) = torch.autograd.grad(self.objective.d(wide(real.detach()), f).sum(), f)
        d_slope = d_slope.abs().clamp_min(SMALLEST) * torch.where(d_slope < 0, -1.0, 1.0)
        return g_slope / d_slope, g_loss.detach()

    def latents(self, request: Request) -> Tensor:
        return latent.rows_of(request, self.generator)

    def sample(self, nets: Nets, request: Request) -> Tensor:
        return latent.draw(nets, request, self.latents(request))


class GradientScale:
    """A gradient hook on the fakes: multiplies each sample's gradient by its ratio."""

    ratio: Tensor

    def __call__(self, gradient: Tensor) -> Tensor:
        return gradient * self.ratio.view(-1, *[1] * (gradient.ndim - 1)).to(gradient.dtype)
