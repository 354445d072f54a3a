"""How pictures differ to the eye, before any net looks: brightness, contrast, colour; and which classes they are of.

Everything is told against how much real pictures differ among themselves, so that one threshold serves all data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ganforge.metrics.base import Comparison

LOOKED_AT = 2_000


@dataclass(frozen=True)
class Look:
    """What pictures of two sides look like.

    Attributes:
        brightness: mean level of the fakes less that of the reals, in standard deviations of the reals' mean levels.
        contrast: standard deviation of a fake's levels over that of a real's, both as medians.
        colour: by channel, the difference of its mean level less that of brightness, in levels of 255.
    """

    brightness: float
    contrast: float
    colour: Mapping[str, float]


def look(real: np.ndarray, fake: np.ndarray) -> Look:
    """Of pictures uint8 [N, H, W, C] and [M, H, W, C]."""
    means = [x.astype(np.float64).mean((1, 2)) for x in (real[..., :3], fake[..., :3])]  # [N, C]
    levels = [mean.mean(1) for mean in means]
    contrasts = [x[..., :3].astype(np.float64).std((1, 2)).mean(1) for x in (real, fake)]
    shift = means[1].mean(0) - means[0].mean(0)
    names = "RGB" if shift.size == 3 else ("grey",)
    return Look(
        brightness=float((levels[1].mean() - levels[0].mean()) / max(levels[0].std(), 1e-6)),
        contrast=float(np.median(contrasts[1]) / max(np.median(contrasts[0]), 1e-6)),
        colour={name: float(shift[k] - shift.mean()) for k, name in enumerate(names)},
    )


@dataclass(frozen=True)
class Classes:
    """What a classifier that knows the data's classes sees in the fakes.

    Attributes:
        real, fake: share of each class among the reals (by their labels) and the fakes (by the classifier).
        obeyed: by class, the share of fakes that were asked to be of it and are; None without labels.
    """

    real: Mapping[str, float]
    fake: Mapping[str, float]
    obeyed: Mapping[str, float] | None


def classes_of(comparison: Comparison) -> Classes | None:
    """None where nobody knows classes, or the classifier's are others than the data's."""
    if not comparison.has_encoder or not comparison.encoder.trained_on_data or comparison.real.labels is None:
        return None
    names: Sequence[str] = comparison.classes
    if len(names) < 2 or tuple(comparison.encoder.classes) != tuple(names):
        return None
    seen = comparison.probabilities("fake").argmax(1)
    asked = comparison.fake.labels
    obeyed = None
    if asked is not None:
        obeyed = {name: float((seen[asked == k] == k).mean()) for k, name in enumerate(names) if (asked == k).any()}
    return Classes(shares(comparison.real.labels, names), shares(seen, names), obeyed)


def shares(labels: np.ndarray, names: Sequence[str]) -> dict[str, float]:
    counts = np.bincount(labels, minlength=len(names))
    return {name: float(counts[k] / len(labels)) for k, name in enumerate(names)}
