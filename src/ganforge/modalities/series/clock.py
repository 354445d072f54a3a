"""The clock of series: how rows are stamped, and the usual distance between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ganforge.core import scratch
from ganforge.modalities.series import layout

STEP = "time step [s]"
"""The column of distances, where they differ so much that they are learned."""


@dataclass(frozen=True)
class Clock:
    """How rows are stamped. `last`: the newest stamp, ISO. `step`: a frequency of pandas: h, D, B, MS, 90s.
    `format`: of strftime, or None for that of pandas. `zone`: where clocks showed the times, which are in UTC now."""

    names: tuple[str, ...]
    last: str
    step: str
    format: str | None
    zone: str | None = None


def usual_step(times: Any) -> str:
    """The usual distance between rows, as a frequency of pandas."""
    import pandas as pd

    times = _in_order(times)
    gaps = scratch.in_order(layout.gaps_of([times.to_numpy()]))
    if not len(gaps):
        return "D"
    usual, middle = pd.Timedelta(layout.most_frequent(gaps)[0]), gaps[[(len(gaps) - 1) // 2, len(gaps) // 2]]
    days = float((middle / np.timedelta64(1, "D")).mean())
    if 28 <= days <= 31 and (times.dt.day == 1).all():
        return "MS"
    if 365 <= days <= 366 and (times.dt.day_of_year == 1).all():
        return "YS"
    if usual == pd.Timedelta("1D"):
        return "B" if (times.dt.day_of_week < 5).all() else "D"
    return "h" if usual == pd.Timedelta("1h") else f"{usual.total_seconds():g}s"


def _in_order(times: Any) -> Any:
    """All times once, in order."""
    at, zero = times.to_numpy(), np.timedelta64(0)
    if all(bool((np.diff(at[part]) > zero).all()) for part in scratch.overlapping(len(at))):
        return times
    return times.drop_duplicates().sort_values()
