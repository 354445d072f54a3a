"""Which classes the fakes are of, by a classifier that knows those of the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ganforge.metrics.base import Comparison


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
