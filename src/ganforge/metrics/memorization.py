"""Whether the generator creates new samples or memorizes training samples.

`nn`, after Meehan, Chaudhuri & Dasgupta 2020, "A Non-Parametric Test to Detect Data-Copying in Generative Models":
d(x) is the distance in features from x to the nearest training sample. Held-out real samples are the reference. Without
them, each training sample is compared with the others (leave-one-out), which is equivalent except for duplicates in the
data.

    copies = fraction of generated samples with d below the 1 % quantile of held-out ones: 0.01 without memorization
    closer = P(d of a generated sample < d of a held-out one), ties count half: 0.5 without memorization

`mfd`, after Bai et al. 2021, "On Training Sample Memorization: Lessons from Benchmarking Generative Modeling with a
Large-scale Competition" (there MiFID): the Fréchet distance, divided by s if s is below a threshold:

    s = mean over generated x of the smallest cosine distance 1 − |cos(f(x), f(t))| to a training sample t
    MFD = FD / s  if s < threshold,  else FD; at most 1000 · FD / threshold, the value of exact copies

Cosine distances depend on the extractor, so by default the threshold is s of held-out samples, and FD is multiplied by
threshold / s: for a model whose samples are no closer than these, MFD equals FD.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from ganforge.core.errors import UserError
from ganforge.core.language import phrase
from ganforge.metrics.base import Comparison, Meaning, Metric, Result, short_count
from ganforge.metrics.frechet import frechet_distance, notes_on_size
from ganforge.metrics.neighbors import nearest

FLOOR = 1e-3  # relative to the threshold: smaller cosine distances count as this
SHOWN = 16  # pairs of a sample and its nearest training sample that are listed in the result
MAX_HELD_OUT = 10_000  # maximum number of evenly spaced training samples for leave-one-out
STANDARD_ERRORS = 3.0  # standard errors above the expectation from which on it is reported as copying


class NearestNeighbors(Metric, kind="nn"):
    """Memorization: the fraction of generated samples closer to a training sample than held-out real samples usually
    are."""

    needs: ClassVar[frozenset[str]] = frozenset({"features"})
    signals: ClassVar[tuple[str, ...]] = ("*",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "copies": Meaning(
            "Fraction of fakes closer to a training sample than 99 % of held-out reals.", "at most", 0.01
        ),
        "closer": Meaning("How often a fake is closer to a training sample than a held-out real.", "at most", 0.5),
    }
    quantile: float = Field(default=0.01, gt=0, lt=0.5)
    """A sample counts as a copy if its distance is below this quantile of the held-out samples."""

    def meaning_of(self, name: str) -> Meaning:
        meaning = super().meaning_of(name)
        return replace(meaning, ideal=self.quantile) if meaning is self.values["copies"] else meaning

    def compute(self, comparison: Comparison) -> list[Result]:
        n = comparison.count("fake", self.n)
        distance, place = _to_train(comparison, "fake", n)
        chance, yardstick = _by_chance(comparison)
        least = float(np.quantile(chance, self.quantile))
        copies = float((distance <= least).mean()) if least == 0 else float((distance < least).mean())
        closer = _closer(distance, chance)
        # Standard error of the fraction, from sampling of both sides.
        error = math.sqrt(self.quantile * (1 - self.quantile) * (1 / n + 1 / len(chance)))
        copied = copies > self.quantile + STANDARD_ERRORS * error and copies > 2 * self.quantile
        tag = comparison.encoder.tag
        order = np.argsort(distance, kind="stable")[:SHOWN]
        protocol = comparison.protocol(n, features=True) | {
            "train": comparison.train.name,
            "n_train": comparison.train.n,
            "yardstick": yardstick,
            "n_yardstick": len(chance),
            "quantile": self.quantile,
        }
        detail: dict[str, Any] = {
            "verdict": "copies training samples" if copied else "no sign of copying",
            "copying": copied,
            "by_chance": self.quantile,
            "median_distance": float(np.median(distance)),
            "median_distance_held_out": float(np.median(chance)),
            "neighbors": [
                {"sample": int(k), "train": int(place[k]), "distance": float(distance[k])} for k in order.tolist()
            ],
        }
        if least == 0:
            detail["notes"] = [
                phrase("more than this quantile of the held-out reals are duplicates of training samples")
            ]
        end = f"{short_count(n)}[{tag}]"
        return [
            Result(f"copies{end}", copies, protocol, detail),
            Result(f"closer{end}", closer, protocol, {"by_chance": 0.5}),
        ]


class MemorizationDistance(Metric, kind="mfd"):
    """Fréchet distance with a penalty for samples closer to training samples than held-out ones are (MiFID)."""

    needs: ClassVar[frozenset[str]] = frozenset({"moments", "features"})
    signals: ClassVar[tuple[str, ...]] = ("*",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "mfd": Meaning("Like fd, with a penalty for fakes that are close to training samples.", "lower", 0),
    }
    threshold: float | None = Field(default=None, gt=0, le=1)
    """If the mean cosine distance s is below this, the distance is multiplied by 1 / s, as in the paper (0.1 there). By
    default s of held-out samples, with the factor threshold / s."""

    def compute(self, comparison: Comparison) -> list[Result]:
        n = comparison.count("fake", self.n)
        real, fake = comparison.moments("real"), comparison.moments("fake", n)
        fd = frechet_distance(real, fake)
        s = self._nearness(comparison, "fake", n)
        if self.threshold is not None:
            threshold, yardstick = self.threshold, "the paper's rule"
            penalty = 1 / max(s, FLOOR * threshold) if s < threshold else 1.0
        else:
            side, yardstick = ("heldout", "held-out") if comparison.heldout is not None else ("train", "leave-one-out")
            threshold = self._nearness(comparison, side, comparison.side(side).n)
            penalty = max(1.0, threshold / max(s, FLOOR * threshold)) if threshold else 1.0
        protocol = comparison.protocol(n, features=True) | {
            "train": comparison.train.name,
            "n_train": comparison.train.n,
            "threshold": threshold,
            "yardstick": yardstick,
        }
        notes = notes_on_size(comparison.encoder.dim, n_real=real.n, n_fake=n)
        detail = {"fd": fd, "cosine_distance": s, "penalty": penalty} | ({"notes": notes} if notes else {})
        return [Result(f"mfd{short_count(n)}[{comparison.encoder.tag}]", fd * penalty, protocol, detail)]

    def _nearness(self, comparison: Comparison, name: str, n: int) -> float:
        def progress(done: int, total: int) -> None:
            comparison.progress("nearest training samples", done, total)

        def compute() -> float:
            same = comparison.side(name) is comparison.train
            points, train = comparison.features(name, n), comparison.features("train")
            return cosine_nearness(points, train, comparison, progress, same=same)

        return comparison.once(("cosine", id(comparison.side(name)), n), compute)


def cosine_nearness(
    points: np.ndarray, train: np.ndarray, comparison: Comparison, progress: Any, *, same: bool
) -> float:
    """s: the mean over points [N, D] of the smallest 1 − |cos| to a training sample [M, D]."""
    x, t = _unit(points), _unit(train)
    # ‖a − b‖² = 2 − 2 cos for unit vectors, and |cos| is the cosine to t or to −t, whichever is nearer.
    plus, _ = nearest(x, t, comparison.device, progress, same=same)
    minus, _ = nearest(x, -t, comparison.device, progress, same=same)
    return float((np.minimum(plus, minus) ** 2 / 2).mean())


def _unit(x: np.ndarray) -> np.ndarray:
    x = x.astype(np.float64)
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-30)


def _to_train(comparison: Comparison, name: str, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Distances and positions of the training samples nearest to the first n of a side."""
    if comparison.train.n < 2:
        raise UserError(
            f"{comparison.train.name}: {comparison.train.n} training samples, but at least 2 are needed",
            code="metric.too_few_samples",
        )

    def compute() -> tuple[np.ndarray, np.ndarray]:
        points, train = comparison.features(name, n), comparison.features("train")
        return nearest(points, train, comparison.device, _progress(comparison))

    return comparison.once(("to train", name, n), compute)


