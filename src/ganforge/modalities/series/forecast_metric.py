"""How good forecasts are that are many paths each, beside what needs no model.

    CRPS      mean_i |y_i − y| − ½ mean_{i,j} |y_i − y_j|            by column and step, then a mean        lower
    energy    the same with norms over all steps and columns, ÷ √(steps · columns)                          lower
    coverage  share of real values within the middle 80 % of the paths                                     near 0.8
    MASE      mean absolute error of the median ÷ that of the seasonal naive forecast within the training series

All in units of the standard deviation of each column in training. Steps where the real value is missing do not count.

N: forecasts, M: paths, H: steps, C: columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from ganforge.core.language import joined, phrase
from ganforge.metrics.base import Comparison, Meaning, Metric, Result
from ganforge.modalities.series import baselines

BASELINES = {
    "persistence": phrase("persistence"),
    "seasonal_naive": phrase("seasonal naive"),
    "ar": phrase("autoregression"),
}
PART = 64  # forecasts at a time


def crps(paths: np.ndarray, y: np.ndarray) -> np.ndarray:
    """[N, H, C] of paths [N, M, H, C]: the mean over all pairs by sorting, M log M instead of M²."""
    many = paths.shape[1]
    ordered = np.sort(paths, 1)
    weights = (2 * np.arange(1, many + 1) - many - 1)[:, None, None]
    apart = 2 * (weights * ordered).sum(1) / many**2
    return np.abs(paths - y[:, None]).mean(1) - 0.5 * apart


def energy(paths: np.ndarray, y: np.ndarray) -> np.ndarray:
    """[N]; the second term from pairs of a path and the one after it, which is unbiased."""
    flat, goal = paths.reshape(*paths.shape[:2], -1), y.reshape(len(y), 1, -1)
    away = np.linalg.norm(flat - goal, axis=2).mean(1)
    apart = np.linalg.norm(flat - np.roll(flat, 1, axis=1), axis=2).mean(1)
    return (away - 0.5 * apart) / np.sqrt(flat.shape[2])


def covered(paths: np.ndarray, y: np.ndarray, share: float = 0.8) -> np.ndarray:
    """[N, H, C]: whether y lies within the middle share of the paths."""
    low, high = np.quantile(paths, [(1 - share) / 2, (1 + share) / 2], axis=1)
    return (low <= y) & (y <= high)


class ForecastScores(Metric, kind="forecast"):
    """CRPS, energy score, coverage and MASE of forecasts, beside persistence, seasonal naive and AR."""

    signals: ClassVar[tuple[str, ...]] = ("series",)
    needs: ClassVar[frozenset[str]] = frozenset({"train"})
    values: ClassVar[Mapping[str, Meaning]] = {
        "crps": Meaning("Error of forecasts as distributions, in standard deviations of the column.", "lower"),
        "energy": Meaning("The same of all steps and columns together.", "lower"),
        "interval_coverage": Meaning("Share of real values within the middle 80 % of the paths.", "near", 0.8),
        "mase": Meaning("Error of the median over that of a seasonal naive forecast.", "lower"),
    }

    def compute(self, comparison: Comparison) -> list[Result]:
        windows, fake = comparison.samples("real"), comparison.samples("fake", self.n)
        train = comparison.samples("train")
        train = train[~np.isnan(train).any((1, 2))] if np.isnan(train).any() else train
        past, horizon = windows.shape[1] - fake.shape[2], fake.shape[2]
        keep = np.asarray(~np.isnan(windows[:, :past]).any((1, 2)))
        windows, fake = windows[: len(fake)][keep[: len(fake)]], fake[keep[: len(fake)]]
        scale = train.reshape(-1, train.shape[2]).std(0)
        scale = np.where(scale > 0, scale, 1.0)
        train, windows, fake = train / scale, windows / scale, fake / scale
        clock = comparison.facts.get("clock") or {}
        season = baselines.season_of(clock.get("step"), past)
        protocol = comparison.protocol(self.n) | {
            "past": past, "horizon": horizon, "paths": fake.shape[1], "season": season,
        }  # fmt: skip
        usual = np.nanmean(np.abs(train[:, season:] - train[:, :-season]), (0, 1))
        draws = comparison.draws("forecast baselines")
        ar = baselines.Autoregression(train, season, past)
        seen = windows[:, :past]
        rivals = {
            "": lambda a, b: fake[a:b],
            "persistence": lambda a, b: baselines.naive(train, seen[a:b], horizon, fake.shape[1], 1, draws),
            "seasonal_naive": lambda a, b: baselines.naive(train, seen[a:b], horizon, fake.shape[1], season, draws),
            "ar": lambda a, b: ar.paths(seen[a:b], horizon, fake.shape[1], draws),
        }
        found: dict[str, dict[str, float]] = {}
        for k, (name, paths) in enumerate(rivals.items()):
            comparison.progress("forecasts", k, len(rivals))
            found[name] = measured(paths, windows[:, past:], usual)
        results = []
        for figure, value in found[""].items():
            detail: dict[str, Any] = {name: found[name][figure] for name in BASELINES}
            detail["ar_order"] = ar.order
            beside = [phrase("{name} {value:.4g}", name=BASELINES[name], value=detail[name]) for name in BASELINES]
            detail["notes"] = [joined(beside)]
            results.append(Result(f"{figure}[{len(fake)}]", value, protocol, detail))
        return results


def measured(paths: Any, y: np.ndarray, usual: np.ndarray) -> dict[str, float]:
    """All figures of one way to forecast; paths: (first, last) → [n, M, H, C]."""
    sums: dict[str, list[np.ndarray]] = {name: [] for name in ForecastScores.values}
    for start in range(0, len(y), PART):
        real = y[start : start + PART]
        made = paths(start, start + len(real))
        there = ~np.isnan(real)
        made = np.nan_to_num(made)
        real = np.nan_to_num(real)
        sums["crps"].append(crps(made, real)[there])
        whole = there.all((1, 2))
        sums["energy"].append(energy(made, real)[whole])
        sums["interval_coverage"].append(covered(made, real)[there])
        error = np.abs(np.median(made, 1) - real) / np.where(usual > 0, usual, 1.0)
        sums["mase"].append(error[there])
    return {name: float(np.concatenate(parts).mean()) for name, parts in sums.items()}
