"""Forecasts that need no model, each as many paths: what a model has to beat.

    persistence      y_{t+h} = y_t + e,                    e: an h-step error of the same rule in the training series
    seasonal naive   y_{t+h} = y_{t+h−m⌈h/m⌉} + e,          m: steps of a season
    AR               y_t = c + Σ_k φ_k y_{t−k} + ε,  by least squares, the order by BIC up to m + 1; paths step by step
                     with ε drawn from its residuals

All draw whole rows of errors (of all columns at once), so that columns keep going together.

N: pasts, M: paths, P, H: steps, C: columns.  past [N, P, C] → [N, M, H, C].
"""

from __future__ import annotations

import numpy as np

MOST_ERRORS = 4_000
ORDERS = (1, 2, 3, 4, 6, 8, 12)


def season_of(step: str | None, past: int) -> int:
    """Steps of the season that rows of a frequency have: a day of hours, a week of days, a year of months."""
    steps = {"h": 24, "D": 7, "B": 5, "MS": 12, "900s": 96, "1800s": 48}.get(step or "", 1)
    return steps if steps <= past else 1


def naive(train: np.ndarray, past: np.ndarray, horizon: int, paths: int, season: int, draws: np.random.Generator):
    """Seasonal naive; persistence for a season of 1.

    Args:
        train: windows [n, P + H, C] of the training series.
    """
    length = past.shape[1]
    some = train[draws.permutation(len(train))[:MOST_ERRORS]]
    errors = some[:, length : length + horizon] - _repeated(some[:, :length], horizon, season)  # [n, H, C]
    at = draws.integers(len(errors), size=(len(past), paths))
    return _repeated(past, horizon, season)[:, None] + errors[at]


def _repeated(past: np.ndarray, horizon: int, season: int) -> np.ndarray:
    """The last season again and again, [N, H, C]."""
    return past[:, past.shape[1] - season + np.arange(horizon) % season]


class Autoregression:
    """AR of each column, fitted on windows [n, T, C]."""

    def __init__(self, train: np.ndarray, season: int, most: int):
        orders = [p for p in {*ORDERS, season, season + 1} if p <= most]
        self.order, best = 1, np.inf
        top = max(orders)
        every = train[:: max(1, len(train) // 5_000)]
        for order in sorted(orders):
            coefficients, residuals = self._fit(every, order, top)
            n = residuals.size // residuals.shape[-1]
            bic = float((n * np.log(residuals.reshape(-1, residuals.shape[-1]).var(0) + 1e-12)).mean())
            bic += (order + 1) * np.log(n)
            if bic < best:
                best, self.order, self.coefficients, self.residuals = bic, order, coefficients, residuals
        self.residuals = self.residuals.reshape(-1, train.shape[2])

    @staticmethod
    def _fit(windows: np.ndarray, order: int, top: int) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients [C, 1 + order], newest lag first, and residuals [n, 1, C]: of the row after `top` rows."""
        lags = windows[:, top - order : top][:, ::-1]  # [n, order, C]
        y = windows[:, top]
        found, left = [], []
        for c in range(windows.shape[2]):
            design = np.hstack([np.ones((len(y), 1)), lags[:, :, c]])
            solution = np.linalg.lstsq(design, y[:, c], rcond=None)[0]
            found.append(solution)
            left.append(y[:, c] - design @ solution)
        return np.stack(found), np.stack(left, 1)[:, None]

    def paths(self, past: np.ndarray, horizon: int, paths: int, draws: np.random.Generator) -> np.ndarray:
        state = np.repeat(past[:, -self.order :], paths, 0)
        found = []
        for _ in range(horizon):
            noise = self.residuals[draws.integers(len(self.residuals), size=len(state))]
            step = self.coefficients[:, 0] + np.einsum("noc,co->nc", state[:, ::-1], self.coefficients[:, 1:]) + noise
            found.append(step)
            state = np.concatenate([state[:, 1:], step[:, None]], 1)
        return np.stack(found, 1).reshape(len(past), paths, horizon, -1)