def _by_chance(comparison: Comparison) -> tuple[np.ndarray, str]:
    """Reference distances: from real samples outside of the training set to the nearest training sample; and the name
    of these samples."""
    if comparison.heldout is not None:
        return _to_train(comparison, "heldout", comparison.heldout.n)[0], "held-out"

    def compute() -> np.ndarray:
        train, n = comparison.features("train"), comparison.train.n
        left_out = np.linspace(0, n - 1, min(n, MAX_HELD_OUT)).round().astype(np.int64)
        order = np.concatenate([left_out, np.setdiff1d(np.arange(n), left_out)])  # sample k of both sides is the same
        return nearest(train[left_out], train[order], comparison.device, _progress(comparison), same=True)[0]

    return comparison.once(("by chance",), compute), "leave-one-out"


def _progress(comparison: Comparison) -> Callable[[int, int], None]:
    return lambda done, total: comparison.progress("nearest training samples", done, total)


def _closer(distance: np.ndarray, chance: np.ndarray) -> float:
    """P(a < b) + ½ P(a = b) for a in `distance` and b in `chance`: the Mann-Whitney U divided by the number of
    pairs."""
    ordered = np.sort(chance)
    below, up_to = (np.searchsorted(ordered, distance, side) for side in ("left", "right"))
    return float((len(chance) - (below + up_to) / 2).mean() / len(chance))
