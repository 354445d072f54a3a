"""Each column by itself: does it hold the same values, as often?

Numbers and dates, by the empirical distribution functions F of the values that are there (Kolmogorov and Smirnov):
    KS = sup over x of |F_real(x) − F_fake(x)|
Categories and truth values, by their shares p, a missing value being one more of them (total variation):
    TV = ½ Σ over v of |p_real(v) − p_fake(v)|
Missing values of numbers:
    |share missing among the real − share missing among the generated|

All are in [0, 1], 0 where both are alike. What is left by chance shrinks with the number of rows: real rows that were
held back, where there are any, say how much that is. The figures are means over the columns; `per_column` has each.

N, M: rows, a [N], b [M].
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from ganforge.core.language import joined, phrase
from ganforge.metrics.base import Comparison, Meaning, Metric, Result
from ganforge.modalities.table.metrics import plots
from ganforge.modalities.table.metrics.frames import (  # fmt: skip
    MISSING,
    Column,
    average,
    categories,
    codes,
    columns_of,
    frame_of,
    held_back,
    numbers,
    shares,
    stamped,
)

DISTANCES = {
    "ks": phrase("KS {value:.3f}", value=0.0).pattern,
    "tv": phrase("TV {value:.3f}", value=0.0).pattern,
    "missing": phrase("missing ±{value:.3f}", value=0.0).pattern,
}


def ks(a: np.ndarray, b: np.ndarray) -> float:
    """The Kolmogorov-Smirnov distance of two sets of numbers; 1 where one is empty and the other is not."""
    if not len(a) or not len(b):
        return float(len(a) != len(b))
    a, b = np.sort(a), np.sort(b)
    both = np.concatenate([a, b])
    apart = np.searchsorted(a, both, "right") / len(a) - np.searchsorted(b, both, "right") / len(b)
    return float(np.abs(apart).max())


def total_variation(p: np.ndarray, q: np.ndarray) -> float:
    """Of two distributions over the same things, each [K] and 1 in all."""
    return float(np.abs(p - q).sum() / 2)


class Columns(Metric, kind="columns"):
    """Column by column: KS distance of numbers and dates, total variation of categories, shares of missing values."""

    signals: ClassVar[tuple[str, ...]] = ("table",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "ks": Meaning(
            "How far the values of numbers and dates are from the reals', a mean over the columns.", "lower", 0
        ),
        "tv": Meaning("How far the shares of categories are from the reals', a mean over the columns.", "lower", 0),
        "missing": Meaning(
            "How far the share of missing numbers is from the reals', a mean over the columns.", "lower", 0
        ),
    }

    def compute(self, comparison: Comparison) -> list[Result]:
        columns = columns_of(comparison)
        real, fake = frame_of(comparison, "real"), frame_of(comparison, "fake", self.n)
        found = {column: compare(column, real[column.name], fake[column.name]) for column in columns}
        chance: dict[Column, dict[str, float]] = {}
        if comparison.heldout is not None:
            unseen = frame_of(comparison, "heldout")
            chance = {column: compare(column, real[column.name], unseen[column.name]) for column in columns}
        drawn = [draw(column, real[column.name], fake[column.name], found[column]) for column in columns]
        what = {"ks": "numbers", "tv": "categories", "missing": "numbers that may be missing"}
        results = []
        for figure in what:
            of = {column.name: values[figure] for column, values in found.items() if figure in values}
            if not of:
                continue
            detail: dict[str, Any] = {"per_column": of}
            if chance:
                per_column = {column.name: values[figure] for column, values in chance.items() if figure in values}
                unseen_value = average([per_column[name] for name in of if name in per_column])
                detail |= {"held_out": unseen_value, "per_column_held_out": per_column}
                detail["notes"] = [held_back(comparison, unseen_value)]
            protocol = {"columns": len(of)}
            mean = average(list(of.values()))
            results.append(stamped(comparison, self.n, figure, mean, what[figure], protocol=protocol, detail=detail))
            if figure == "ks":
                often = {c.name: crowded(c, real[c.name], fake[c.name]) for c in columns if c.numeric}
                detail["often"] = {name: facts for name, facts in often.items() if facts}
        results[0].detail["plots"] = drawn
        return results


def compare(column: Column, real: Any, other: Any) -> dict[str, float]:
    """The figures of one column: {"ks", and "missing" where values are} or {"tv"}."""
    if not column.numeric:
        names = categories(real)
        of = [shares(codes(values, real, names), len(names) + 2) for values in (real, other)]
        return {"tv": total_variation(*of)}
    a, b = numbers(real, column), numbers(other, column)
    lost = [float(np.isnan(x).mean()) for x in (a, b)]
    figures = {"ks": ks(a[~np.isnan(a)], b[~np.isnan(b)])}
    return figures | ({"missing": abs(lost[0] - lost[1])} if any(lost) else {})


def crowded(column: Column, real: Any, fake: Any) -> dict[str, Any]:
    """A number that many rows have: what it is and its shares, {"value", "real", "fake"}; empty where there is none."""
    a, b = (x[~np.isnan(x)] for x in (numbers(real, column), numbers(fake, column)))
    if not len(a) or not len(b):
        return {}
    value, share = plots.most_frequent(a)
    if share < plots.SPIKE:
        return {}
    told = plots.as_text(value, column.kind == "integer", column.kind == "datetime")
    return {"value": told, "real": share, "fake": float(np.mean(b == value))}


def draw(column: Column, real: Any, fake: Any, figures: dict[str, float]) -> dict[str, Any]:
    """The column in both tables, {title, under, drawing}."""
    values = joined([phrase(DISTANCES[name], value=value) for name, value in figures.items()])
    title = phrase("{column} — {values}", column=column.name, values=values)
    plot = {"title": title, "under": phrase("Column by column")}
    if column.numeric:
        a, b = (x[~np.isnan(x)] for x in (numbers(real, column), numbers(fake, column)))
        if not len(a):
            return plot | {"drawing": plots.bars([MISSING], [1.0], [1.0 - len(b) / max(len(fake), 1)])}
        return plot | {
            "drawing": plots.histogram(a, b, column.kind == "integer", column.kind == "datetime", column.name)
        }
    return plot | {"drawing": plots.bars(*in_order(column, real, fake))}


def in_order(column: Column, real: Any, fake: Any) -> tuple[list[str], list[float], list[float]]:
    """The values to show with their shares: the most frequent ones, ordinal ones in their order, then all others."""
    names = categories(real)
    r, f = (shares(codes(values, real, names), len(names) + 2) for values in (real, fake))
    shown = list(range(min(len(names), plots.SHOWN)))
    if column.kind == "ordinal":
        place = {name: k for k, name in enumerate(ordered(real, names))}
        shown.sort(key=lambda k: place[names[k]])
    rows = [(names[k], r[k], f[k]) for k in shown]
    rest = [k for k in range(len(names) + 1) if k not in set(shown)]
    if sum(r[rest]) + sum(f[rest]) > 0:
        count = len(names) - len(shown)
        others = phrase("(one other)") if count == 1 else phrase("({count:,} others)", count=count)
        rows.append((others, sum(r[rest]), sum(f[rest])))
    if r[-1] + f[-1] > 0:
        rows.append((MISSING, r[-1], f[-1]))
    return [name for name, _, _ in rows], [float(v) for _, v, _ in rows], [float(v) for _, _, v in rows]


def ordered(real: Any, names: list[str]) -> list[str]:
    """The values of an ordinal column from the least to the greatest."""
    import pandas as pd

    if isinstance(real.dtype, pd.CategoricalDtype):
        place = {str(name): k for k, name in enumerate(real.dtype.categories)}
        return sorted(names, key=lambda name: place.get(name, len(place)))
    try:
        return sorted(names, key=float)
    except ValueError:
        return sorted(names)
