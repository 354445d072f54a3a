"""What one would want to know of columns before a model learns them: the values may not be what they seem."""

from __future__ import annotations

from typing import Any

import numpy as np

from ganforge.core import scratch

APART = (0.01, 0.5)  # share of values that may mean missing
MARKS = {0.0, *(sign * float(nines) for sign in (1, -1) for nines in (99, 999, 9999, 99999, 999999)), -1.0,
         -99.9, -999.9, -999.99, -9999.99, -200.0}  # fmt: skip
"""Numbers that are written where there is no value."""
STUCK = 48  # rows
SPLITS = (2, 3, 4, 5, 7, 10, 20)
NEAR = 0.03  # of a ratio
FIRST = 400  # rows that tell nearly always
AHEAD = 24  # rows
FEWEST = 20  # rows that must agree
WILD = 10.0  # times the usual change


def report(values: Any, starts: np.ndarray, notes: list[str]) -> list[str]:
    """Adds to `notes` what is doubtful, and returns the columns to leave out: those that know the future."""
    import pandas as pd

    numbers = {c: values[c].to_numpy(np.float64, na_value=np.nan) for c in values.columns
               if not isinstance(values[c].dtype, pd.CategoricalDtype)}  # fmt: skip
    for name, x in numbers.items():
        for value in (apart := values_apart(x)):
            notes.append(
                f"column {name!r}: {apart[value]:.0%} of the values are exactly {value:g}, far from all others. If "
                f"that means missing: data.kind=series data.missing=[{value:g}]"
            )
        if (run := longest_run(x)) > max(STUCK, len(x) // 20) and np.nanstd(x) > 0 and not apart:
            notes.append(f"column {name!r}: {run:,} rows in a row have the same value (a sensor that was stuck?)")
        if (row := split_at(x, starts)) is not None:
            notes.append(
                f"column {name!r}: from row {row:,} to the next it changes by a whole factor at once, as prices do "
                "that are not adjusted for a split"
            )
    future = []
    for name, x in numbers.items():
        for other, y in numbers.items():
            if other == name or other in future or (known := ahead(x, y, starts)) is None:
                continue
            what, rows = known
            future.append(name)
            notes.append(
                f"column {name!r} holds the {what} of {other!r} {rows} row{'s' * (rows > 1)} later: it knows the "
                "future and is left out"
            )
            break
    return future


def values_apart(x: np.ndarray) -> dict[float, float]:
    """Values that often mean missing, with their share: 0, the smallest or the largest one, where all others lie on one
    side of it, at a distance."""
    there = int(sum((~np.isnan(x[part])).sum() for part in scratch.pieces(len(x))))
    found = {}
    for value in sorted({0.0, float(np.nanmin(x, initial=np.inf)), float(np.nanmax(x, initial=-np.inf))}):
        if value not in MARKS:
            continue
        others = int(sum((x[part] != value).sum() - np.isnan(x[part]).sum() for part in scratch.pieces(len(x))))
        share = 1 - others / max(there, 1)
        if not APART[0] <= share <= APART[1]:
            continue
        rest = x[~np.isnan(x) & (x != value)]
        low, high = float(rest.min() - value), float(value - rest.max())
        if max(low, high) > max(rest.std(), 0.2 * abs(rest.mean())):
            found[value] = share
    return found


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


def ahead(x: np.ndarray, y: np.ndarray, starts: np.ndarray) -> tuple[str, int] | None:
    """What of the future of y a column x holds, in every row of every series, and how many rows later; None where it
    holds nothing of it. A constant, and what the past holds as well, is nothing of the future."""
    first = slice(0, min(int(starts[1]), FIRST))
    lags = range(1, AHEAD + 1) if starts[1] > AHEAD + FEWEST else (1,)
    for lag in lags:
        for what, made in FUTURES.items():
            if len(lags) > 1 and not _same(x[first], made(y[first], lag), lag, np.array([0, first.stop])):
                continue
            later = made(y, lag)
            if _same(x, later, lag, starts) and not _of_the_past(x, y, later, lag, starts):
                return what, lag
    return None


def _next(y: np.ndarray, lag: int) -> np.ndarray:
    return y[lag:]


def _change(y: np.ndarray, lag: int) -> np.ndarray:
    return y[lag:] - y[:-lag]


def _relative(y: np.ndarray, lag: int) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return y[lag:] / y[:-lag] - 1


def _logarithmic(y: np.ndarray, lag: int) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(y[lag:] / y[:-lag])


def _rise(y: np.ndarray, lag: int) -> np.ndarray:
    return np.where(np.isnan(_change(y, lag)), np.nan, y[lag:] > y[:-lag])


FUTURES = {"value": _next, "change": _change, "relative change": _relative, "log change": _logarithmic, "rise": _rise}


def _same(x: np.ndarray, later: np.ndarray, lag: int, starts: np.ndarray) -> bool:
    """Whether x [T] is `later` [T - lag] but for rounding, wherever both are known and in one series."""
    a = x[: len(later)]
    both = ~np.isnan(a) & np.isfinite(later)
    if len(starts) > 2:
        ends = np.repeat(starts[1:], np.diff(starts))[: len(later)]
        both &= np.arange(len(later)) + lag < ends
    a, b = a[both], later[both]
    if len(a) < FEWEST or np.ptp(b) == 0 or abs(a[0] - b[0]) > 0.05 * np.ptp(b):
        return False
    some = a[:: max(1, len(a) // 100)]
    digits = next((d for d in range(9) if np.allclose(some, some.round(d), rtol=0, atol=1e-10)), 9)
    off = np.abs(a - b)
    exact = 1e-9 * np.abs(b).max()
    rounding = 0.5001 * 10.0**-digits
    return bool((off <= (rounding if rounding < 0.02 * b.std() else exact)).all())


def _of_the_past(x: np.ndarray, y: np.ndarray, later: np.ndarray, lag: int, starts: np.ndarray) -> bool:
    """Whether x is known at its time: y repeats itself, as hours of the day do, or y itself is an earlier x."""
    stop = min(int(starts[1]), FIRST)
    missing = np.isnan(y[:lag]).all() and not np.isnan(x[stop - lag : stop]).all()
    a, b = x[:stop], later[: max(0, stop - lag)]
    rows = np.array([0, stop])
    back = any(_same(a[j:], b[: len(b) - j + lag], 0, rows - [0, j]) for j in range(lag, max(lag, len(b) - FEWEST)))
    return bool(missing or back)
