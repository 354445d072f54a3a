"""Can a classifier tell generated rows from real ones?

Lopez-Paz & Oquab 2017, "Revisiting Classifier Two-Sample Tests", with the area under the ROC curve for accuracy:

    AUC = P(score of a real row > score of a generated one), of rows that the classifier has not seen

0.5: it can only guess. 1: it is always right. Gradient boosting (scikit-learn's histogram trees with their defaults) on
as many rows of one side as of the other, each row judged by the one of `folds` classifiers that did not learn from it.
What gives the rows away, column by column: how much of the AUC is lost where the column's values are shuffled.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from ganforge.core.errors import UserError
from ganforge.metrics.base import Comparison, Meaning, Metric, Result
from ganforge.modalities.table.metrics.design import auc, for_trees, picked, spread_over
from ganforge.modalities.table.metrics.frames import columns_of, frame_of, stamped

FEWEST = 30  # rows of each side
SHUFFLED = 2_000  # rows in which columns are shuffled


class Detection(Metric, kind="detection"):
    """Whether gradient boosting tells generated rows from real ones: the area under its ROC curve, cross-validated."""

    signals: ClassVar[tuple[str, ...]] = ("table",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "detection": Meaning(
            "How well a classifier separates generated rows from real ones: ½ is chance, 1 is perfect.", "near", 0.5
        ),
    }
    most: int = Field(default=10_000, ge=FEWEST)
    """Rows of each side that are looked at, at most."""
    folds: int = Field(default=3, ge=2)
    """Parts that the rows are split into; each is scored by a classifier trained on the others."""

    def compute(self, comparison: Comparison) -> list[Result]:
        columns = columns_of(comparison)
        real, fake = frame_of(comparison, "real"), frame_of(comparison, "fake", self.n)
        m = min(len(real), len(fake), self.most)
        if m < FEWEST:
            raise UserError(
                f"metric 'detection' needs at least {FEWEST} rows of each side, but there are {m}",
                code="metric.too_few_samples",
            )
        sides = [side.iloc[spread_over(len(side), m)] for side in (real, fake)]
        x = np.concatenate([for_trees(columns, real, side) for side in sides])
        y = np.repeat([1, 0], m)
        areas, lost = self._told_apart(x, y, picked(columns, real), comparison)
        given_away = {column.name: float(drop) for column, drop in zip(columns, lost, strict=True)}
        detail: dict[str, Any] = {"sd": float(np.std(areas)), "per_column": given_away}
        protocol = {"classifier": "HistGradientBoosting", "folds": self.folds, "n_each": m}
        return [
            stamped(
                comparison, self.n, "detection", float(np.mean(areas)), "boosting", protocol=protocol, detail=detail
            )
        ]

    def _told_apart(
        self, x: np.ndarray, y: np.ndarray, categorical: Any, comparison: Comparison
    ) -> tuple[list[float], np.ndarray]:
        """The AUC of each fold, and what the shuffling of each column takes from that of the last one, [C]."""
        from sklearn.ensemble import HistGradientBoostingClassifier
        from sklearn.model_selection import StratifiedKFold

        draws = comparison.draws("detection")
        seed = int(draws.integers(2**31))
        areas, lost = [], np.zeros(x.shape[1])
        parts = list(StratifiedKFold(self.folds, shuffle=True, random_state=seed).split(x, y))
        for k, (train, test) in enumerate(parts):
            comparison.progress("telling generated rows from real ones", k, self.folds)
            model = HistGradientBoostingClassifier(categorical_features=categorical, random_state=seed)
            model.fit(x[train], y[train])
            areas.append(area(model, x[test], y[test]))
            if k == self.folds - 1:
                some = draws.permutation(test)[:SHUFFLED]
                whole = area(model, x[some], y[some])
                for column in range(x.shape[1]):
                    shuffled = x[some]
                    shuffled[:, column] = draws.permutation(shuffled[:, column])
                    lost[column] = whole - area(model, shuffled, y[some])
        return areas, lost


def area(model: Any, x: np.ndarray, y: np.ndarray) -> float:
    """The area under the ROC curve of a model's scores."""
    scores = model.decision_function(x)
    return auc(scores[y == 1], scores[y == 0])
