"""Prices on the gradient of D with respect to its input.

    WGAN-GP   (‖∇D(x̂)‖₂ − target)²,  x̂ between a real and a fake     Gulrajani et al. 2017
    R1        ½‖∇D(x)‖²,  x real                                      Mescheder et al. 2018
    R2        ½‖∇D(x)‖²,  x fake                                      Mescheder et al. 2018

Norms run over everything but N. What D's weights receive of them passes through a second derivative.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ganforge.core.schedule import Rate
from ganforge.objectives.base import Critic, Penalty


def input_gradient(critic: Critic, x: Tensor) -> Tensor:
    """∇ₓ of each sample's logit, flattened to [N, everything else], itself differentiable."""
    x = x.detach().requires_grad_()
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return gradient.flatten(1)


class GradientPenalty(Penalty, kind="wgan_gp"):
    """Holds the norm of D's gradient near `target` on the way from real to fake samples (WGAN-GP)."""

    weight: Rate = 10.0
    """What it is multiplied with; 10 in the paper."""
    target: float = 1.0
    """The norm that is wanted: 1 in the paper, 0 for a flat critic."""

    def loss(self, critic: Critic, real: Tensor, fake: Tensor, mix: Tensor) -> Tensor:
        between = mix * real + (1 - mix) * fake
        # vector_norm has the derivative 0 at 0, where sqrt(sum of squares) would put NaN into a flat critic
        norm = torch.linalg.vector_norm(input_gradient(critic, between), dim=1)
        return (norm - self.target).square()


class R1(Penalty, kind="r1"):
    """Flattens D around real samples: half the squared norm of its gradient there. `weight` is the papers' γ."""

    weight: Rate = 10.0
    """γ: what ½‖∇D‖² is multiplied with; 10 in the paper. Larger pictures want more, larger batches less."""

    def loss(self, critic: Critic, real: Tensor, fake: Tensor, mix: Tensor) -> Tensor:
        return 0.5 * input_gradient(critic, real).square().sum(1)


class R2(Penalty, kind="r2"):
    """Flattens D around fakes: half the squared norm of its gradient there. `weight` is the papers' γ."""

    weight: Rate = 10.0
    """γ: what ½‖∇D‖² is multiplied with; 10 in the paper. Larger pictures want more, larger batches less."""

    def loss(self, critic: Critic, real: Tensor, fake: Tensor, mix: Tensor) -> Tensor:
        return 0.5 * input_gradient(critic, fake).square().sum(1)
