"""What one would want to know of columns before a model learns them: the values may not be what they seem."""

from __future__ import annotations

from typing import Any

import numpy as np

from ganforge.core import scratch

ZEROS = (0.02, 0.5)  # share of zeros that may mean missing
STUCK = 48  # rows
SPLITS = (2, 3, 4, 5, 7, 10, 20)
NEAR = 0.03  # of a ratio
FIRST = 10_000  # rows that tell nearly always
WILD = 10.0  # times the usual change


def report(values: Any, starts: np.ndarray, notes: list[str]) -> list[str]:
    """Adds to `notes` what is doubtful, and returns the columns to leave out: those that know the future."""
    import pandas as pd

    numbers = {c: values[c].to_numpy(np.float64, na_value=np.nan) for c in values.columns
               if not isinstance(values[c].dtype, pd.CategoricalDtype)}  # fmt: skip
    for name, x in numbers.items():
        if zeros := zeros_apart(x):
            notes.append(
                f"column {name!r}: {zeros:.0%} of the values are exactly 0, far from all others. If that means "
                "missing: data.kind=series data.missing=[0]"
            )
        if (run := longest_run(x)) > max(STUCK, len(x) // 20) and np.nanstd(x) > 0 and not zeros:
            notes.append(f"column {name!r}: {run:,} rows in a row have the same value (a sensor that was stuck?)")
        if (row := split_at(x, starts)) is not None:
            notes.append(
                f"column {name!r}: from row {row:,} to the next it changes by a whole factor at once, as prices do "
                "that are not adjusted for a split"
            )
    future = []
    for name, x in numbers.items():
        of = [other for other, y in numbers.items() if other != name and other not in future and knows(x, y, starts)]
        if of:
            future.append(name)
            notes.append(f"column {name!r} holds the next value of {of[0]!r}: it knows the future and is left out")
    return future


def zeros_apart(x: np.ndarray) -> float:
    """The share of zeros where all other values lie on one side, at a distance; else 0."""
    there = others = 0
    for part in scratch.pieces(len(x)):
        some = x[part][~np.isnan(x[part])]
        there, others = there + len(some), others + int((some != 0).sum())
    share = 1 - others / max(there, 1)
    if not ZEROS[0] <= share <= ZEROS[1]:
        return 0.0
    rest = x[~np.isnan(x) & (x != 0)]
    if not (rest > 0).all():
        return 0.0
    return share if rest.min() > max(rest.std(), 0.2 * rest.mean()) else 0.0


def longest_run(x: np.ndarray) -> int:
    """Rows in a row with the same value, other than 0: no rain for weeks is no fault."""
    longest, first = 0, 0
    for part in scratch.overlapping(len(x)):
        ends = np.concatenate([[first], np.flatnonzero(x[part][1:] != x[part][:-1]) + part.start + 1])
        longest = max(longest, int((np.diff(ends) * (x[ends[:-1]] != 0)).max(initial=0)))
        first = int(ends[-1])
    return max(longest, (len(x) - first) * int(x[first] != 0))


def split_at(x: np.ndarray, starts: np.ndarray) -> int | None:
    """The row before a sudden change by a whole factor, far beyond the usual change; None without."""
    if len(x) < 30 or not all((x[part] > 0).all() for part in scratch.pieces(len(x))):
        return None
    change = scratch.zeros((len(x) - 1,), np.float64)
    for part in scratch.overlapping(len(x)):
        change[part.start : part.stop - 1] = np.diff(np.log(x[part]))
    change[starts[1:-1] - 1] = 0
    np.abs(change, out=change)
    k = int(change.argmax())
    largest = float(change[k])
    ratio = float(np.exp(largest))
    near = min(SPLITS, key=lambda s: abs(ratio - s))
    change.sort()
    usual, middle = float(change[-2]), float((change[(len(change) - 1) // 2] + change[len(change) // 2]) / 2)
    sudden = largest > 3 * usual and largest > WILD * middle
    return k if sudden and abs(ratio / near - 1) < NEAR else None


def knows(x: np.ndarray, y: np.ndarray, starts: np.ndarray) -> bool:
    """Whether x is the next value of y, in every row of every series but the last; a constant knows nothing."""
    if len(starts) == 2 and len(x) > FIRST and not knows(x[:FIRST], y[:FIRST], np.array([0, FIRST])):
        return False
    last = starts[1:-1] - 1
    a, b = np.delete(x[:-1], last), np.delete(y[1:], last)
    both = ~np.isnan(a) & ~np.isnan(b)
    return bool(both.sum() > 20 and np.ptp(b[both]) > 0 and (a[both] == b[both]).all())
