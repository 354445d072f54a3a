"""How near generated windows are to real ones: what is read off them, and what a small net can tell or learn.

Every figure has its floor in `detail`: the same figure of one half of the real windows against the other.

    correlational   Σ |corr − corr′| over pairs of channels with the diagonal, lower triangle, ÷ 10      Diffusion-TS
    marginal        mean |Δdensity| of 50 bins for each (step, channel), bins from real, first step left out   TSGBench
    autocorrelation √Σ (ACF − ACF′)² over lags ≤ 64, with global mean and variance, mean over channels
    discriminative  |accuracy − ½| of a GRU that tells real from generated                    Yoon et al. 2019, TimeGAN
    predictive      MAE of a GRU trained on generated, tested on real windows: channels 0..d−2 → next value of the last

Windows are scaled to [0, 1] by the bounds of the real ones; a column with gaps is joined by a flag that says where. By
TimeGAN's protocol: GRU of ⌊d/2⌋ units with tanh, Adam 1e-3, batch 128; 2,000 steps and 80/20 random split; 5,000 steps,
tested on all real windows. One unit where ⌊d/2⌋ is 0, at which the published code fails. The random split has windows
that overlap on both sides; that is its protocol.

N: windows, T: steps, d: channels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, l1_loss

from ganforge.core.errors import UserError
from ganforge.core.language import phrase
from ganforge.metrics.base import Comparison, Meaning, Metric, Result

BINS, LAGS = 50, 64
BATCH = 128
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


class Reader(nn.Module):
    """GRU → linear: a number a window from the last state, or one a step."""

    def __init__(self, inputs: int, units: int, every_step: bool):
        super().__init__()
        self.every_step = every_step
        self.gru = nn.GRU(inputs, max(1, units), batch_first=True)
        self.out = nn.Linear(max(1, units), 1)

    def forward(self, x: Tensor) -> Tensor:
        states, last = self.gru(x)
        return self.out(states if self.every_step else last[0]).squeeze(-1)


class _Trained(Metric):
    """A metric that trains a small net a few times."""

    signals: ClassVar[tuple[str, ...]] = ("series",)

    def generator(self, comparison: Comparison, k: int) -> np.random.Generator:
        return comparison.draws(f"{self.kind} {k}")


class Discriminative(_Trained, kind="discriminative"):
    """TimeGAN's discriminative score: how well a small GRU tells generated windows from real ones."""

    values: ClassVar[Mapping[str, Meaning]] = {
        "discriminative": Meaning("|accuracy − ½| of a GRU that tells generated from real windows.", "lower", 0.0)
    }
    steps: int = Field(default=2_000, ge=1)
    """Steps of training; 2,000 in the paper's code."""
    repeats: int = Field(default=3, ge=1)
    """Trainings whose mean is taken; 10 in papers."""

    def compute(self, comparison: Comparison) -> list[Result]:
        real, fake = scaled(comparison, "real"), scaled(comparison, "fake", self.n)
        scores = []
        for k in range(self.repeats):
            comparison.progress("telling generated windows from real ones", k, self.repeats)
            scores.append(told(real, fake, self.steps, self.generator(comparison, k)))
        order = comparison.draws("discriminative floor").permutation(len(real))
        half = len(real) // 2
        floor = told(real[order[:half]], real[order[half:]], self.steps, self.generator(comparison, 0))
        protocol = comparison.protocol(self.n) | {"steps": self.steps, "repeats": self.repeats, "net": "GRU d/2"}
        detail = {"sd": float(np.std(scores)), "scores": scores, "floor": floor,
                  "notes": [phrase(HALVES, floor=floor)]}  # fmt: skip
        return [Result(f"discriminative[{len(fake)}]", float(np.mean(scores)), protocol, detail)]


