"""Is a model that learned from generated rows alone right about real ones?

Xu et al. 2019, section 5.2 (the "machine learning efficacy" of CTGAN's paper): train on synthetic, test on real.

    usefulness             score on real rows of a model that learned from generated rows
    usefulness_of_real     score of the same model that learned from the real rows that the generator learned from
    usefulness_of_constant score of a constant prediction: the most frequent class, or the mean, of those real rows

The score is F1 of the rarer one of two classes, the mean of the classes' F1 where there are more, and R² of numbers.
The real rows are those that were held back: neither the generator nor the models have seen them. The model is
scikit-learn's gradient boosting (histogram trees, its defaults); a linear one (logistic regression, ridge) is in the
detail, since what serves one model need not serve another.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ganforge.core.errors import UserError
from ganforge.core.language import phrase
from ganforge.metrics.base import Comparison, Meaning, Metric, Result
from ganforge.modalities.table.metrics.design import Dense, as_number, for_trees, is_a_number, picked, spread_over
from ganforge.modalities.table.metrics.frames import Column, columns_of, frame_of, stamped, texts

FEWEST = 10  # rows to learn from, and to be tested on
TEST_SHARE = 0.2  # of the real rows, where none were held back
LINEAR_ROWS = 20_000  # that the linear model learns from


@dataclass(frozen=True)
class Rows:
    """Rows to learn from or to be tested on: for trees [N, C], dense [N, D], and what is asked for [N]."""

    trees: np.ndarray
    dense: np.ndarray
    y: np.ndarray


class Usefulness(Metric, kind="usefulness"):
    """Whether a model that learned from generated rows predicts the target of real ones: F1 or R², beside real rows."""

    signals: ClassVar[tuple[str, ...]] = ("table",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "usefulness": Meaning("Score on real rows of a model trained on generated rows only.", "higher", 1),
        "usefulness_of_real": Meaning("The same of a model trained on real rows: as good as it can get."),
        "usefulness_of_constant": Meaning("The score of a constant prediction: no use at all."),
    }
    target: str | None = None
    """The column to predict; by default the recipe's `target`."""

    def lacks(self, comparison: Comparison) -> str:
        known = self.target or comparison.facts.get("target")
        return super().lacks(comparison) or (
            ""
            if known
            else phrase("the column that models should predict: target=COLUMN in training, or --target COLUMN")
        )

    def compute(self, comparison: Comparison) -> list[Result]:
        columns = {column.name: column for column in columns_of(comparison)}
        name = str(self.target or comparison.facts["target"])
        if name not in columns:
            raise UserError(
                f"metric 'usefulness': the column {name!r} cannot be predicted: it is not in the table, or its "
                f"values are all the same or all different. Use one of {', '.join(columns)}",
                code="metric.target_not_usable",
            )
        target = columns.pop(name)
        if not columns:
            raise UserError(
                "metric 'usefulness': there is no other column to predict the target from; leave it out",
                code="metric.too_few_columns",
            )
        real, test, notes = self._real(comparison)
        of_numbers = is_a_number(target, real[name]) and target.kind != "boolean"
        others = list(columns.values())
        dense = Dense(others, real)
        frames = {"fake": frame_of(comparison, "fake", self.n), "real": real, "test": test}
        rows = {side: self._rows(frame, others, target, real, dense, of_numbers) for side, frame in frames.items()}
        short = min(rows, key=lambda side: len(rows[side].y))
        if len(rows[short].y) < FEWEST:
            raise UserError(
                f"metric 'usefulness': {len(rows[short].y)} {short} rows have a value of {name!r}, but {FEWEST} "
                "are needed",
                code="metric.too_few_samples",
            )
        wanted = rows["test"].y
        found, linear, per_class = {}, {}, {}
        for side in ("fake", "real"):
            comparison.progress(f"a model that learns from {side} rows", len(found), 2)
            guess = boosted(rows[side], rows["test"], picked(others, real), of_numbers, comparison.seed)
            found[side] = score(wanted, guess, of_numbers)
            per_class[side] = {} if of_numbers else f1_by_class(wanted, guess)
            linear[side], settled = straight(rows[side], rows["test"], of_numbers)
            if not settled:
                notes.append(phrase("The linear model trained on {side} rows had not converged.", side=phrase(side)))
        best = constant(rows["real"].y, len(wanted), of_numbers)
        what = f"{'R²' if of_numbers else 'F1'} of {name}"
        tested = {"test": test_name(comparison), "n_test": len(wanted), "target": name}
        same = "ridge" if of_numbers else "logistic regression"
        notes.append(
            phrase(
                "A linear model ({kind}) gets {fake:.3f} from generated rows and {real:.3f} from real ones.",
                kind=phrase(same),
                fake=linear["fake"],
                real=linear["real"],
            )
        )
        detail: dict[str, Any] = {"linear": linear["fake"], "linear_of_real": linear["real"], "notes": notes}
        details = {"fake": detail, "real": {}}
        if not of_numbers:
            for side in details:
                details[side]["per_class"] = per_class[side]
        results = [
            stamped(
                comparison, self.n, name, found[side], what, detail=details[side],
                protocol=tested | {"learner": "HistGradientBoosting", "n_learned": len(rows[side].y)},
            )
            for name, side in (("usefulness", "fake"), ("usefulness_of_real", "real"))
        ]  # fmt: skip
        none = score(wanted, best, of_numbers)
        learned = tested | {"n_learned": len(rows["real"].y)}
        return [*results, stamped(comparison, self.n, "usefulness_of_constant", none, what, protocol=learned)]

    def _real(self, comparison: Comparison) -> tuple[Any, Any, list[str]]:
        """Real rows to learn from, real rows to be tested on, and what is to be said of these."""
        if comparison.heldout is not None:
            return frame_of(comparison, "train"), frame_of(comparison, "heldout"), []
        real = frame_of(comparison, "real")
        tested = comparison.draws("usefulness").permutation(len(real)) < TEST_SHARE * len(real)
        note = phrase(
            "No rows were held back: a fifth of the real rows are the test, and the generator may have learned from "
            "them, which flatters it."
        )
        return real[~tested].reset_index(drop=True), real[tested].reset_index(drop=True), [note]

    def _rows(
        self, frame: Any, others: list[Column], target: Column, real: Any, dense: Dense, of_numbers: bool
    ) -> Rows:
        values = frame[target.name]
        if of_numbers:
            y = as_number(values, target)
            there = ~np.isnan(y)
        else:
            told = texts(values, real[target.name])
            there = told.notna().to_numpy()
            y = told.to_numpy()
        frame = frame[there]
        return Rows(for_trees(others, real, frame), dense(frame), y[there])


