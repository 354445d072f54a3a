"""From values to what the nets see, channel by channel, and back.

    quantile:  x = Φ⁻¹(rank) / 2.5,  the rank by linear interpolation between knots     heavy tails and skew
    minmax:    x = 2 (v − low) / (high − low) − 1                                      all else
    standard:  x = (v − μ) / σ                                                         returns
    lambert:   v = μ + σ z,  z = u exp(δ u² / 2),  u = m + s x                         returns (QuantGAN)

lambert makes heavy tails normal by the inverse of Lambert's W × Gaussian (Goerg 2015): u = sign(z) √(W(δ z²) / δ), δ
such that u has the kurtosis of a normal distribution. What
the nets make may lie a little beyond the data: |x| up to 1.1 times the largest.

A channel whose excess kurtosis is above `HEAVY` is seen by its quantiles. Within the knots both are one to one; beyond
them values end at the bounds of the data.

N: samples, T: steps, C: channels, K: knots.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ganforge.core import scratch

HEAVY = 3.0
KNOTS = 512
FARTHEST = 1.1  # how much larger |x| may be than in the data under lambert: its tail grows faster than an exponential
NORMAL = 2.5  # in units of it a standard normal nearly fills [-1, 1]


def fit(values: np.ndarray, how: str) -> dict[str, Any]:
    """The scaling of one channel: {"low", "high"} and, by quantiles, {"knots", "ranks"}; or {"standard"}, {"lambert"}.

    Args:
        values: float64 [M].
        how: auto, minmax, quantile, standard or lambert.
    """
    low, high = float(values.min()), float(values.max())
    found: dict[str, Any] = {"low": low, "high": high}
    if how == "standard" and high > low:
        return found | {"standard": [float(values.mean()), float(values.std())]}
    if how == "lambert" and high > low:
        return found | {"lambert": _lambert(values)}
    if how == "quantile" or (how == "auto" and high > low and excess_kurtosis(values) > HEAVY):
        ranks = (np.arange(KNOTS) + 0.5) / KNOTS
        knots, first = np.unique(np.quantile(values, np.linspace(0, 1, KNOTS)), return_index=True)
        if len(knots) > 1:
            found |= {"knots": knots.tolist(), "ranks": ranks[first].tolist()}
    return found


def _lambert(values: np.ndarray) -> list[float]:
    """[μ, σ, δ, m, s] of the normalization by Lambert's W, and the largest |x| that is taken back."""
    from scipy.optimize import brentq

    mu, sigma = float(values.mean()), float(values.std())
    z = (values - mu) / sigma

    def excess(delta: float) -> float:
        return excess_kurtosis(_gaussian(z, delta))

    root: Any = brentq(excess, 1e-6, 2.0) if excess(1e-6) > 0 > excess(2.0) else 1e-6
    delta = float(root)
    u = _gaussian(z, delta)
    m, s = float(u.mean()), float(u.std())
    return [mu, sigma, delta, m, s, FARTHEST * float(np.abs((u - m) / s).max())]


def _gaussian(z: np.ndarray, delta: float) -> np.ndarray:
    from scipy.special import lambertw

    return np.sign(z) * np.sqrt(lambertw(delta * z**2).real / delta)


def bounded(scale: dict[str, Any]) -> bool:
    """Whether values are kept within the bounds of the data."""
    return "lambert" not in scale and "standard" not in scale


def scaled(values: np.ndarray, scale: dict[str, Any]) -> np.ndarray:
    """Values as the nets see them, of any shape."""
    if "knots" in scale:
        ranks = np.interp(values, scale["knots"], scale["ranks"])
        return torch.special.ndtri(torch.from_numpy(ranks)).numpy() / NORMAL
    if "standard" in scale:
        mu, sigma = scale["standard"]
        return (values - mu) / sigma
    if "lambert" in scale:
        mu, sigma, delta, m, s, _ = scale["lambert"]
        return (_gaussian((values - mu) / sigma, delta) - m) / s
    return 2 * (values - scale["low"]) / ((scale["high"] - scale["low"]) or 1.0) - 1


def restored(x: np.ndarray, scale: dict[str, Any]) -> np.ndarray:
    """What the nets made as values."""
    if "knots" in scale:
        ranks = torch.special.ndtr(torch.from_numpy(x * NORMAL)).numpy()
        return np.interp(ranks, scale["ranks"], scale["knots"])
    if "standard" in scale:
        mu, sigma = scale["standard"]
        return mu + sigma * x
    if "lambert" in scale:
        mu, sigma, delta, m, s, farthest = scale["lambert"]
        u = m + s * x.clip(-farthest, farthest)
        return mu + sigma * u * np.exp(delta * u**2 / 2)
    return scale["low"] + (x + 1) / 2 * (scale["high"] - scale["low"])


def excess_kurtosis(values: np.ndarray) -> float:
    """The fourth central moment over the squared variance, less 3: 0 for a normal distribution."""
    powers = scratch.zeros(values.shape, np.float64)  # of the distances from the mean: 1, 2, 4
    np.subtract(values, values.mean(), out=powers)
    np.square(powers, out=powers)
    variance = powers.mean()
    np.square(powers, out=powers)
    return float(powers.mean() / variance**2) - 3
