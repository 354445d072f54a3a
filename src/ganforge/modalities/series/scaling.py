"""From values to what the nets see, channel by channel, and back.

    quantile:  x = Φ⁻¹(rank) / 2.5,  the rank by linear interpolation between knots     heavy tails and skew
    minmax:    x = 2 (v − low) / (high − low) − 1                                      all else

A channel whose excess kurtosis is above `HEAVY` is seen by its quantiles. Within the knots both are one to one; beyond
them values end at the bounds of the data.

N: samples, T: steps, C: channels, K: knots.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

HEAVY = 3.0
KNOTS = 512
NORMAL = 2.5  # in units of it a standard normal nearly fills [-1, 1]


def fit(values: np.ndarray, how: str) -> dict[str, Any]:
    """The scaling of one channel: {"low", "high"} and, by quantiles, {"knots", "ranks"}.

    Args:
        values: float64 [M].
        how: auto, minmax or quantile.
    """
    low, high = float(values.min()), float(values.max())
    found: dict[str, Any] = {"low": low, "high": high}
    if how == "quantile" or (how == "auto" and high > low and _excess_kurtosis(values) > HEAVY):
        ranks = (np.arange(KNOTS) + 0.5) / KNOTS
        knots, first = np.unique(np.quantile(values, np.linspace(0, 1, KNOTS)), return_index=True)
        if len(knots) > 1:
            found |= {"knots": knots.tolist(), "ranks": ranks[first].tolist()}
    return found


def scaled(values: np.ndarray, scale: dict[str, Any]) -> np.ndarray:
    """Values as the nets see them, of any shape."""
    if "knots" in scale:
        ranks = np.interp(values, scale["knots"], scale["ranks"])
        return torch.special.ndtri(torch.from_numpy(ranks)).numpy() / NORMAL
    return 2 * (values - scale["low"]) / ((scale["high"] - scale["low"]) or 1.0) - 1


def restored(x: np.ndarray, scale: dict[str, Any]) -> np.ndarray:
    """What the nets made as values."""
    if "knots" in scale:
        ranks = torch.special.ndtr(torch.from_numpy(x * NORMAL)).numpy()
        return np.interp(ranks, scale["ranks"], scale["knots"])
    return scale["low"] + (x + 1) / 2 * (scale["high"] - scale["low"])


def _excess_kurtosis(values: np.ndarray) -> float:
    """The fourth central moment over the squared variance, less 3: 0 for a normal distribution."""
    squares = (values - values.mean()) ** 2
    return float((squares**2).mean() / squares.mean() ** 2) - 3