def test_name(comparison: Comparison) -> str:
    return f"a fifth of {comparison.real.name}" if comparison.heldout is None else comparison.heldout.name


def boosted(rows: Rows, test: Rows, categorical: list[bool], of_numbers: bool, seed: int) -> np.ndarray:
    """What gradient boosting that learned from some rows says of others, [N]."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    if (rows.y == rows.y[0]).all():
        return np.full(len(test.y), rows.y[0])
    kind: Any = HistGradientBoostingRegressor if of_numbers else HistGradientBoostingClassifier
    few = not of_numbers and min(np.unique(rows.y.astype(str), return_counts=True)[1]) < 2
    # To stop early it would set rows of every class aside, and a class of one row cannot be split.
    model = kind(categorical_features=categorical, random_state=seed, early_stopping=False if few else "auto")
    return model.fit(rows.trees, rows.y).predict(test.trees)


def straight(rows: Rows, test: Rows, of_numbers: bool) -> tuple[float, bool]:
    """The score of a linear model, and whether it had settled."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression, Ridge

    if (rows.y == rows.y[0]).all():
        return score(test.y, np.full(len(test.y), rows.y[0]), of_numbers), True
    some = spread_over(len(rows.y), LINEAR_ROWS)
    model: Any = Ridge() if of_numbers else LogisticRegression(max_iter=300)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        model.fit(rows.dense[some], rows.y[some])
    settled = not any(issubclass(warning.category, ConvergenceWarning) for warning in told)
    return score(test.y, model.predict(test.dense), of_numbers), settled


def constant(y: np.ndarray, n: int, of_numbers: bool) -> np.ndarray:
    """What is said without looking: the mean, or the most frequent class (of equals the first by name)."""
    if of_numbers:
        return np.full(n, y.mean())
    names, counts = np.unique(y.astype(str), return_counts=True)
    return np.full(n, names[counts.argmax()], dtype=object)


def score(wanted: np.ndarray, found: np.ndarray, of_numbers: bool) -> float:
    """R² of numbers; F1 of the rarer one of two classes; the mean of the classes' F1 where there are more."""
    if of_numbers:
        left, all_of_it = ((wanted - found) ** 2).sum(), ((wanted - wanted.mean()) ** 2).sum()
        return float(1 - left / all_of_it) if all_of_it > 0 else float("nan")
    each = f1_by_class(wanted, found)
    names, counts = np.unique(wanted.astype(str), return_counts=True)
    return each[str(names[counts.argmin()])] if len(names) == 2 else float(np.mean(list(each.values())))


def f1_by_class(wanted: np.ndarray, found: np.ndarray) -> dict[str, float]:
    """2 · hits / (wanted + found) of each class that is wanted or found; 0 where there is no hit."""
    wanted, found = wanted.astype(str), found.astype(str)
    each = {}
    for name in np.unique(np.concatenate([wanted, found])).tolist():
        hits = int(((wanted == name) & (found == name)).sum())
        each[name] = 2 * hits / (int((wanted == name).sum()) + int((found == name).sum()))
    return each
