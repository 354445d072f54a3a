"""How good predicted classes are: accuracy, confusion, and whether probabilities are what they say.

calibration error   Σ_b n_b / N · |accuracy_b − mean probability_b|     Guo et al. 2017, over 15 bins b of equal
                                                                        width of the probability of the class
                                                                        predicted
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

BINS = 15
LOWEST, HIGHEST = 0.02, 50.0  # temperatures


@dataclass(frozen=True)
class Quality:
    """Predictions beside the truth.

    Attributes:
        n: number of samples.
        accuracy: share of samples whose class is predicted. per_class: the same of each class; NaN without samples.
        confusion: [K][K], share of the samples of class i that are predicted as class j.
        calibration_error: mean difference of probability and accuracy; uncalibrated_error: without a temperature.
        log_loss: mean −log p(y), in nats.
        bins: (mean probability, accuracy, number of samples) of each bin with samples.
    """

    n: int
    accuracy: float
    per_class: dict[str, float]
    confusion: list[list[float]]
    calibration_error: float
    log_loss: float
    bins: list[tuple[float, float, int]]
    uncalibrated_error: float = math.nan

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Quality:
        """From JSON; raises TypeError or KeyError for another form."""
        return cls(**{**plain, "bins": [tuple(one) for one in plain["bins"]]})


def quality(p: np.ndarray, y: np.ndarray, names: Sequence[str]) -> Quality:
    """The quality of probabilities p [N, K] for classes y int64 [N]."""
    predicted, top = p.argmax(1), p.max(1)
    counts = np.zeros((len(names), len(names)))
    np.add.at(counts, (y, predicted), 1)
    each = counts.sum(1)
    shares = counts / np.maximum(each, 1)[:, None]
    right = predicted == y
    place = np.minimum((top * BINS).astype(int), BINS - 1)
    bins = [
        (float(top[place == b].mean()), float(right[place == b].mean()), int((place == b).sum()))
        for b in range(BINS)
        if (place == b).any()
    ]
    return Quality(
        n=len(y),
        accuracy=float(right.mean()),
        per_class={name: float(shares[k, k]) if each[k] else math.nan for k, name in enumerate(names)},
        confusion=shares.tolist(),
        calibration_error=sum(n * abs(said - found) for said, found, n in bins) / len(y),
        log_loss=float(-np.log(np.maximum(p[np.arange(len(y)), y], 1e-300)).mean()),
        bins=bins,
    )


def probabilities_of(logits: np.ndarray, temperature: float) -> np.ndarray:
    """softmax(l / T) of logits [N, K]."""
    scaled = logits / temperature
    e = np.exp(scaled - scaled.max(1, keepdims=True, initial=-np.inf))
    return e / e.sum(1, keepdims=True)


def fitted_temperature(logits: np.ndarray, y: np.ndarray) -> float:
    """The temperature that minimizes −log p(y), in [0.02, 50]; the loss is convex in 1/T, so halving finds it."""

    def slope(b: float) -> float:
        """d/db of the mean of −log softmax(b l)[y], b = 1/T."""
        p = probabilities_of(logits, 1 / b)
        return float(((p * logits).sum(1) - logits[np.arange(len(y)), y]).mean())

    low, high = 1 / HIGHEST, 1 / LOWEST
    for _ in range(60):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if slope(middle) < 0 else (low, middle)
    return 1 / math.sqrt(low * high)
