"""Distributions of samples given a generator's raw output, for tasks with a likelihood (VAE).

    gaussian    x ~ N(r, σ²)                                 one σ, learned               Rybkin et al. 2021 (σ-VAE)
    optimal_gaussian   the same, σ² = mean (x − r)² of the batch: the maximum-likelihood σ           (optimal σ-VAE)

r: raw output [N, *shape], x: samples [N, *shape], u: uniform draws [N, *shape], losses −log p(x | r) [N].
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ganforge.core.types import Spec, wide
from ganforge.nets.base import Likelihood

HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)
LEAST_LOG = -6.0
"""Lower bound of log σ: with an exact fit, the loss would go to minus infinity."""


def normal_nll(away: Tensor, log_spread: Tensor) -> Tensor:
    """−log N(away; 0, exp(log_spread)²), elementwise."""
    log_spread = log_spread.clamp_min(LEAST_LOG)
    return 0.5 * (away * (-log_spread).exp()).square() + log_spread + HALF_LOG_2PI


class GaussianModule(nn.Module):
    """The distribution of `Gaussian`."""

    def __init__(self) -> None:
        super().__init__()
        self.log_spread = nn.Parameter(torch.zeros(()))

    def nll(self, raw: Tensor, x: Tensor) -> Tensor:
        return normal_nll(x - raw, self.log_spread).flatten(1).sum(1)

    def draw(self, raw: Tensor, uniform: Tensor) -> Tensor:
        return raw


class Gaussian(Likelihood, kind="gaussian"):
    """Normal distribution around G's output with one learned standard deviation; samples are generated without
    noise."""

    def build(self, spec: Spec, raw: tuple[int, ...] | None = None) -> nn.Module:
        return GaussianModule()


class OptimalGaussianModule(nn.Module):
    """The distribution of `OptimalGaussian`: σ of the batch in training mode, else its running mean."""

    log_spread: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("log_spread", torch.zeros(()))

    def nll(self, raw: Tensor, x: Tensor) -> Tensor:
        away = wide(x - raw)
        log_spread = self.log_spread
        if self.training:
            # σ is detached: at the optimal σ, the derivative of the loss with respect to it is 0.
            log_spread = 0.5 * away.detach().square().mean().clamp_min(math.exp(2 * LEAST_LOG)).log()
            with torch.no_grad():
                self.log_spread.lerp_(log_spread, 0.01)
        return normal_nll(away, log_spread).flatten(1).sum(1)

    def draw(self, raw: Tensor, uniform: Tensor) -> Tensor:
        return raw


class OptimalGaussian(Likelihood, kind="optimal_gaussian"):
    """Normal distribution around G's output with the standard deviation of the errors; samples are generated without
    noise.

    For images: with σ = 1 (squared error) the KL divergence dominates and samples are blurred, another fixed σ would
    have to be tuned, and a learned σ adapts slowly, while this one is optimal in every step.
    """

    def build(self, spec: Spec, raw: tuple[int, ...] | None = None) -> nn.Module:
        return OptimalGaussianModule()
