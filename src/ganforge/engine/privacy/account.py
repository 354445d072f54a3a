"""Privacy accounting: the ε spent by a run, computed with Opacus.

A step includes each of n samples with probability q, and adds N(0, σ²C²) to a sum of gradients of norm at most C.
Mironov, Talwar & Zhang 2019, "Rényi Differential Privacy of the Sampled Gaussian Mechanism", bound the Rényi divergence
ρ(α) between runs with and without one sample; T steps cost T·ρ(α); and for every α > 1

    ε = T ρ(α) + ln((α − 1)/α) − (ln δ + ln α)/(α − 1)                          Balle et al. 2020, theorem 21

The minimum over the orders α is reported. It is a proven upper bound; the PRV accountant of Opacus gives values some
percent lower, but only up to a numerical error, and takes seconds instead of milliseconds.
"""

from __future__ import annotations

import functools
import warnings

import numpy as np

from ganforge.core.errors import UserError

ORDERS = [*(1 + k / 10 for k in range(1, 100)), *range(12, 64), 80, 96, 128, 192, 256, 512]
"""The orders α: those of Opacus, and larger ones, which are needed for ε below 0.2."""


class Account:
    """The privacy cost of identical steps.

    Args:
        noise: σ, the standard deviation of the noise as a multiple of the clipping norm.
        rate: q, the probability with which a step includes a sample.
    """

    def __init__(self, noise: float, rate: float):
        self.cost = cost_of_step(noise, rate)

    def epsilon(self, steps: int, delta: float) -> float:
        """ε after `steps` steps, for this δ."""
        return converted(self.cost * steps, delta) if steps else 0.0

    def most_steps(self, epsilon: float, delta: float) -> int:
        """The maximum number of steps within ε."""
        fits, too_many = 0, 1
        while self.epsilon(too_many, delta) <= epsilon:
            fits, too_many = too_many, 2 * too_many
        while too_many - fits > 1:
            middle = (fits + too_many) // 2
            fits, too_many = (middle, too_many) if self.epsilon(middle, delta) <= epsilon else (fits, middle)
        return fits


@functools.cache
def cost_of_step(noise: float, rate: float) -> np.ndarray:
    """ρ [orders] of one step."""
    from opacus.accountants.analysis import rdp

    return np.array(rdp.compute_rdp(q=rate, noise_multiplier=noise, steps=1, orders=ORDERS))


def converted(divergence: np.ndarray, delta: float) -> float:
    """The smallest ε from Rényi divergences [orders], for this δ."""
    from opacus.accountants.analysis import rdp

    with quiet():
        return float(rdp.get_privacy_spent(orders=ORDERS, rdp=divergence.tolist(), delta=delta)[0])


@functools.cache
def noise_for(epsilon: float, delta: float, rate: float, steps: int) -> float:
    """The smallest σ with which `steps` steps stay within ε, searched by Opacus.

    Raises:
        UserError: no amount of noise suffices.
    """
    from opacus.accountants.utils import get_noise_multiplier

    least = converted(np.zeros(len(ORDERS)), delta)  # with infinite noise
    if epsilon < 1.05 * least:
        raise UserError(
            f"privacy.epsilon={epsilon:g}: the smallest epsilon that can be proven for delta={delta:.2g} is "
            f"{least:.2g}. Set epsilon to {1.1 * least:.2g} or more",
            code="privacy.epsilon_too_small",
        )
    with quiet():
        return get_noise_multiplier(
            target_epsilon=epsilon, target_delta=delta, sample_rate=rate, steps=steps,
            accountant="rdp", epsilon_tolerance=epsilon / 1000, alphas=ORDERS,
        )  # fmt: skip


def quiet() -> warnings.catch_warnings:
    """Suppresses Opacus' warning that the best order is the first or the last one: ε is then merely less tight."""
    return warnings.catch_warnings(action="ignore", category=UserWarning)
