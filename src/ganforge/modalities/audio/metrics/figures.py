"""How near generated sounds are to real ones: by a classifier of their labels, by their features, loudness and spectra.

    as_asked      share of sounds that the classifier takes for the label they were asked to be
    fd_labels     Fréchet distance of the classifier's features
    label_score   exp( mean KL(p(y|x) ‖ p(y)) ) of the classifier, over all samples               Salimans et al. 2016
    two_sample    accuracy of the nearest neighbor in telling real from generated, MFCC features  Lopez-Paz & Oquab 2017
    loudness      mean distance of the sorted RMS levels in dB
    spectrum      mean |Δ| in dB of the long-term average spectra
    near_duplicates  share nearer to a training sound, by MFCC and dynamic time warping, than 95 % of unseen ones

Every value has its floor in `detail`: the same for real sounds against real ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from ganforge.core.errors import UserError
from ganforge.core.language import phrase
from ganforge.metrics.base import Comparison, Meaning, Metric, Result, short_count
from ganforge.metrics.frechet import frechet_distance
from ganforge.metrics.inception_score import inception_scores
from ganforge.metrics.statistics import moments
from ganforge.modalities.audio.extractors.fit import STEPS, answers
from ganforge.modalities.audio.melspec import mono, powers
from ganforge.modalities.audio.metrics.classifier import classifier, spectra
from ganforge.modalities.audio.metrics.dtw import nearest_by_warping
from ganforge.modalities.audio.metrics.mfcc import raw_features

FEWEST = 10
SOME = 500  # samples of each side for the nearest neighbors
WARPED = 100  # generated samples whose nearest training sound is looked for
SHARE = 0.05
QUIETEST = -80.0


def levels(x: np.ndarray) -> np.ndarray:
    """RMS of sounds [N, T] in dB of full scale, at least -80."""
    return np.maximum(20 * np.log10(np.sqrt(np.square(mono(x), dtype=np.float64).mean(1)) + 1e-12), QUIETEST)


def loudness_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Wasserstein-1 of the levels of two sets, in dB."""
    places = np.linspace(0, 1, 101)
    return float(np.abs(np.quantile(levels(a), places) - np.quantile(levels(b), places)).mean())


def spectrum(x: np.ndarray) -> np.ndarray:
    """The long-term average spectrum of sounds [N, T] in dB, [bins]: at least 80 dB below its loudest bin."""
    found = 10 * np.log10(powers(mono(x)).mean((0, 1)) + 1e-20)
    return np.maximum(found, found.max() + QUIETEST)


