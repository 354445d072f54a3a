"""Penalties on the gradient of D with respect to its input.

    WGAN-GP   (‖∇D(x̂)‖₂ − target)²,  x̂ between a real and a fake     Gulrajani et al. 2017
    DRAGAN    (‖∇D(x̂)‖₂ − target)²,  x̂ = a real + noise              Kodali et al. 2017
    R1        ½‖∇D(x)‖²,  x real                                      Mescheder et al. 2018
    R2        ½‖∇D(x)‖²,  x fake                                      Mescheder et al. 2018

x [N, ...], D(x) and losses [N]. Norms run over everything but N. What D's weights receive of them passes through a
second derivative. All suppose that D judges each sample by itself: ∇ of the sum of the logits then holds ∇ of each.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from ganforge.core.schedule import Rate
from ganforge.core.types import wide
from ganforge.losses.base import Critic, LossContext, Penalty, Seen


def input_gradient(critic: Critic, x: Tensor) -> Tensor:
    """∇ₓ of each sample's logit, flattened to [N, everything else], itself differentiable."""
    x = wide(x.detach()).requires_grad_()  # the squares of a gradient in bf16 would keep two digits
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return gradient.flatten(1)


def known_gradient(critic: Critic, x: Tensor, seen: Seen | None) -> Tensor:
    """As `input_gradient`, from the judgment of this step where there is one that knows its x: a pass of D less."""
    if seen is None or not (x.requires_grad and seen[0].requires_grad):
        return input_gradient(critic, x)
    (gradient,) = torch.autograd.grad(seen[0].sum(), x, create_graph=True)
    return gradient.flatten(1)


def one_each(x: Tensor) -> tuple[int, ...]:
    """The shape [N, 1, ...] of one number a sample that goes with x."""
    return (len(x), *[1] * (x.ndim - 1))


def off_target(critic: Critic, x: Tensor, target: float) -> Tensor:
    """(‖∇D(x)‖₂ − target)² [N]."""
    # vector_norm has the derivative 0 at 0, where sqrt(sum of squares) would put NaN into a flat critic
    norm = torch.linalg.vector_norm(input_gradient(critic, x), dim=1)
    return (norm - target).square()


class GradientPenalty(Penalty, kind="wgan_gp"):
    """Holds the norm of D's gradient near `target` on lines between real and fake samples (WGAN-GP)."""

    per_sample = True
    weight: Rate = 10.0
    """Weight in the loss; 10 in the paper."""
    target: float = 1.0
    """Target norm: 1 in the paper, 0 for a flat critic."""

    def loss(self, context: LossContext) -> Tensor:
        mix = context.rng.uniform("mix", one_each(context.real)).to(context.real)
        return off_target(context.critic, mix * context.real + (1 - mix) * context.fake, self.target)


class Dragan(Penalty, kind="dragan"):
    """Holds the norm of D's gradient near `target` in a neighborhood of the real samples (DRAGAN).

    The paper's noise is normal, of a fixed width for its pixels; here that width is a share of the batch's own spread,
    so that it fits every signal, and each sample has a share of it between 0 and 1.
    """

    per_sample = True
    weight: Rate = 10.0
    """Weight in the loss; 10 in the paper."""
    target: float = 1.0
    """Target norm; 1 in the paper."""
    spread: float = Field(default=0.5, gt=0)
    """Width of the neighborhood, as a share of the standard deviation of the real samples."""

    def loss(self, context: LossContext) -> Tensor:
        real = context.real.detach()
        noise = context.rng.normal("noise", real.shape).to(real) * context.rng.uniform("share", one_each(real)).to(real)
        return off_target(context.critic, real + self.spread * real.std() * noise, self.target)


class R1(Penalty, kind="r1"):
    """Flattens D around real samples: half the squared norm of its gradient there. `weight` is the papers' γ."""

    per_sample, slope_at = True, "real"
    weight: Rate = 10.0
    """γ: the factor of ½‖∇D‖²; 10 in the paper. Larger images need more, larger batches less."""

    def loss(self, context: LossContext) -> Tensor:
        return 0.5 * known_gradient(context.critic, context.real, context.on_real).square().sum(1)


class R2(Penalty, kind="r2"):
    """Flattens D around fakes: half the squared norm of its gradient there. `weight` is the papers' γ."""

    per_sample, slope_at = True, "fake"
    weight: Rate = 10.0
    """γ: the factor of ½‖∇D‖²; 10 in the paper. Larger images need more, larger batches less."""

    def loss(self, context: LossContext) -> Tensor:
        return 0.5 * known_gradient(context.critic, context.fake, context.on_fake).square().sum(1)
