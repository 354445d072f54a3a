"""Inception score: how confidently a classifier classifies each sample, and how evenly the classes occur.

Salimans et al. 2016, "Improved Techniques for Training GANs":

    IS = exp( mean over x of KL( p(y|x) ‖ p(y) ) ),    p(y) = mean over x of p(y|x)

The samples are randomly split into equal parts; the score is the mean over the parts. 1 is the worst, K the best.

K: classes, p [N, K].
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from pydantic import Field

from ganforge.core.errors import UserError
from ganforge.core.language import phrase
from ganforge.metrics.base import Comparison, Meaning, Metric, Result, short_count
from ganforge.metrics.statistics import relative_entropy


def inception_scores(probabilities: np.ndarray, splits: int) -> np.ndarray:
    """The score of each of `splits` consecutive parts of p [N, K]; float64 [splits]."""
    p = probabilities.astype(np.float64, copy=False)
    parts = np.array_split(p, splits)
    return np.array([np.exp(relative_entropy(part, part.mean(0)).mean()) for part in parts])


class InceptionScore(Metric, kind="is"):
    """Inception score: clear samples of many classes, according to the extractor's classifier."""

    needs: ClassVar[frozenset[str]] = frozenset({"probabilities"})
    signals: ClassVar[tuple[str, ...]] = ("*",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "is": Meaning(
            "Whether each sample clearly belongs to a class, and all classes occur. It does not use reals.", "higher"
        ),
    }
    splits: int = Field(default=10, ge=1)
    """Number of parts that the samples are split into."""

    def compute(self, comparison: Comparison) -> list[Result]:
        n = comparison.count("fake", self.n)
        p = comparison.probabilities("fake", n)
        if n < self.splits:
            raise UserError(
                f"metric 'is': {n} samples cannot be split into {self.splits} parts; set fewer splits",
                code="metric.too_few_samples",
            )
        scores = inception_scores(p[comparison.draws("is").permutation(n)], self.splits)
        protocol = comparison.protocol(n, features=True) | {"splits": self.splits, "classes": p.shape[1]}
        detail: dict[str, object] = {"sd": float(scores.std())}
        if n < 10 * self.splits * p.shape[1]:
            detail["notes"] = [
                phrase(
                    "{n:,} samples per part for {classes:,} classes: the score is too low",
                    n=n // self.splits,
                    classes=p.shape[1],
                )
            ]
        return [Result(f"is{short_count(n)}[{comparison.encoder.tag}]", float(scores.mean()), protocol, detail)]
