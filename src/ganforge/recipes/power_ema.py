"""Averages of weights with power-function profiles, whose length can be chosen after training.

Karras et al. 2024, "Analyzing and improving the training dynamics of diffusion models", section 3 and appendix C. The
average at step t weighs the weights of step τ ≤ t by a profile that scales with the length of training:

    p(τ) = (γ + 1) τ^γ / t^(γ + 1)                  kept up to date by   average ← β · average + (1 − β) · weights,
                                                                         β = (1 − 1/t)^(γ + 1)

Its length σ is the standard deviation of the profile divided by t: σ² = (γ + 1) / ((γ + 2)² (γ + 3)). A profile of any
length is nearly a linear combination of the profiles of two lengths at several steps, and so is the average itself: the
coefficients x minimize ‖Σ x_i p_i − p‖², A x = b with A_ij = ⟨p_i, p_j⟩ and b_i = ⟨p_i, p⟩. Departure: they are divided
by their sum, so that weights that never change stay what they are.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LENGTHS = (0.05, 0.10)
"""σ of the two averages that are kept."""
SHORTEST, LONGEST = 0.01, 0.28
"""Lengths that can be asked for. No γ ≥ 0 has a σ above 0.2887, that of the plain mean."""


@dataclass(frozen=True)
class Moment:
    """An average: its length σ, and the step at which it is.

    Attributes:
        length: in [SHORTEST, LONGEST]. step: at least 1.
    """

    length: float
    step: int


@dataclass(frozen=True)
class Combination:
    """How the average of another length is made of those that are there.

    Attributes:
        coefficients: [n], with sum 1; one for each average.
        error: ‖Σ x_i p_i − p‖ / ‖p‖, the distance to the wanted profile; 0 if it is met exactly.
    """

    coefficients: tuple[float, ...]
    error: float


@functools.cache
def exponent(length: float) -> float:
    """γ of the profile of length σ: the positive root of (γ + 2)² (γ + 3) σ² = γ + 1.

    Args:
        length: in [SHORTEST, LONGEST].
    """
    roots = np.roots([1.0, 7.0, 16.0 - length**-2, 12.0 - length**-2])
    return float(max(root.real for root in roots if abs(root.imag) < 1e-9))


def kept(length: float, step: int) -> float:
    """β: the share of the average of length σ that is kept at `step`, counted from 1, where it is 0."""
    return (1 - 1 / step) ** (exponent(length) + 1)


def combination(there: Sequence[Moment], wanted: Moment) -> Combination:
    """The combination of averages whose profile is closest to that of the wanted one."""
    A = np.array([[product(a, b) for b in there] for a in there])
    b = np.array([product(a, wanted) for a in there])
    x = np.linalg.lstsq(A, b, rcond=None)[0]
    x /= x.sum()
    norm = product(wanted, wanted)
    error = math.sqrt(max(0.0, float(x @ A @ x - 2 * x @ b + norm)) / norm)
    return Combination(tuple(x.tolist()), error)


def product(a: Moment, b: Moment) -> float:
    """⟨p_a, p_b⟩ = ∫ p_a p_b dτ, from 0 to the earlier of the two steps; in logarithms, as powers overflow."""
    one, other = exponent(a.length), exponent(b.length)
    power = (one + other + 1) * math.log(min(a.step, b.step))
    power -= (one + 1) * math.log(a.step) + (other + 1) * math.log(b.step)
    return (one + 1) * (other + 1) / (one + other + 1) * math.exp(power)
