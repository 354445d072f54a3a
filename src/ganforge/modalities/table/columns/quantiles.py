"""Quantile normalization: a number as the share of the column below it, evenly spread over [-1, 1].

A value that many rows have covers its whole share: it is encoded as the middle, and all of the share decodes to it.

    u(x) = 2 · F(x) - 1, linear between knots;  F the distribution of the column
"""

from __future__ import annotations

from typing import Any

import numpy as np

MOST = 1_000  # knots


def fit(v: np.ndarray) -> dict[str, Any]:
    """The knots of a column: float64 [N], sorted, → "at": numbers, and "below", "up_to": their shares, in [-1, 1]."""
    at = np.unique(v[np.linspace(0, len(v) - 1, min(MOST, len(v))).round().astype(int)])
    below, up_to = np.searchsorted(v, at, "left") / len(v), np.searchsorted(v, at, "right") / len(v)
    return {"at": at.tolist(), "below": (2 * below - 1).tolist(), "up_to": (2 * up_to - 1).tolist()}


def encode(v: np.ndarray, knots: dict[str, Any]) -> np.ndarray:
    """Numbers in [-1, 1] as shares, [-1, 1]; NaN stays."""
    at, below, up_to = (np.asarray(knots[name]) for name in ("at", "below", "up_to"))
    place = np.searchsorted(at, v).clip(0, len(at) - 1)
    between = np.interp(v, *_line(at, below, up_to))
    return np.where(np.isnan(v), np.nan, np.where(at[place] == v, (below[place] + up_to[place]) / 2, between))


def decode(u: np.ndarray, knots: dict[str, Any]) -> np.ndarray:
    """Shares in [-1, 1] as numbers in [-1, 1]."""
    x, y = _line(*(np.asarray(knots[name]) for name in ("at", "below", "up_to")))
    return np.interp(u, y, x)


def _line(at: np.ndarray, below: np.ndarray, up_to: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distribution as a line of points: flat between knots, a step at each."""
    return np.repeat(at, 2), np.stack([below, up_to], axis=1).ravel()
