"""Stylized facts of returns (Cont 2001), of real windows and of generated ones, and what a risk manager reads off them.

    kurtosis    excess kurtosis of all returns                                             heavy tails: above 0
    hill        Hill's tail index of the 5 % largest |r|: n / Σ ln(|r|_(i) / |r|_(n+1))     about 3; normal: 6
    acf1        autocorrelation of r at lag 1                                              about 0
    volatility  mean autocorrelation of |r| at lags 1..20                                  clusters: above 0
    leverage    mean over lags k = 1..10 of corr(r_t, r²_{t+k})                            below 0: falls shake
    var95, es95 of r summed over `horizon` steps: the loss that 1 in 20 exceeds, and its mean beyond that

Correlations take the mean and variance of all windows, so that windows of calm and of wild times count as such.
Each figure is a mean over columns. N: windows, T: steps, C: columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from pydantic import Field

from ganforge.core.errors import UserError
from ganforge.core.language import joined, phrase
from ganforge.metrics.base import Comparison, Meaning, Metric, Result
from ganforge.modalities.series.scaling import excess_kurtosis

LAGS, LEVERAGE_LAGS = 20, 10
TAIL = 0.05
SMALL = 0.05
"""Real values below this are taken for it where a difference is relative to them."""


def hill(r: np.ndarray) -> float:
    """The tail index of the largest 5 % of |r|."""
    ordered = np.sort(np.abs(r))[::-1]
    n = max(2, int(TAIL * len(ordered)))
    excess = np.log(ordered[:n] / ordered[n]) if ordered[n] > 0 else np.array([np.inf])
    return float(1 / excess.mean())


def correlation(a: np.ndarray, b: np.ndarray, lag: int) -> float:
    """corr(a_t, b_{t+lag}) within windows [N, T], with the means and variances of all."""
    a, b = a - a.mean(), b - b.mean()
    spread = float(a.std() * b.std())
    return float((a[:, : a.shape[1] - lag] * b[:, lag:]).mean()) / spread if spread else 0.0


def facts(r: np.ndarray, horizon: int) -> dict[str, float]:
    """All figures of returns [N, T] of one column."""
    sums = r[:, : r.shape[1] // horizon * horizon].reshape(len(r), -1, horizon).sum(2).ravel()
    limit = float(np.quantile(sums, 0.05))
    lags = range(1, min(LAGS, r.shape[1] - 2) + 1)
    return {
        "kurtosis": excess_kurtosis(r.ravel()),
        "hill": hill(r.ravel()),
        "acf1": correlation(r, r, 1),
        "volatility": float(np.mean([correlation(np.abs(r), np.abs(r), k) for k in lags])),
        "leverage": float(np.mean([correlation(r, r**2, k) for k in lags if k <= LEVERAGE_LAGS])),
        "var95": -limit,
        "es95": -float(sums[sums <= limit].mean()),
    }


SIDES = {"real": phrase("real"), "heldout": phrase("held out"), "shuffled": phrase("shuffled")}


class StylizedFacts(Metric, kind="finance"):
    """Heavy tails, clusters of volatility, leverage and values at risk of returns, the real ones beside."""

    signals: ClassVar[tuple[str, ...]] = ("series",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "facts": Meaning("Mean relative difference of the stylized facts from the real ones.", "lower", 0.0),
        "kurtosis": Meaning("Excess kurtosis of returns; 0 of normal ones."),
        "hill": Meaning("Tail index of the largest returns; smaller is heavier."),
        "acf1": Meaning("Autocorrelation of returns at lag 1."),
        "volatility": Meaning("Mean autocorrelation of the sizes of returns, lags 1 to 20: clusters."),
        "leverage": Meaning("Correlation of returns with later squared ones; negative where losses raise volatility."),
        "var95": Meaning("Loss over the horizon that one in twenty exceeds."),
        "es95": Meaning("Mean loss beyond that."),
    }
    horizon: int = Field(default=10, ge=1)
    """Steps over which losses are summed: ten days by the rules of banks."""

    def compute(self, comparison: Comparison) -> list[Result]:
        change = comparison.facts.get("change", "none")
        sides = {name: self._returns(comparison.samples(name, n), change)
                 for name, n in (("real", None), ("fake", self.n))}  # fmt: skip
        if comparison.heldout is not None:
            sides["heldout"] = self._returns(comparison.samples("heldout"), change)
        if sides["real"].shape[1] < self.horizon:
            raise UserError(
                f"finance: windows of {sides['real'].shape[1]} steps are shorter than the horizon of {self.horizon}; "
                "finance(horizon=5)",
                code="metric.horizon_too_long",
            )
        found = {name: self._mean(r) for name, r in sides.items()}
        draws = comparison.draws("finance")
        found["shuffled"] = self._mean(draws.permuted(sides["real"].reshape(-1, sides["real"].shape[2]), axis=0)
                                       .reshape(sides["real"].shape))  # fmt: skip
        protocol = comparison.protocol(self.n) | {"horizon": self.horizon, "change": change}
        real, fake = found["real"], found["fake"]
        off = [abs(fake[name] - value) / max(abs(value), SMALL) for name, value in real.items()]
        results = [Result(f"facts[{len(sides['fake'])}]", float(np.mean(off)), protocol)]
        for name, value in found["fake"].items():
            others = {side: values[name] for side, values in found.items() if side != "fake"}
            notes = [joined([phrase("{name} {value:.4g}", name=SIDES[side], value=v) for side, v in others.items()])]
            results.append(Result(f"{name}[{len(sides['fake'])}]", value, protocol, others | {"notes": notes}))
        return results

    def _mean(self, r: np.ndarray) -> dict[str, float]:
        every = [facts(r[:, :, c], self.horizon) for c in range(r.shape[2])]
        return {name: float(np.mean([found[name] for found in every])) for name in every[0]}

    @staticmethod
    def _returns(samples: np.ndarray, change: str) -> np.ndarray:
        """Samples of changes as they are; of levels their log returns, or their differences where not all are above
        0. Missing values count as no change."""
        if change != "none":
            return np.nan_to_num(samples)
        moved = np.diff(np.log(samples) if np.nanmin(samples) > 0 else samples, axis=1)
        return np.nan_to_num(moved)
