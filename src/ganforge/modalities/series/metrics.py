"""How near generated windows are to real ones: what is read off them.

Every figure has its floor in `detail`: the same figure of one half of the real windows against the other.

    correlational   Σ |corr − corr′| over pairs of channels with the diagonal, lower triangle, ÷ 10      Diffusion-TS
    marginal        mean |Δdensity| of 50 bins for each (step, channel), bins from real, first step left out   TSGBench
    autocorrelation √Σ (ACF − ACF′)² over lags ≤ 64, with global mean and variance, mean over channels

Windows are scaled to [0, 1] by the bounds of the real ones; a column with gaps is joined by a flag that says where.

N: windows, T: steps, d: channels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch

from ganforge.core.errors import UserError
from ganforge.core.language import phrase
from ganforge.metrics.base import Comparison, Meaning, Metric, Result

BINS, LAGS = 50, 64
FEWEST = 30
HALVES = phrase("two random halves of the real windows differ by {floor:.4g}", floor=0.0).pattern
NEAREST = 2_000  # windows of each side that nearest neighbors are looked for of
SHARE = 0.01


def scaled(comparison: Comparison, name: str, n: int | None = None) -> np.ndarray:
    """The windows of a side, float32 [N, T, d], in units of the bounds of the real ones."""
    real = comparison.once("series real", lambda: comparison.samples("real"))
    low, high = np.nanmin(real, (0, 1)), np.nanmax(real, (0, 1))
    gaps = np.asarray(np.isnan(real).any((0, 1)))
    samples = real if name == "real" else comparison.samples(name, n)
    if len(samples) < FEWEST:
        raise UserError(
            f"{comparison.side(name).name}: {len(samples)} windows are too few; at least {FEWEST} are needed",
            code="metric.too_few_samples",
        )
    found = ((samples - low) / np.where(high > low, high - low, 1.0)).astype(np.float32)
    return carried(found, gaps) if gaps.any() or np.isnan(found).any() else found


def carried(x: np.ndarray, gaps: np.ndarray) -> np.ndarray:
    """Windows [N, T, d] whose missing values are the ones before (the middle of the range at the beginning), and after
    the columns a flag for each of those with gaps: 1 where a value was missing."""
    holes = np.isnan(x)
    last = np.maximum.accumulate(np.where(holes, -1, np.arange(x.shape[1])[None, :, None]), axis=1)
    filled = np.where(last < 0, 0.5, np.take_along_axis(x, last.clip(0), axis=1))
    return np.concatenate([filled, holes[:, :, gaps]], axis=2).astype(np.float32)


def correlational(a: np.ndarray, b: np.ndarray) -> float:
    """Difference of the correlations of channels, lag 0."""
    return float(np.tril(np.abs(_corr(a) - _corr(b))).sum() / 10)


def _corr(x: np.ndarray) -> np.ndarray:
    flat = x.reshape(-1, x.shape[2]).astype(np.float64)
    flat = flat - flat.mean(0)
    sd = np.where(flat.std(0) > 0, flat.std(0), 1.0)
    return (flat / sd).T @ (flat / sd) / len(flat)


def marginal(a: np.ndarray, b: np.ndarray) -> float:
    """Difference of the densities of b from a, in bins of a."""
    found = []
    for t in range(1, a.shape[1]):
        for c in range(a.shape[2]):
            edges = np.histogram_bin_edges(a[:, t, c], BINS)
            shares = [np.histogram(x[:, t, c], edges)[0] / len(x) / (edges[1] - edges[0]) for x in (a, b)]
            found.append(np.abs(shares[0] - shares[1]).mean())
    return float(np.mean(found))


def acf(x: np.ndarray) -> np.ndarray:
    """[lags, d]: autocorrelation within windows, with the mean and variance of all."""
    x = x.astype(np.float64)
    x = x - x.mean((0, 1))
    variance = np.where(x.var((0, 1)) > 0, x.var((0, 1)), 1.0)
    lags = range(1, min(LAGS, x.shape[1] - 1) + 1)
    return np.stack([(x[:, k:] * x[:, :-k]).mean((0, 1)) / variance for k in lags])


def autocorrelation(a: np.ndarray, b: np.ndarray) -> float:
    """Distance of the autocorrelations, mean over channels."""
    return float(np.sqrt(((acf(a) - acf(b)) ** 2).sum(0)).mean())


FIGURES = {"correlational": correlational, "marginal": marginal, "autocorrelation": autocorrelation}


class SeriesFigures(Metric, kind="series"):
    """Correlation of channels, marginal densities and autocorrelation, and copies of training windows."""

    signals: ClassVar[tuple[str, ...]] = ("series",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "correlational": Meaning("How far the correlations of columns differ from the real ones.", "lower", 0.0),
        "marginal": Meaning("How far the distribution of each column at each step differs.", "lower", 0.0),
        "autocorrelation": Meaning("How far the dependence on earlier steps differs.", "lower", 0.0),
        "near_copies": Meaning(
            "Share of windows nearer in shape to a training one than 99 % of those are to other times.", "near", 0.01
        ),
    }

    def compute(self, comparison: Comparison) -> list[Result]:
        real, fake = scaled(comparison, "real"), scaled(comparison, "fake", self.n)
        halves = np.array_split(comparison.draws("halves").permutation(len(real)), 2)
        protocol = comparison.protocol(self.n)
        found = []
        for name, figure in FIGURES.items():
            if figure is correlational and real.shape[2] == 1:
                continue  # one channel has no pairs: it would always be 0
            floor = figure(real[halves[0]], real[halves[1]])
            floors = {"floor": floor, "notes": [phrase(HALVES, floor=floor)]}
            found.append(Result(f"{name}[{len(fake)}]", figure(real, fake), protocol, floors))
        found.append(self._copies(comparison, real, fake, protocol))
        return found

    def _copies(self, comparison: Comparison, real: np.ndarray, fake: np.ndarray, protocol: dict) -> Result:
        """Windows nearer to a training window than 99 % of the training windows are to those of other times.

        Held-out windows are no yardstick: they are later, and where a series moves more from year to year they lie
        farther off than any window of the training years. A window of the training itself, with all that share a row
        with it left out, is what a new window of those years would be.
        """
        draws = comparison.draws("copies")
        train = _shape_of(scaled(comparison, "train") if comparison.known_train else real)
        some = np.sort(draws.permutation(len(train))[:NEAREST])
        chance = _nearest(train[some], train, some)
        limit = float(np.quantile(chance, SHARE))
        made = _nearest(_shape_of(fake[draws.permutation(len(fake))[:NEAREST]]), train)
        detail: dict = {
            "floor": SHARE,
            "notes": [
                phrase(
                    "median distance to the nearest training window {made:.4g}; of a training window to the nearest of "
                    "another time {chance:.4g}",
                    made=np.median(made),
                    chance=np.median(chance),
                )
            ],
        }
        if comparison.heldout is not None:
            unseen = _shape_of(scaled(comparison, "heldout"))
            away = _nearest(unseen[draws.permutation(len(unseen))[:NEAREST]], train)
            detail["of_heldout"] = float((away < limit).mean())
            detail["notes"].append(
                phrase(
                    "of held-out windows {share:.2%} are as near, median distance {away:.4g}",
                    share=detail["of_heldout"],
                    away=np.median(away),
                )
            )
        return Result(f"near_copies[{len(made)}]", float((made < limit).mean()), protocol, detail)


def _shape_of(x: np.ndarray) -> np.ndarray:
    """Windows without their level: prices of later years may be at levels of their own."""
    return x - x.mean(1, keepdims=True)


def _nearest(x: np.ndarray, of: np.ndarray, places: np.ndarray | None = None) -> np.ndarray:
    """Euclidean distance of each window to its nearest one of a set, [N].

    Args:
        places: where in `of`, which is in order of time, the windows lie themselves: those less than a window away from
            there, which may share rows, do not count.
    """
    flat, rows = (torch.from_numpy(a.reshape(len(a), -1)) for a in (of, x))
    found = []
    for k, part in enumerate(rows.split(256)):
        distances = torch.cdist(part, flat)
        if places is not None:
            here = torch.from_numpy(places[256 * k : 256 * k + len(part)])
            distances[(torch.arange(len(of)) - here[:, None]).abs() < min(x.shape[1], len(of) // 2)] = torch.inf
        found.append(distances.min(1).values)
    return torch.cat(found).numpy()
