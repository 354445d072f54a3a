"""What a small net can tell or learn of generated windows, by TimeGAN's protocol.

    discriminative  |accuracy − ½| of a GRU that tells real from generated                    Yoon et al. 2019, TimeGAN
    predictive      MAE of a GRU trained on generated, tested on real windows: channels 0..d−2 → next value of the last

GRU of ⌊d/2⌋ units with tanh, Adam 1e-3, batch 128; 2,000 steps and 80/20 random split; 5,000 steps, tested on all real
windows. One unit where ⌊d/2⌋ is 0, at which the published code fails. The random split has windows that overlap on both
sides; that is its protocol.

N: windows, T: steps, d: channels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, l1_loss

from ganforge.core.language import phrase
from ganforge.metrics.base import Comparison, Meaning, Metric, Result
from ganforge.modalities.series.metrics import HALVES, scaled
from ganforge.modalities.series.readers import Readers, fit

BATCH = 128
PART = 1_024  # windows that are tested at once
Progress = Callable[[int, int], None]


class _Trained(Metric):
    """A metric that trains a small net a few times."""

    signals: ClassVar[tuple[str, ...]] = ("series",)

    steps: int
    repeats: int

    def generators(self, comparison: Comparison) -> list[np.random.Generator]:
        """One for each training."""
        return [comparison.draws(f"{self.kind} {k}") for k in range(self.repeats)]


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
        said = partial(comparison.progress, "telling generated windows from real ones")
        scores = told(real, fake, self.steps, self.generators(comparison), said)
        order = comparison.draws("discriminative floor").permutation(len(real))
        half = len(real) // 2
        [floor] = told(real[order[:half]], real[order[half:]], self.steps, self.generators(comparison)[:1], said)
        protocol = comparison.protocol(self.n) | {"steps": self.steps, "repeats": self.repeats, "net": "GRU d/2"}
        detail = {"sd": float(np.std(scores)), "scores": scores, "floor": floor,
                  "notes": [phrase(HALVES, floor=floor)]}  # fmt: skip
        return [Result(f"discriminative[{len(fake)}]", float(np.mean(scores)), protocol, detail)]


def told(
    real: np.ndarray, fake: np.ndarray, steps: int, draws: Sequence[np.random.Generator], progress: Progress
) -> list[float]:
    """|accuracy − ½| on the fifth of either side that a GRU did not see, of one GRU for each of `draws`."""
    m = min(len(real), len(fake))
    cut = int(0.8 * m)
    sides = [[torch.from_numpy(x[one.permutation(len(x))[:m]]) for x in (real, fake)] for one in draws]
    answers = torch.cat([torch.ones(min(BATCH, cut)), torch.zeros(min(BATCH, cut))])

    def batch(k: int) -> tuple[Tensor, Tensor]:
        rows = [side[torch.from_numpy(draws[k].integers(cut, size=min(BATCH, cut)))] for side in sides[k]]
        return torch.cat(rows), answers

    nets = Readers(real.shape[2], real.shape[2] // 2, False, [int(one.integers(2**31)) for one in draws])
    fit(nets, batch, binary_cross_entropy_with_logits, steps, progress)
    with torch.no_grad():
        right = [(nets(torch.stack([pair[place][cut:] for pair in sides])) > 0) == bool(place == 0) for place in (0, 1)]
    return [abs(float(share) - 0.5) for share in torch.cat(right, 1).double().mean(1)]


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
            said = partial(comparison.progress, "learning to predict windows")
            scores = predicted(train, real, self.steps, self.generators(comparison), said)
            detail = {"sd": float(np.std(scores)), "scores": scores}
            results.append(Result(f"{name}[{len(fake)}]", float(np.mean(scores)), protocol, detail))
        last = float(np.abs(np.diff(real[:, :, -1], axis=1)).mean())
        return [*results, Result(f"predictive_of_last[{len(fake)}]", last, protocol)]


def predicted(
    train: np.ndarray, test: np.ndarray, steps: int, draws: Sequence[np.random.Generator], progress: Progress
) -> list[float]:
    """MAE on `test` of the next value of the last channel (of a single one from itself), for each GRU of `draws`."""

    def sides(x: np.ndarray) -> tuple[Tensor, Tensor]:
        seen = x[:, :-1, :-1] if x.shape[2] > 1 else x[:, :-1]
        return torch.from_numpy(np.ascontiguousarray(seen)), torch.from_numpy(np.ascontiguousarray(x[:, 1:, -1]))

    seen, wanted = sides(train)

    def batch(k: int) -> tuple[Tensor, Tensor]:
        rows = torch.from_numpy(draws[k].integers(len(seen), size=BATCH))
        return seen[rows], wanted[rows]

    def error(scores: Tensor, y: Tensor) -> Tensor:
        return l1_loss(scores.sigmoid(), y)

    nets = Readers(seen.shape[2], train.shape[2] // 2, True, [int(one.integers(2**31)) for one in draws])
    fit(nets, batch, error, steps, progress)
    x, y = sides(test)
    gaps = torch.zeros(len(draws), dtype=torch.float64)
    with torch.no_grad():
        for rows, truth in zip(x.split(PART), y.split(PART), strict=True):
            gaps += (nets(rows.expand(len(draws), -1, -1, -1)).sigmoid() - truth).abs().double().sum((1, 2))
    return (gaps / y.numel()).tolist()
