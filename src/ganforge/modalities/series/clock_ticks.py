"""Marks of an axis of time: at round times where there are times, at round numbers of steps where there are none."""

from __future__ import annotations

from typing import Any

import numpy as np

from ganforge.data import dates

MOST = 7
HOUR, DAY = 3_600, 86_400
EVERY = (  # seconds between marks, and how they are written
    (60, "%H:%M"), (300, "%H:%M"), (900, "%H:%M"), (HOUR, "%H:%M"), (3 * HOUR, "%H:%M"), (6 * HOUR, "%H:%M"),
    (12 * HOUR, "%H:%M"), (DAY, "%b %-d"), (2 * DAY, "%b %-d"),
)  # fmt: skip
WEEKS = (7 * DAY, 14 * DAY)
MONTHS = (1, 2, 3, 6, 12, 24, 60, 120)


def of_steps(first: int, count: int) -> list[tuple[int, str]]:
    """Marks at 0 and at multiples of a round number, for steps `first`, `first` + 1, ..."""
    apart = next(n for k in range(9) for n in (10**k, 2 * 10**k, 5 * 10**k) if count / n <= MOST)
    return [(k, str(first + k)) for k in range(count) if (first + k) % apart == 0]


def of_times(times: np.ndarray) -> list[tuple[int, str]]:
    """Marks at the beginnings of hours, days, weeks, months or years, for rows at these times, datetime64 [T].

    A mark is at the first row of each part, so that business days have marks too. At midnight it shows the date.
    """
    import pandas as pd

    stamps = pd.DatetimeIndex(times)
    seconds = stamps.to_numpy("datetime64[s]").astype(np.int64)
    span = int(seconds[-1] - seconds[0])
    for every, form in EVERY:
        if span / every <= MOST:
            return _marks(seconds // every, stamps, form, dated=every < DAY)
    for every in WEEKS:
        if span / every <= MOST:
            return _marks((seconds - 4 * DAY) // every, stamps, "%b %-d")  # weeks begin on Monday
    months = stamps.year.to_numpy() * 12 + stamps.month.to_numpy() - 1
    for every in MONTHS:
        if span / (30.44 * DAY * every) <= MOST or every == MONTHS[-1]:
            return _marks(months // every, stamps, "%b %Y" if every < 12 else "%Y")
    raise AssertionError


def _marks(parts: np.ndarray, stamps: Any, form: str, dated: bool = False) -> list[tuple[int, str]]:
    """A mark at each row whose part is another than that of the row before; the first row has none."""
    begun = np.flatnonzero(np.diff(parts)) + 1
    if not len(begun):
        return [(0, _text(stamps[0], "%b %-d %Y"))]
    midnight = dated & (stamps.normalize() == stamps)
    return [(int(k), _text(stamps[k], "%b %-d" if midnight[k] else form)) for k in begun]


def _text(stamp: Any, form: str) -> str:
    import pandas as pd

    return str(dates.write(pd.Series([stamp]), form)[0])
