"""Penalties on the gradient of D with respect to its input.

    WGAN-GP   (‖∇D(x̂)‖₂ − target)²,  x̂ between a real and a fake     Gulrajani et al. 2017
    DRAGAN    (‖∇D(x̂)‖₂ − target)²,  x̂ = a real + noise              Kodali et al. 2017
    R1        ½‖∇D(x)‖²,  x real                                      Mescheder et al. 2018
    R2        ½‖∇D(x)‖²,  x fake                                      Mescheder et al. 2018

x [N, ...], D(x) and losses [N]. Norms are over all axes except N. The backward pass of a penalty is a second
derivative. All assume that D scores each sample independently: the gradient of the summed logits then consists of the
per-sample gradients.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from ganforge.core.schedule import Rate
from ganforge.core.types import DiscriminatorOutput, wide
from ganforge.losses.base import Critic, LossContext, Penalty


def input_gradient(critic: Critic, x: Tensor) -> Tensor:
    """∇ₓ of each sample's logit, flattened to [N, everything else] and itself differentiable."""
    x = wide(x.detach()).requires_grad_()  # in bf16 the squares of a gradient would have two digits of precision
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return gradient.flatten(1)


def cached_gradient(critic: Critic, x: Tensor, output: DiscriminatorOutput | None) -> Tensor:
    """As `input_gradient`, but reuses D's `output` for x from this step if it has a graph; this saves a pass of D."""
    if output is None or not (x.requires_grad and output[0].requires_grad):
        return input_gradient(critic, x)
    (gradient,) = torch.autograd.grad(output[0].sum(), x, create_graph=True)
    return gradient.flatten(1)


def per_sample_shape(x: Tensor) -> tuple[int, ...]:
    """The shape [N, 1, ...] of one value per sample, which broadcasts with x."""
    return (len(x), *[1] * (x.ndim - 1))


def norm_penalty(critic: Critic, x: Tensor, target: float) -> Tensor:
    """(‖∇D(x)‖₂ − target)² [N]."""
    # vector_norm has the derivative 0 at 0; sqrt(sum of squares) would give NaN for a constant critic
    norm = torch.linalg.vector_norm(input_gradient(critic, x), dim=1)
    return (norm - target).square()


class GradientPenalty(Penalty, kind="wgan_gp"):
    """Gradient penalty of WGAN-GP: keeps the norm of D's gradient near `target` on lines between real and fake
    samples."""

    per_sample = True
    weight: Rate = 10.0
    """Weight in the loss; 10 in the paper."""
    target: float = 1.0
    """Target norm of the gradient: 1 in the paper; 0 is a zero-centered penalty."""

    def loss(self, context: LossContext) -> Tensor:
        mix = context.rng.uniform("mix", per_sample_shape(context.real)).to(context.real)
        return norm_penalty(context.critic, mix * context.real + (1 - mix) * context.fake, self.target)


class Dragan(Penalty, kind="dragan"):
    """Gradient penalty of DRAGAN: keeps the norm of D's gradient near `target` in a neighborhood of real samples.

    The paper adds normal noise of a fixed standard deviation in pixels; here it is relative to the standard deviation
    of the batch, so that it suits every signal, and scaled by a random factor in [0, 1) for each sample.
    """

    per_sample = True
    weight: Rate = 10.0
    """Weight in the loss; 10 in the paper."""
    target: float = 1.0
    """Target norm of the gradient; 1 in the paper."""
    spread: float = Field(default=0.5, gt=0)
    """Size of the neighborhood, as a fraction of the standard deviation of the real samples."""

    def loss(self, context: LossContext) -> Tensor:
        real = context.real.detach()
        noise = context.rng.normal("noise", real.shape).to(real) * context.rng.uniform(
            "share", per_sample_shape(real)
        ).to(real)
        return norm_penalty(context.critic, real + self.spread * real.std() * noise, self.target)


class R1(Penalty, kind="r1"):
    """R1: half the squared norm of D's gradient at real samples."""

    per_sample, gradient_at = True, "real"
    weight: Rate = 10.0
    """γ, the factor of ½‖∇D‖²; 10 in the paper. Larger images need a larger γ, larger batches a smaller one."""

    def loss(self, context: LossContext) -> Tensor:
        return 0.5 * cached_gradient(context.critic, context.real, context.on_real).square().sum(1)


class R2(Penalty, kind="r2"):
    """R2: half the squared norm of D's gradient at fakes."""

    per_sample, gradient_at = True, "fake"
    weight: Rate = 10.0
    """γ, the factor of ½‖∇D‖²; 10 in the paper. Larger images need a larger γ, larger batches a smaller one."""

    def loss(self, context: LossContext) -> Tensor:
        return 0.5 * cached_gradient(context.critic, context.fake, context.on_fake).square().sum(1)
