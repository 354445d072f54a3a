"""What is known of every row in advance: where its time lies in the day, the week and the year, and what describes its
series.

    hour, weekday, month   sin and cos of 2π · (seconds of the day / 86,400; days of the week / 7; of the year / 365.25)
    attribute              of words ±1 for each; of numbers (v − mean) / deviation

A cycle counts if rows are closer together than it lasts, and the longest training series holds it twice at least: of a
season that was seen once nobody knows what belongs to it. Clocks are those of the place (`data.timezone`), so that
8 o'clock is 8 o'clock in summer too.

Known channels are the last ones of a sample; tasks that forecast or fill take them as given.  T: rows, Q: channels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ganforge.core.condition_kinds import Angle, Category, Condition, Number
from ganforge.core.conditions import Conditions
from ganforge.core.errors import UserError, did_you_mean
from ganforge.modalities.series.clock import STEP
from ganforge.modalities.series.labels import MOST_LABELS
from ganforge.modalities.series.source import SeriesSet

DAY = 86_400.0
CYCLES = {"hour": DAY, "weekday": 7 * DAY, "month": 365.25 * DAY}  # seconds
MONDAY = 4 * DAY  # 1970-01-05
TWICE = 2
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def has_calendar(whole: SeriesSet) -> bool:
    """Whether rows come at equal distances at known times."""
    return whole.clock is not None and bool(whole.times) and all(c.name != STEP for c in whole.columns)


def local_seconds(times: np.ndarray, zone: str | None) -> np.ndarray:
    """Seconds since 1970 that clocks of the zone show at times in UTC, float64; without a zone as the times stand."""
    import pandas as pd

    stamps = pd.DatetimeIndex(times)
    if zone is not None:
        stamps = stamps.tz_localize("UTC").tz_convert(zone).tz_localize(None)
    return stamps.to_numpy("datetime64[s]").astype(np.float64)


def described(whole: SeriesSet, calendar: bool, attributes: bool) -> list[dict[str, Any]]:
    """What is known of the rows of a training set, as `Spec.state` holds it."""
    found: list[dict[str, Any]] = []
    if calendar and has_calendar(whole):
        longest = max(whole.times.values(), key=len)
        seconds = longest.astype("datetime64[s]").astype(np.float64)
        span, step = float(np.ptp(seconds)), float(np.median(np.diff(seconds))) if len(seconds) > 1 else 0.0
        found += [{"cycle": name} for name, lasts in CYCLES.items() if step < lasts and TWICE * lasts <= span]
    if attributes and whole.attributes:
        rows = np.stack(list(whole.described.values()))
        for k, (name, words) in enumerate(whole.attributes):
            numbers: dict[str, Any] = {"words": list(words)}
            if not words:
                numbers = {"mean": float(rows[:, k].mean()), "deviation": float(rows[:, k].std()) or 1.0}
            found.append({"attribute": name, **numbers})
    return found


def width(known: Sequence[Mapping[str, Any]]) -> int:
    """The number of channels Q."""
    return sum(2 if "cycle" in one else len(one.get("words", ())) or 1 for one in known)


def features(seconds: np.ndarray | None, values: np.ndarray, known: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Known channels, float64 [Q, T].

    Args:
        seconds: of the local clock, [T]; None where no cycle is known.
        values: attributes in the order of `known`, [A] or [T, A]; words as their place.
    """
    found, k = [], 0
    values = np.atleast_2d(values)
    length = len(values) if seconds is None else len(seconds)
    for one in known:
        if "cycle" in one:
            assert seconds is not None
            angle = 2 * np.pi * phase(seconds, one["cycle"])
            found += [np.sin(angle), np.cos(angle)]
            continue
        value = np.broadcast_to(values[:, k], length)
        k += 1
        if words := one.get("words"):
            found += [np.where(value == word, 1.0, -1.0) for word in range(len(words))]
        else:
            found.append((value - one["mean"]) / one["deviation"])
    return np.stack(found) if found else np.zeros((0, length))


def phase(seconds: np.ndarray, cycle: str) -> np.ndarray:
    """How far the cycle has gone, in [0, 1)."""
    if cycle == "month":  # counted from January 1
        dates = seconds.astype("datetime64[s]")
        begun = (dates - dates.astype("datetime64[Y]")).astype(np.float64)
        return begun / CYCLES["month"] % 1
    if cycle == "weekday":
        return np.floor((seconds - MONDAY) / DAY) % 7 / 7
    return seconds % DAY / DAY


def conditions_of(whole: SeriesSet, names: Sequence[str], places: Sequence[tuple[str, int]]) -> tuple[Conditions, Any]:
    """Named conditions of windows, for models that take them, and their vectors float32 [N, K].

    Args:
        names: hour, weekday, month (of the first row), columns that describe series, or the one that names them.
        places: the series and the first row of each window.

    Raises:
        UserError: no such column, no times, or too many series to take their names as a category.
    """
    calendar = [name for name in names if name in CYCLES]
    if calendar and not has_calendar(whole):
        raise UserError(
            f"signal.conditions: {', '.join(calendar)} need a column of times with rows at equal distances",
            code="series.no_times",
        )
    zone = whole.clock.zone if whole.clock else None
    first = np.array([whole.times[name][start] for name, start in places]) if calendar else np.array([])
    seconds = local_seconds(first, zone)
    attributes = {name: (k, words) for k, (name, words) in enumerate(whole.attributes)}
    each: list[Condition] = []
    columns: list[list[Any]] = []
    for name in names:
        if name in CYCLES:
            share = phase(seconds, name)
            if name == "weekday":
                each.append(Category(name, DAYS))
                columns.append([DAYS[day] for day in (share * 7).round().astype(int)])
            else:
                period = {"hour": 24.0, "month": 12.0}[name]
                each.append(Angle(name, period))
                columns.append((share * period).tolist())
            continue
        if name == whole.entity:
            if len(whole.series) > MOST_LABELS:
                raise UserError(
                    f"signal.conditions: {name!r} names {len(whole.series):,} series, and a condition takes up to "
                    f"{MOST_LABELS} words. Use columns that describe the series instead",
                    code="series.too_many_series",
                )
            each.append(Category(name, tuple(whole.series)))
            columns.append([series for series, _ in places])
            continue
        if name not in attributes:
            options = (*attributes, *([whole.entity] if whole.entity else ()), *CYCLES)
            raise UserError(
                f"signal.conditions: {name!r} is neither a column that describes or names series, nor part of the "
                f"calendar{did_you_mean(name, options)} (there are: {', '.join(options)})",
                code="column.not_found",
            )
        k, words = attributes[name]
        values = [float(whole.described[series][k]) for series, _ in places]
        if words:
            each.append(Category(name, words))
            columns.append([words[int(value)] for value in values])
        else:
            every = [float(row[k]) for row in whole.described.values()]
            each.append(Number(name, min(every), max(every) if max(every) > min(every) else min(every) + 1))
            columns.append(values)
    rows = list(zip(*columns, strict=True))
    found = Conditions(tuple(each)).with_observed(rows)
    return found, found.encode(rows)


def ahead(times: np.ndarray, clock: Mapping[str, Any], count: int) -> np.ndarray:
    """The `count` times after the last of these."""
    import pandas as pd

    return pd.date_range(pd.Timestamp(times[-1]), periods=count + 1, freq=clock["step"])[1:].to_numpy()
