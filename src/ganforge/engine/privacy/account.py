"""What a run has spent of its privacy, counted by Opacus.

A step takes each of n samples with probability q and adds N(0, σ²C²) to a sum in which each has at most the norm C.
Mironov, Talwar & Zhang 2019, "Rényi Differential Privacy of the Sampled Gaussian Mechanism", bound the Rényi divergence
ρ(α) that one sample more or less makes; T steps cost T·ρ(α); and for every α > 1

    ε = T ρ(α) + ln((α − 1)/α) − (ln δ + ln α)/(α − 1)                          Balle et al. 2020, theorem 21

The smallest of these over Opacus' orders is what is told. It is a proven upper bound; the figures of its other
accountant (PRV) are some percent lower, hold up to a numerical error, and take seconds instead of milliseconds.
"""

from __future__ import annotations

import warnings

from ganforge.core.errors import UserError


class Account:
    """The cost of steps that are all alike.

    Args:
        noise: σ, the noise as a multiple of the norm that gradients are clipped to.
        rate: q, the probability with which a step takes a sample.
    """

    def __init__(self, noise: float, rate: float):
        from opacus.accountants import RDPAccountant
        from opacus.accountants.analysis import rdp

        self.orders = RDPAccountant.DEFAULT_ALPHAS
        self.cost = rdp.compute_rdp(q=rate, noise_multiplier=noise, steps=1, orders=self.orders)

    def epsilon(self, steps: int, delta: float) -> float:
        """ε after so many steps, for this δ."""
        from opacus.accountants.analysis import rdp

        if steps == 0:
            return 0.0
        with warnings.catch_warnings():  # it says when the best order is its first or last: ε is then less tight
            warnings.simplefilter("ignore", UserWarning)
            return float(rdp.get_privacy_spent(orders=self.orders, rdp=self.cost * steps, delta=delta)[0])

    def most_steps(self, epsilon: float, delta: float) -> int:
        """How many steps stay within ε."""
        fits, too_many = 0, 1
        while self.epsilon(too_many, delta) <= epsilon:
            fits, too_many = too_many, 2 * too_many
        while too_many - fits > 1:
            middle = (fits + too_many) // 2
            fits, too_many = (middle, too_many) if self.epsilon(middle, delta) <= epsilon else (fits, middle)
        return fits


def noise_for(epsilon: float, delta: float, rate: float, steps: int) -> float:
    """The least σ with which `steps` stay within ε, by Opacus' search.

    Raises:
        UserError: no noise is enough.
    """
    from opacus.accountants.utils import get_noise_multiplier

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            return get_noise_multiplier(
                target_epsilon=epsilon, target_delta=delta, sample_rate=rate, steps=steps,
                accountant="rdp", epsilon_tolerance=epsilon / 1000,
            )  # fmt: skip
        except ValueError:
            raise UserError(
                f"privacy.epsilon={epsilon:g}: no noise is enough for delta={delta:.2g}. Take a larger epsilon or delta"
            ) from None
