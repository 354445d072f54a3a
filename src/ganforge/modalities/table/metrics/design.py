"""Tables as matrices that scikit-learn and distances take: for trees, and for everything that adds columns up.

N: rows, C: columns, D: width of the dense form.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from ganforge.metrics.neighbors import RowProgress
from ganforge.modalities.table.metrics.frames import Column, as_floats, categories, codes, numbers

TREE_CATEGORIES = 250  # of a column: scikit-learn's boosting takes 255 bins
DENSE_CATEGORIES = 32
PAIRS = 1 << 24  # of rows, looked at at a time: 64 MiB
APART = 0.5**0.5  # of a one-hot vector's 1, so that two different ones are at distance 1


def for_trees(columns: Sequence[Column], like: Any, frame: Any) -> np.ndarray:
    """float64 [N, C]: numbers as they are, categories by their place, NaN where missing.

    Args:
        like: the real table, which decides what is a number and which place a category has.
    """
    found = np.empty((len(frame), len(columns)))
    for k, column in enumerate(columns):
        if is_a_number(column, like[column.name]):
            found[:, k] = as_number(frame[column.name], column)
        else:
            names = categories(like[column.name], TREE_CATEGORIES)
            places = codes(frame[column.name], like[column.name], names)
            found[:, k] = np.where(places == len(names) + 1, np.nan, places)
    return found


def picked(columns: Sequence[Column], like: Any) -> list[bool]:
    """Which columns of `for_trees` hold places of categories."""
    return [not is_a_number(column, like[column.name]) for column in columns]


def is_a_number(column: Column, values: Any) -> bool:
    """Whether a column's values have an order and a distance: numbers and dates, and also ratings and truth values."""
    import pandas as pd

    return column.numeric or pd.api.types.is_numeric_dtype(values.dtype) or pd.api.types.is_bool_dtype(values.dtype)


def as_number(values: Any, column: Column) -> np.ndarray:
    return numbers(values, column) if column.numeric else as_floats(values)


class Dense:
    """From rows to float32 [N, D]: numbers less their mean in units of their spread, categories as one-hot vectors.

    A category that differs is at distance 1, as is a number that is one standard deviation away. A missing number is
    its mean, and in a column of its own; so two rows in which it is missing are at distance 0.

    Args:
        columns: of the tables.
        like: the real table: it decides means, spreads and categories.
        most: categories of a column that are kept apart; all others are merged into one.
    """

    def __init__(self, columns: Sequence[Column], like: Any, most: int = DENSE_CATEGORIES):
        self.columns, self.like = list(columns), like
        self.scales, self.names, self.bucketed = {}, {}, []
        for column in self.columns:
            values = like[column.name]
            if column.numeric:
                x = numbers(values, column)
                there = x[~np.isnan(x)]
                mean, spread = (float(there.mean()), float(there.std())) if len(there) else (0.0, 1.0)
                self.scales[column.name] = (mean, spread if np.isfinite(spread) and spread > 0 else 1.0)
            else:
                every = categories(values)
                self.names[column.name] = every[:most]
                if len(every) > most:
                    self.bucketed.append(column.name)
        self.width = sum(2 if c.numeric else len(self.names[c.name]) + 2 for c in self.columns)

    def __call__(self, frame: Any) -> np.ndarray:
        found, at = np.zeros((len(frame), self.width), np.float32), 0
        for column in self.columns:
            values = frame[column.name]
            if column.numeric:
                mean, spread = self.scales[column.name]
                x = (numbers(values, column) - mean) / spread
                found[:, at] = np.nan_to_num(x, nan=0.0)
                found[:, at + 1] = APART * np.isnan(x)
                at += 2
            else:
                names = self.names[column.name]
                places = codes(values, self.like[column.name], names)
                found[np.arange(len(frame)), at + places] = APART
                at += len(names) + 2
        return found


def closest(
    points: np.ndarray, others: np.ndarray, device: torch.device, progress: RowProgress, *, same: bool = False
) -> np.ndarray:
    """The distance from each of `points` [N, D] to the nearest of `others` [M, D], float64 [N].

    Which one is the nearest is found by  a·b − ½‖b‖²  in float32, a piece of all pairs at a time; how far it is, from
    the two rows themselves, so that equal rows are at 0.

    Args:
        progress: called with (points done, points in all).
        same: `points` are the first of `others`; a row is then not its own neighbor.
    """
    mean = others.mean(0, dtype=np.float64).astype(np.float32)
    x, y = (torch.from_numpy(part - mean).to(device) for part in (points, others))
    half = y.square().sum(1) / -2  # [M]
    size, found = max(1, PAIRS // max(1, len(y))), []
    for start in range(0, len(x), size):
        piece = x[start : start + size]
        near = torch.addmm(half[None], piece, y.T)  # [size, M]
        if same:
            own = torch.arange(len(piece), device=near.device)
            near[own, own + start] = -torch.inf
        found.append((piece - y[near.argmax(1)]).double().square().sum(1).sqrt().cpu())
        progress(min(start + size, len(x)), len(x))
    return torch.cat(found).numpy()


def spread_over(n: int, wanted: int) -> np.ndarray:
    """Up to `wanted` places, evenly over all `n`: real tables are often sorted."""
    return np.linspace(0, n - 1, min(n, wanted)).round().astype(np.int64)


def auc(first: np.ndarray, second: np.ndarray) -> float:
    """P(a > b) + ½ P(a = b) for a of `first` and b of `second`: the area under the curve of a score that should be
    high for the first."""
    ordered = np.sort(second)
    below, up_to = (np.searchsorted(ordered, first, side) for side in ("left", "right"))
    return float(((below + up_to) / 2).mean() / len(second))