def told(real: np.ndarray, fake: np.ndarray, steps: int, draws: np.random.Generator) -> float:
    """|accuracy − ½| on the fifth of either side that a GRU did not see."""
    m = min(len(real), len(fake))
    sides = [torch.from_numpy(x[draws.permutation(len(x))[:m]]) for x in (real, fake)]
    cut = int(0.8 * m)
    with torch.random.fork_rng(), torch.enable_grad():
        torch.manual_seed(int(draws.integers(2**31)))  # of the first weights
        net = Reader(real.shape[2], real.shape[2] // 2, every_step=False)
        _fit(net, lambda: _pairs(sides, cut, draws), binary_cross_entropy_with_logits, steps)
    with torch.no_grad():
        right = [((net(side[cut:]) > 0) == bool(k == 0)).float().mean().tolist() for k, side in enumerate(sides)]
    return abs(sum(right) / 2 - 0.5)


def _pairs(sides: list[Tensor], cut: int, draws: np.random.Generator) -> tuple[Tensor, Tensor]:
    rows = [side[torch.from_numpy(draws.integers(cut, size=min(BATCH, cut)))] for side in sides]
    return torch.cat(rows), torch.cat([torch.ones(len(rows[0])), torch.zeros(len(rows[1]))])


class Predictive(_Trained, kind="predictive"):
    """TimeGAN's predictive score: the error on real windows of a GRU trained on generated ones, of one trained on
    real ones, and of the last value as a forecast."""

    values: ClassVar[Mapping[str, Meaning]] = {
        "predictive": Meaning("MAE on real windows of a net that learned from generated ones.", "lower"),
        "predictive_of_real": Meaning("The same of a net that learned from real windows."),
        "predictive_of_last": Meaning("The same of the last value as the forecast."),
    }
    steps: int = Field(default=5_000, ge=1)
    """Steps of training; 5,000 in the paper's code."""
    repeats: int = Field(default=1, ge=1)
    """Trainings whose mean is taken; 10 in papers."""

    def compute(self, comparison: Comparison) -> list[Result]:
        real, fake = scaled(comparison, "real"), scaled(comparison, "fake", self.n)
        protocol = comparison.protocol(self.n) | {"steps": self.steps, "repeats": self.repeats, "net": "GRU d/2"}
        results = []
        for name, train in (("predictive", fake), ("predictive_of_real", real)):
            scores = [predicted(train, real, self.steps, self.generator(comparison, k)) for k in range(self.repeats)]
            detail = {"sd": float(np.std(scores)), "scores": scores}
            results.append(Result(f"{name}[{len(fake)}]", float(np.mean(scores)), protocol, detail))
        last = float(np.abs(np.diff(real[:, :, -1], axis=1)).mean())
        return [*results, Result(f"predictive_of_last[{len(fake)}]", last, protocol)]


def predicted(train: np.ndarray, test: np.ndarray, steps: int, draws: np.random.Generator) -> float:
    """MAE on `test` of the next value of the last channel; of one channel from itself."""

    def sides(x: np.ndarray) -> tuple[Tensor, Tensor]:
        seen = x[:, :-1, :-1] if x.shape[2] > 1 else x[:, :-1]
        return torch.from_numpy(np.ascontiguousarray(seen)), torch.from_numpy(np.ascontiguousarray(x[:, 1:, -1]))

    seen, wanted = sides(train)
    with torch.random.fork_rng(), torch.enable_grad():
        torch.manual_seed(int(draws.integers(2**31)))
        net = nn.Sequential(Reader(seen.shape[2], train.shape[2] // 2, every_step=True), nn.Sigmoid())

        def batch() -> tuple[Tensor, Tensor]:
            rows = torch.from_numpy(draws.integers(len(seen), size=BATCH))
            return seen[rows], wanted[rows]

        _fit(net, batch, l1_loss, steps)
    with torch.no_grad():
        x, y = sides(test)
        return float(np.abs((net(x) - y).numpy()).mean())


def _fit(net: nn.Module, batch, loss, steps: int) -> None:
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)
    for _ in range(steps):
        x, y = batch()
        gradients = torch.autograd.grad(loss(net(x), y), list(net.parameters()))
        for parameter, gradient in zip(net.parameters(), gradients, strict=True):
            parameter.grad = gradient
        optimizer.step()
