"""What a run has spent of its privacy, counted by Opacus.

A step takes each of n samples with probability q and adds N(0, σ²C²) to a sum in which each has at most the norm C.
Mironov, Talwar & Zhang 2019, "Rényi Differential Privacy of the Sampled Gaussian Mechanism", bound the Rényi divergence
ρ(α) that one sample more or less makes; T steps cost T·ρ(α); and for every α > 1

    ε = T ρ(α) + ln((α − 1)/α) − (ln δ + ln α)/(α − 1)                          Balle et al. 2020, theorem 21

The smallest of these over Opacus' orders is what is reported. It is a proven upper bound; the values of its other
accountant (PRV) are some percent lower, hold up to a numerical error, and take seconds instead of milliseconds.
"""

from __future__ import annotations

import warnings

import numpy as np

from ganforge.core.errors import UserError

ORDERS = [*(1 + k / 10 for k in range(1, 100)), *range(12, 64), 80, 96, 128, 192, 256, 512]
"""α: Opacus' own, and larger ones, without which it has no word for an ε below 0.2."""


class Account:
    """The cost of steps that are all alike.

    Args:
        noise: σ, the noise as a multiple of the norm that gradients are clipped to.
        rate: q, the probability with which a step takes a sample.
    """

    def __init__(self, noise: float, rate: float):
        from opacus.accountants.analysis import rdp

        self.cost = np.array(rdp.compute_rdp(q=rate, noise_multiplier=noise, steps=1, orders=ORDERS))

    def epsilon(self, steps: int, delta: float) -> float:
        """ε after so many steps, for this δ."""
        return converted(self.cost * steps, delta) if steps else 0.0

    def most_steps(self, epsilon: float, delta: float) -> int:
        """How many steps stay within ε."""
        fits, too_many = 0, 1
        while self.epsilon(too_many, delta) <= epsilon:
            fits, too_many = too_many, 2 * too_many
        while too_many - fits > 1:
            middle = (fits + too_many) // 2
            fits, too_many = (middle, too_many) if self.epsilon(middle, delta) <= epsilon else (fits, middle)
        return fits


def converted(divergence: np.ndarray, delta: float) -> float:
    """The least ε of Rényi divergences [orders], for this δ."""
    from opacus.accountants.analysis import rdp

    with quiet():
        return float(rdp.get_privacy_spent(orders=ORDERS, rdp=divergence.tolist(), delta=delta)[0])


def noise_for(epsilon: float, delta: float, rate: float, steps: int) -> float:
    """The least σ with which `steps` stay within ε, by Opacus' search.

    Raises:
        UserError: no noise is enough.
    """
    from opacus.accountants.utils import get_noise_multiplier

    least = converted(np.zeros(len(ORDERS)), delta)  # of noise without end
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
    """Without Opacus' word that the best order is the first or the last one: ε is only less tight then."""
    return warnings.catch_warnings(action="ignore", category=UserWarning)