def spectrum_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Mean distance of the average spectra, in dB."""
    return float(np.abs(spectrum(a) - spectrum(b)).mean())


def two_sample(a: np.ndarray, b: np.ndarray) -> float:
    """Accuracy of a nearest neighbor, left one out, in telling two sets apart: 0.5 where they are alike."""
    n = min(len(a), len(b), SOME)
    both = np.concatenate([raw_features(a[:n]), raw_features(b[:n])])
    both = both / np.maximum(both[:n].std(0), 1e-6)
    square = np.square(both).sum(1)
    distance = square[:, None] + square - 2 * both @ both.T
    np.fill_diagonal(distance, np.inf)
    side = np.arange(2 * n) < n
    return float((side[distance.argmin(1)] == side).mean())


FIGURES = {"two_sample": two_sample, "loudness": loudness_distance, "spectrum_db": spectrum_distance}


class SoundFigures(Metric, kind="sound"):
    """Whether sounds are told from real ones, how loud they are, their average spectrum, and copies."""

    signals: ClassVar[tuple[str, ...]] = ("audio",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "two_sample": Meaning("How often a nearest neighbor tells generated sounds from real ones.", "near", 0.5),
        "loudness": Meaning("How far the levels of the sounds differ, in dB.", "lower", 0.0),
        "spectrum_db": Meaning("How far the average spectra differ, in dB.", "lower", 0.0),
        "near_duplicates": Meaning(
            "Share of sounds nearer to one of the training than 95 % of unseen ones are.", "near", SHARE
        ),
    }

    def compute(self, comparison: Comparison) -> list[Result]:
        real, fake = comparison.samples("real"), comparison.samples("fake", self.n)
        for side, x in ((comparison.real, real), (comparison.fake, fake)):
            if len(x) < FEWEST:
                raise UserError(
                    f"{side.name}: {len(x)} sounds are too few; at least {FEWEST} are needed",
                    code="metric.too_few_samples",
                )
        rng = comparison.draws("sound halves")
        real, fake = real[rng.permutation(len(real))], fake[rng.permutation(len(fake))]
        half = len(real) // 2
        protocol, found = comparison.protocol(self.n), []
        for name, figure in FIGURES.items():
            floor = figure(real[:half], real[half:])
            detail = {
                "floor": floor,
                "notes": [phrase("two random halves of the real sounds: {floor:.4g}", floor=floor)],
            }
            found.append(Result(f"{name}{short_count(len(fake))}", figure(real, fake), protocol, detail))
        if comparison.heldout is not None:
            found.append(self._copies(comparison, fake, protocol))
        return found

    def _copies(self, comparison: Comparison, fake: np.ndarray, protocol: dict[str, Any]) -> Result:
        train = comparison.samples("train")[: 10 * SOME]
        unseen, made = comparison.samples("heldout")[:WARPED], fake[:WARPED]
        by_chance, _ = nearest_by_warping(unseen, train)
        distance, place = nearest_by_warping(made, train)
        least = float(np.quantile(by_chance, SHARE))
        share = float((distance < least).mean())
        # Standard error of the fraction, from sampling of both sides.
        error = (SHARE * (1 - SHARE) * (1 / len(made) + 1 / len(unseen))) ** 0.5
        order = np.argsort(distance)[:5]
        nearest = [{"sample": int(k), "train": int(place[k]), "distance": float(distance[k])} for k in order]
        detail = {
            "floor": SHARE,
            "copying": share > SHARE + 3 * error and share > 2 * SHARE,
            "nearest": nearest,
            "median": float(np.median(distance)),
            "median_unseen": float(np.median(by_chance)),
        }
        return Result(f"near_duplicates{short_count(len(made))}", share, protocol | {"n_train": len(train)}, detail)


class SoundLabels(Metric, kind="sound_labels"):
    """Whether sounds are of the label asked for, by a small classifier that is trained on the real ones."""

    needs: ClassVar[frozenset[str]] = frozenset({"labels"})
    signals: ClassVar[tuple[str, ...]] = ("audio",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "as_asked": Meaning("Share of sounds that a classifier takes for the label asked for.", "higher", 1.0),
        "fd_labels": Meaning("Fréchet distance in the features of that classifier.", "lower", 0.0),
        "label_score": Meaning("Whether each sound is clearly of one label, and all occur.", "higher"),
    }

    steps: int = Field(default=STEPS, ge=1)
    """Training steps of the classifier, batches of 64."""

    def compute(self, comparison: Comparison) -> list[Result]:
        net, accuracy, digest, other_groups = classifier(comparison, self.steps)
        n = comparison.count("fake", self.n)
        seen = {
            side: answers(net, spectra(comparison.samples(side, n if side == "fake" else None)))
            for side in ("real", "fake")
        }
        labels = comparison.labels("fake", n)
        right = float((seen["fake"][1].argmax(1).numpy() == labels).mean())
        features = {side: f.numpy() for side, (f, _) in seen.items()}
        order = comparison.draws("sound halves").permutation(len(features["real"]))
        one, two = (moments(features["real"][rows]) for rows in np.array_split(order, 2))
        protocol = comparison.protocol(n) | {"classifier": digest[:16]}
        scores = {side: float(inception_scores(p.numpy(), 1)[0]) for side, (_, p) in seen.items()}
        distance = frechet_distance(moments(features["real"]), moments(features["fake"]))
        halves = frechet_distance(one, two)
        notes = {
            "fd_labels": phrase("two random halves of the real sounds: {floor:.4g}", floor=halves),
            "label_score": phrase("of the real sounds: {score:.4g}", score=scores["real"]),
        }
        end = short_count(n)
        names = comparison.classes or tuple(map(str, range(int(labels.max()) + 1)))
        each = {
            names[k]: float((seen["fake"][1].argmax(1).numpy()[labels == k] == k).mean()) for k in np.unique(labels)
        }
        asked = {"floor": accuracy, "per_class": each, "notes": []}
        if accuracy != other_groups:  # else the second note says it
            asked["notes"].append(phrase("accuracy on unseen real sounds: {accuracy:.1%}", accuracy=accuracy))
        if other_groups is not None:
            asked["other_groups"] = other_groups
            asked["notes"].append(
                phrase(
                    "accuracy on real sounds of speakers or other groups that it was not trained on: {accuracy:.1%}",
                    accuracy=other_groups,
                )
            )
        return [
            Result(f"as_asked{end}", right, protocol, asked),
            Result(f"fd_labels{end}", distance, protocol,
                   {"floor": halves, "notes": [notes["fd_labels"]]}),
            Result(f"label_score{end}", scores["fake"], protocol,
                   {"floor": scores["real"], "notes": [notes["label_score"]]}),
        ]  # fmt: skip
