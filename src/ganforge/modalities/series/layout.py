"""Which column of a table is the time, which one names the series, and whether rows are in order of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ganforge.core import scratch
from ganforge.core.errors import UserError, did_you_mean
from ganforge.modalities.series.dates import BETWEEN, HOUR, NAMES, dates_of, of_day
from ganforge.modalities.series.zones import in_utc

if TYPE_CHECKING:
    import pandas as pd

PARTS = ("year", "month", "day", "hour", "minute")
FEWEST = 32  # rows; a shorter table is hardly a series
PER_SERIES = 8  # rows of the median series of a long table
FEW_TWICE = 0.05  # of the rows may repeat the time of another, and it is a series that has to be repaired
REGULAR = 0.5  # share of the most frequent gap, from which gaps count as regular: of business days 0.8


@dataclass(frozen=True)
class Said:
    """What the user says of a table: the fields of `SeriesFile`."""

    time: str | None = None
    entity: str | None = None
    label: str | None = None
    timezone: str | None = None
    missing: tuple[float, ...] = ()
    attributes: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()


@dataclass
class Layout:
    """What a table holds.

    Attributes:
        times: datetime64 of each row, or None where the rows are in order and nothing says when.
        time: the columns that say it: one, or year, month, ...
        entity: the column that names the series, or None of a single one.
        format: how the time is written (strftime), or None.
        ordered: whether the rows of every series come in order of time, the newest first or last.
        regular: share of the most frequent gap among all gaps.
        notes: what was assumed.
    """

    times: Any
    time: tuple[str, ...] = ()
    entity: str | None = None
    format: str | None = None
    ordered: bool = True
    regular: float = 1.0
    notes: list[str] = field(default_factory=list)


def find(frame: Any, said: Said = Said()) -> Layout | None:  # frozen
    """The layout of a table, or None where it is no time series.

    Raises:
        UserError: no such column, or what is named does not serve.
    """
    entity = said.entity
    for name in (said.time, entity):
        if name is not None and name not in frame.columns:
            raise UserError(
                f"the data has no column {name!r}{did_you_mean(name, map(str, frame.columns))} "
                f"(its columns: {', '.join(map(str, frame.columns))})",
                code="column.not_found",
            )
    notes: list[str] = []
    timed = times_of(frame, said, notes)
    if timed is None:
        return None
    names, dates, form = timed
    if dates.dt.tz is not None:
        dates, form = dates.dt.tz_convert("UTC").dt.tz_localize(None), None
    elif said.timezone is not None:
        dates, form = in_utc(dates, said.timezone, notes), None
    found = _arranged(frame, dates, names, entity)
    if found is not None:
        found.format, found.notes = form, notes
    return found


def times_of(frame: Any, said: Said, notes: list[str]) -> tuple[tuple[str, ...], Any, str | None] | None:
    """The columns that say when a row is, the times, and how they are written; None where no column says it.

    Raises:
        UserError: the column that is named holds no times, or what it holds is ambiguous.
    """
    import pandas as pd

    lower = {str(name).lower(): str(name) for name in frame.columns}
    if said.time is None and all(part in lower for part in PARTS[:3]):
        names = tuple(lower[part] for part in PARTS if part in lower)
        made = pd.to_datetime(
            frame[list(names)].rename(columns=lambda name: name.lower()).astype(float), errors="coerce"
        )
        notes.append(f"the time is read from the columns {', '.join(names)}")
        return names, made, None
    for name in [said.time] if said.time else sorted(map(str, frame.columns), key=lambda n: NAMES.search(n) is None):
        dates, form = dates_of(frame[name], notes, name, said.timezone)
        if dates is not None:
            return _with_hours(frame, name, dates, form, notes)
    if said.time:
        raise UserError(f"column {said.time!r}: these are not dates or times", code="series.not_a_time")
    return None


def _with_hours(
    frame: Any, name: str, dates: Any, form: str | None, notes: list[str]
) -> tuple[tuple[str, ...], Any, str | None]:
    """A column of days with the times of day that stand in a column of their own, where days come twice."""
    if form is None or dates.isna().any() or not dates.duplicated().any() or (dates != dates.dt.normalize()).any():
        return (name,), dates, form
    for other in map(str, frame.columns):
        if other == name or not HOUR.search(other) or (hours := of_day(frame[other])) is None:
            continue
        notes.append(f"the time is read from the columns {name}, {other}")
        return (name, other), dates + hours[0], f"{form}{BETWEEN}{hours[1]}"
    return (name,), dates, form


def nearly(frame: Any) -> bool:
    """Whether a table that `find` gives no layout would have one without the few rows whose time another row has: as
    doubles, or the hour that daylight saving repeats."""
    notes: list[str] = []
    for name in map(str, frame.columns):
        if NAMES.search(name) is None:
            continue
        dates, _ = dates_of(frame[name], notes, name)
        if dates is None:
            continue
        twice = dates.duplicated()
        return 0 < twice.mean() <= FEW_TWICE and _order(dates[~twice], None)[1] >= REGULAR
    return False


def _arranged(frame: Any, dates: Any, names: tuple[str, ...], entity: str | None) -> Layout | None:
    """The layout with a series in every value of the entity column, where one is needed."""
    import pandas as pd

    if entity is None and not _repeated(dates):
        return Layout(dates, names, None, None, *_order(dates, None))
    texts = [str(c) for c in frame.columns if c not in names and not pd.api.types.is_float_dtype(frame[c].dtype)]
    for name in [entity] if entity else texts:
        of = frame[name].astype(str)
        sizes = of.value_counts()
        short = entity is None and sizes.median() < PER_SERIES  # a column that is named may be anything
        if short or pd.DataFrame({"t": dates, "e": of}).duplicated().any():
            continue
        return Layout(dates, names, name, None, *_order(dates, of))
    return None


def _repeated(dates: Any) -> bool:
    """Whether a time comes twice; of times in order their differences say so, without a table of all."""
    times, zero = moments(dates), np.timedelta64(0)
    signs = [
        ((gaps > zero).all(), (gaps < zero).all())
        for gaps in (np.diff(times[part]) for part in scratch.overlapping(len(times)))
    ]
    up, down = (all(way) for way in zip(*signs, strict=True)) if signs else (True, True)
    return not (up or down) and bool(dates.duplicated().any())


def moments(dates: Any) -> np.ndarray:
    """As datetime64, those with a time zone in UTC: as objects, which pandas makes of them, they compare otherwise."""
    return (dates if dates.dt.tz is None else dates.dt.tz_convert(None)).to_numpy()


def _order(dates: Any, of: pd.Series | None) -> tuple[bool, float]:
    """Whether each series is in order, and how regular its gaps are once it is."""
    groups = [dates] if of is None else [part for _, part in dates.groupby(of, sort=False)]
    ordered = all(part.is_monotonic_increasing or part.is_monotonic_decreasing for part in groups)
    gaps = gaps_of([scratch.in_order(moments(part.dropna())) for part in groups])
    if not len(gaps):
        return ordered, 0.0
    if _monthly(gaps):
        return ordered, 1.0
    return ordered, most_frequent(scratch.in_order(gaps))[1] / len(gaps)


def gaps_of(times: Sequence[np.ndarray]) -> np.ndarray:
    """The differences of neighbors in each of some arrays of datetime64, together."""
    found = scratch.Growing()
    for at in times:
        for part in scratch.overlapping(len(at)):
            found.add(np.diff(at[part]).view(np.int64))
    unit = np.datetime_data(times[0].dtype)[0] if times else "s"
    return found.whole(np.int64).view(f"timedelta64[{unit}]")


def most_frequent(values: np.ndarray) -> tuple[Any, int]:
    """The value of some sorted ones that comes most often, of equals the smallest, and how often it comes."""
    longest, at, first = 0, 0, 0
    for part in scratch.overlapping(len(values)):
        zero = values[:1] - values[:1]
        for end in (np.flatnonzero(np.diff(values[part]) != zero) + part.start + 1).tolist():
            if end - first > longest:
                longest, at = end - first, first
            first = end
    if len(values) - first > longest:
        longest, at = len(values) - first, first
    return values[at], longest


def _monthly(gaps: np.ndarray) -> bool:
    """Whether all gaps are months."""
    few, many = np.timedelta64(28, "D"), np.timedelta64(31, "D")
    months = sum(int(((gaps[part] >= few) & (gaps[part] <= many)).sum()) for part in scratch.pieces(len(gaps)))
    return len(gaps) > 0 and months / len(gaps) > 0.9
