"""Pairs of columns: do they hang together as they do in the real table?

Two columns of numbers, by Pearson's correlation ρ over the rows in which both are there:
    similarity = 1 − |ρ_real − ρ_fake| / 2
Every other pair, by the shares p of all combinations of their values (a contingency table). Numbers are cut into bins
that hold as many real rows each; a missing value is a category, and so are all values but the most frequent ones:
    similarity = 1 − ½ Σ over u, v of |p_real(u, v) − p_fake(u, v)|

Both are in [0, 1], 1 where both tables are alike. The second one is below 1 by chance alone, the more so the more
combinations there are: real rows that were held back, where there are any, say by how much.

N: rows, C: columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from ganforge.core.errors import UserError
from ganforge.core.language import phrase
from ganforge.core.plot import charts
from ganforge.metrics.base import Comparison, Meaning, Metric, Result
from ganforge.modalities.table.metrics.columns import total_variation
from ganforge.modalities.table.metrics.frames import (  # fmt: skip
    Column,
    average,
    categories,
    codes,
    columns_of,
    frame_of,
    held_back,
    numbers,
    stamped,
)

WORST = 12  # pairs that are named
MOST = 100  # columns of which all pairs are looked at: there are half as many pairs as the square of this

Pair = tuple[str, str]


class Pairwise(Metric, kind="pairwise"):
    """Pairs of columns: similarity of correlations (numbers), and of contingency tables (all other pairs)."""

    signals: ClassVar[tuple[str, ...]] = ("table",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "correlation": Meaning("Whether numbers go up and down together as in the real table.", "higher", 1),
        "contingency": Meaning("Whether values of two columns occur together as in the real table.", "higher", 1),
    }
    bins: int = Field(default=10, ge=2)
    """Parts that a column of numbers is cut into, each with as many real rows, beside a column of categories."""
    most: int = Field(default=50, ge=2)
    """Categories of a column that are told apart; all others count as one."""

    def compute(self, comparison: Comparison) -> list[Result]:
        columns = columns_of(comparison)
        left_out = columns[MOST:]
        columns = columns[:MOST]
        if len(columns) < 2:
            raise UserError(
                "metric 'pairwise' needs two columns, but only one column of this table can be compared; leave it out",
                code="metric.too_few_columns",
            )
        sides = {"real": frame_of(comparison, "real"), "fake": frame_of(comparison, "fake", self.n)}
        if comparison.heldout is not None:
            sides["held-out"] = frame_of(comparison, "heldout")
        seen = {name: self._seen(columns, sides["real"], frame) for name, frame in sides.items()}
        found = self._similarities(columns, seen["real"], seen["fake"], comparison)
        chance = self._similarities(columns, seen["real"], seen["held-out"], comparison) if "held-out" in seen else {}
        results = []
        for figure, what in (("correlation", "numbers"), ("contingency", "other pairs")):
            of = found[figure]
            if not of:
                continue
            detail: dict[str, Any] = {"worst": worst(of)}
            notes = []
            if chance:
                detail["held_out"] = average(list(chance[figure].values()))
                notes.append(held_back(comparison, detail["held_out"]))
            if left_out:
                notes.append(
                    phrase(
                        "Pairs of the first {most} columns; {others} columns were not compared.",
                        most=MOST,
                        others=len(left_out),
                    )
                )
            protocol = {"pairs": len(of)} | ({"bins": self.bins, "most": self.most} if figure != "correlation" else {})
            mean = average(list(of.values()))
            detail |= {"notes": notes} if notes else {}
            results.append(stamped(comparison, self.n, figure, mean, what, protocol=protocol, detail=detail))
        results[0].detail["plots"] = [drawn(columns, found)]
        return results

    def _seen(
        self, columns: list[Column], real: Any, frame: Any
    ) -> dict[str, tuple[np.ndarray, int, np.ndarray | None]]:
        """Of each column its codes int64 [N], how many there may be, and its numbers float64 [N] where it has any."""
        found = {}
        for column in columns:
            values, like = frame[column.name], real[column.name]
            if column.numeric:
                x, known = numbers(values, column), numbers(like, column)
                inner = np.linspace(0, 1, self.bins + 1)[1:-1]
                cuts = np.unique(np.quantile(known[~np.isnan(known)], inner)) if not np.isnan(known).all() else []
                places = np.where(np.isnan(x), len(cuts) + 1, np.searchsorted(cuts, x, "right"))
                found[column.name] = (places, len(cuts) + 2, x)
            else:
                names = categories(like, self.most)
                found[column.name] = (codes(values, like, names), len(names) + 2, None)
        return found

    def _similarities(
        self, columns: list[Column], real: Mapping[str, Any], other: Mapping[str, Any], comparison: Comparison
    ) -> dict[str, dict[Pair, float]]:
        """{"correlation": {pair: similarity}, "contingency": {...}}."""
        found: dict[str, dict[Pair, float]] = {"correlation": {}, "contingency": {}}
        for i, a in enumerate(columns):
            comparison.progress("pairs of columns", i, len(columns))
            for b in columns[:i]:
                pair = (b.name, a.name)
                if a.numeric and b.numeric:
                    ours, theirs = (correlation(side[b.name][2], side[a.name][2]) for side in (real, other))
                    if ours is not None:  # a generated column of one value has no correlation: it counts as none
                        found["correlation"][pair] = 1 - abs(ours - (theirs or 0.0)) / 2
                else:
                    tables = [contingency(side[b.name], side[a.name]) for side in (real, other)]
                    found["contingency"][pair] = 1 - total_variation(*tables)
        return found


def correlation(x: np.ndarray, y: np.ndarray) -> float | None:
    """Pearson's ρ over the rows in which both are there; None where one of them is constant there."""
    both = ~(np.isnan(x) | np.isnan(y))
    x, y = x[both], y[both]
    if len(x) < 2 or (x == x[0]).all() or (y == y[0]).all():
        return None
    x, y = x - x.mean(), y - y.mean()
    # Scaled first: squares of the largest numbers would be more than a float can hold.
    x, y = x / np.abs(x).max(), y / np.abs(y).max()
    return float((x @ y) / np.sqrt((x @ x) * (y @ y)))


def contingency(a: tuple[np.ndarray, int, Any], b: tuple[np.ndarray, int, Any]) -> np.ndarray:
    """The shares of all combinations of two columns' codes, float64 [A · B]."""
    return np.bincount(a[0] * b[1] + b[0], minlength=a[1] * b[1]) / max(len(a[0]), 1)


def worst(of: Mapping[Pair, float]) -> list[dict[str, Any]]:
    least = sorted(of.items(), key=lambda item: item[1])[:WORST]
    return [{"columns": list(pair), "similarity": value} for pair, value in least]


def drawn(columns: list[Column], found: Mapping[str, Mapping[Pair, float]]) -> dict[str, Any]:
    """How much every pair differs, as a heat map."""
    place = {column.name: k for k, column in enumerate(columns)}
    apart = np.full((len(columns), len(columns)), np.nan)
    for of in found.values():
        for (a, b), similarity in of.items():
            apart[place[a], place[b]] = apart[place[b], place[a]] = 1 - similarity
    title = phrase("How much the dependence of two columns differs from that in the real table (1 − similarity)")
    drawing = charts.heat([c.name for c in columns], apart.tolist())
    return {"title": title, "under": phrase("Pairs of columns"), "drawing": drawing}
