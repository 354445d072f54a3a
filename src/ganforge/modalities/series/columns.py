"""From a table to series: which columns are learned and how, rows in order of time, and what had to be repaired.

What can be repaired is repaired and said (`Found.notes`); what cannot is an error that says what to do.

T: rows of a series. C: columns that are learned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ganforge.core import scratch
from ganforge.core.errors import UserError
from ganforge.modalities.series import labels, layout, melted
from ganforge.modalities.series.clock import STEP, Clock, usual_step
from ganforge.modalities.series.dates import dates_of
from ganforge.modalities.series.layout import Layout, Said
from ganforge.modalities.series.learned import learned_columns

REGULAR = 0.8  # share of the usual distance, below which the distances themselves are learned


@dataclass(frozen=True)
class Column:
    """A column that is learned.

    Attributes:
        dtype: that of pandas. decimals: digits after the point, −1 where there is no limit.
        low, high: the bounds of its values. words: of a category, its values in order; empty of numbers.
        gaps: whether values are missing, so that it is learned when they are.
        form: how texts of numbers are written (`data.amounts`): 1,234.50 or 12.5%; None of plain numbers.
    """

    name: str
    dtype: str
    decimals: int
    low: float
    high: float
    words: tuple[str, ...] = ()
    gaps: bool = False
    form: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Found:
    """What a table of series holds; the attributes are those of `SeriesSet`."""

    series: dict[str, np.ndarray]
    missing: dict[str, np.ndarray]
    times: dict[str, np.ndarray]
    columns: tuple[Column, ...]
    clock: Clock | None
    entity: str | None
    order: tuple[str, ...]
    notes: list[str]
    kind_of: dict[str, int]
    kinds: tuple[str, ...]
    rows: dict[str, np.ndarray]
    attributes: tuple[tuple[str, tuple[str, ...]], ...] = ()
    described: dict[str, np.ndarray] = field(default_factory=dict)

    def cut(self, to: dict[str, slice]) -> Found:
        """The same with a part of the rows of each series; series of which none are left are gone."""
        left = {name: part for name, part in to.items() if len(self.series[name][part])}
        cut = ({name: rows[name][part] for name, part in left.items() if name in rows}
               for rows in (self.series, self.missing, self.times, self.rows))  # fmt: skip
        series, missing, times, rows = cut
        kind_of = {name: self.kind_of[name] for name in left if name in self.kind_of}
        described = {name: self.described[name] for name in left if name in self.described}
        return replace(
            self, series=series, missing=missing, times=times, rows=rows, kind_of=kind_of, described=described,
            notes=list(self.notes),
        )  # fmt: skip


def from_frame(name: str, frame: Any, said: Said = Said(), notes: list[str] | None = None) -> Found:
    """The series of a table.

    Raises:
        UserError: no rows, no column of numbers, or a time that comes twice in one series.
    """
    import pandas as pd

    frame = frame.rename(columns=str).reset_index(drop=True)
    notes = list(notes or [])
    if not len(frame):
        raise UserError(f"data {name}: it has no rows", code="series.no_rows")
    found = None if said.timezone else layout.find(frame, said)
    if found is None:  # else no time comes twice, and so no row does
        doubles = frame.index[frame.duplicated()]
        changed: list[str] = []
        single = frame.drop(doubles)
        wide = melted.widened(single, said, changed)
        if len(doubles) or said.timezone or wide is not None:
            found = layout.find(single if wide is None else wide, said)
        if found is not None:
            frame = single if wide is None else wide
            notes += [f"{len(doubles):,} rows are exact doubles of others and are left out"] * bool(len(doubles))
            notes += changed
    found = found or _without_times(name, frame, said)
    notes += found.notes
    if found.times is not None and (lost := int(found.times.isna().sum())):
        notes.append(f"{lost:,} rows have no time that can be read and are left out")
        frame, found.times = frame[found.times.notna()], found.times[found.times.notna()]
    frame, starts, names = _sorted(frame, found, notes)
    kind_of, kinds, static = labels.of_series(frame, found, said, starts, names, notes)
    attributes, described = labels.attributes(frame.iloc[starts[:-1]], static, names)
    index = frame.index
    places = scratch.numbered(len(frame)) if index.equals(pd.RangeIndex(len(frame))) else index.to_numpy()
    rows = {k: places[a:b] for k, a, b in zip(names, starts[:-1], starts[1:], strict=True)}
    values = frame.drop(columns=[*found.time, *([found.entity] if found.entity else []), *static])
    values, forms = learned_columns(name, values, said, starts, notes)
    series, missing, columns = _filled(values, starts, names, notes)
    columns = tuple(replace(c, form=forms[c.name]) if c.name in forms else c for c in columns)
    times = {}
    clock = None
    if found.times is not None:
        stamps = found.times.to_numpy()
        times = {k: stamps[a:b] for k, a, b in zip(names, starts[:-1], starts[1:], strict=True)}
        clock = Clock(
            found.time, str(found.times.max()), usual_step(found.times), found.format,
            said.timezone,
        )  # fmt: skip
        if clock.step != "B" and found.regular < REGULAR:
            series, missing, columns = _with_steps(series, missing, columns, times, found.regular, notes)
        elif clock.step != "B" and found.regular < 1:
            usual, longest = _distances(times)
            notes.append(
                f"{found.regular:.2%} of the rows follow at the usual distance ({usual}), the longest is {longest}; "
                "rows count as equally spaced"
            )
    constant = [c.name for c in columns if c.low == c.high]
    if constant:
        notes.append(f"constant, and so in every sample: {', '.join(constant)}")
    learned = {c.name for c in columns}
    order = tuple(c for c in frame.columns if c in learned or c in found.time or c == found.entity)
    return Found(
        series, missing, times, columns, clock, found.entity, order, notes, kind_of, kinds, rows, attributes, described
    )


def _without_times(name: str, frame: Any, said: Said) -> Layout:
    """Rows in the order of the file, where no column says when they are; an error where a time comes twice."""
    import pandas as pd

    notes: list[str] = []
    for column in [said.time] if said.time else [c for c in frame.columns if c != said.entity]:
        dates, _ = dates_of(frame[column], notes, column, said.timezone)
        if dates is None:
            continue
        twice = dates.duplicated()
        if said.entity is not None:
            twice = pd.DataFrame({"time": dates, "series": frame[said.entity].astype(str)}).duplicated()
        if twice.any():
            doubles = dates[twice]
            hint = ""
            if doubles.dt.hour.isin([0, 1, 2, 3]).all() and doubles.dt.month.isin([3, 4, 9, 10, 11]).all():
                hint = (
                    " If the clock went back there (daylight saving), say where it showed the times: data.kind=series "
                    "data.timezone=Europe/Berlin."
                )
            where = (
                "and no column tells the series apart" if said.entity is None
                else f"in the series {frame[said.entity][twice].iloc[0]!r} of {said.entity!r}"
            )  # fmt: skip
            raise UserError(
                f"data {name}, column {column!r}: {doubles.iloc[0]} comes more than once, {where}.{hint} Remove the "
                "duplicate rows, or name the column of the series: data.kind=series data.entity=...",
                code="series.duplicate_times",
            )
    return Layout(None, entity=said.entity, notes=["no column of times: the rows are taken in the order of the file"])


def _sorted(frame: Any, found: Layout, notes: list[str]) -> tuple[Any, np.ndarray, list[str]]:
    """Rows series after series, the oldest first; where each series starts, and the end; and their names."""
    if found.times is not None and not found.ordered:
        notes.append("the rows are not in order of time and are sorted")
    if found.entity is None:
        if found.times is not None and not found.times.is_monotonic_increasing:
            if found.ordered:
                notes.append("the newest row comes first: the rows are turned round")
            found.times = found.times.sort_values(kind="stable")
            frame = frame.loc[found.times.index]
        return frame, np.array([0, len(frame)]), ["0"]
    of = frame[found.entity].astype(str)
    names = list(of.drop_duplicates())
    code = of.map({text: k for k, text in enumerate(names)}).to_numpy()
    when = np.arange(len(frame)) if found.times is None else found.times.to_numpy()
    order = np.lexsort((when, code))
    if found.times is not None:
        found.times = found.times.iloc[order]
    starts = np.searchsorted(code[order], np.arange(len(names) + 1))
    return frame.iloc[order], starts, names


def _filled(
    values: Any, starts: np.ndarray, names: list[str], notes: list[str]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], tuple[Column, ...]]:
    """The series by name, where values are missing, and the columns."""
    import pandas as pd

    rows = scratch.zeros((len(values), values.shape[1]), np.float64)
    holes = scratch.zeros(rows.shape, bool)
    columns = []
    for k, c in enumerate(values.columns):
        present, as_words = scratch.Growing(), isinstance(values[c].dtype, pd.CategoricalDtype)
        for part in scratch.pieces(len(values)):
            some = values[c].iloc[part]
            numbers = some.cat.codes.to_numpy(np.float64) if as_words else some.to_numpy(np.float64, na_value=np.nan)
            rows[part, k] = np.where(numbers < 0, np.nan, numbers) if as_words else numbers
            holes[part, k] = np.isnan(rows[part, k])
            present.add(rows[part, k][~holes[part, k]])
        if as_words:
            words, gone = tuple(map(str, values[c].cat.categories)), present.count < len(values)
            columns.append(Column(str(c), "str", 0, 0.0, float(max(len(words) - 1, 0)), words, gone))
        else:
            columns.append(_measured(str(c), values[c], present.whole(np.float64)))
    if gaps := int(holes.sum()):
        at = [f"{c.name} {holes[:, k].sum():,}" for k, c in enumerate(columns) if c.gaps]
        notes.append(
            f"{gaps:,} missing values ({', '.join(at[:6])}): where they are is learned too; the nets see them filled "
            "along a line between their neighbors"
        )
    series, missing = {}, {}
    for name, a, b in zip(names, starts[:-1], starts[1:], strict=True):
        part = rows[a:b]
        if holes[a:b].any():
            for k, column in enumerate(columns):
                if holes[a:b, k].any():
                    part[:, k] = _along_a_line(part[:, k], nearest=bool(column.words), default=column.low)
        series[name], missing[name] = part, holes[a:b]
    return series, missing, tuple(columns)


def _along_a_line(values: np.ndarray, nearest: bool, default: float) -> np.ndarray:
    """Values [T] with NaN filled between their neighbors; words by the one before."""
    at = np.flatnonzero(~np.isnan(values))
    if not len(at):
        return np.full_like(values, default)
    if nearest:
        return values[at[np.clip(np.searchsorted(at, np.arange(len(values)), "right") - 1, 0, None)]]
    return np.interp(np.arange(len(values)), at, values[at])


def _measured(name: str, raw: Any, present: np.ndarray) -> Column:
    """What a column of numbers, of which some are present, needs to come back as it was."""
    some = present[:: max(1, len(present) // 1_000)]
    decimals = next((d for d in range(7) if np.allclose(some, some.round(d), rtol=0, atol=1e-9)), -1)
    low, high = (float(present.min()), float(present.max())) if len(present) else (0.0, 0.0)
    return Column(name, str(raw.dtype), decimals, low, high, (), len(present) < len(raw))


def _distances(times: dict[str, np.ndarray]) -> tuple[Any, Any]:
    """The usual and the longest time between two rows of a series."""
    import pandas as pd

    gaps = scratch.in_order(layout.gaps_of(list(times.values())))
    return pd.Timedelta(layout.most_frequent(gaps)[0]), pd.Timedelta(gaps[-1])


def _with_steps(
    series: dict[str, np.ndarray],
    missing: dict[str, np.ndarray],
    columns: tuple[Column, ...],
    times: dict[str, np.ndarray],
    regular: float,
    notes: list[str],
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], tuple[Column, ...]]:
    """The same with the time since the row before as a last column."""
    gaps = {name: np.diff(at) / np.timedelta64(1, "s") for name, at in times.items()}
    usual = float(np.median(np.concatenate(list(gaps.values()))))
    steps = {name: np.concatenate([[usual], found])[:, None] for name, found in gaps.items()}
    series = {name: np.hstack([rows, steps[name]]) for name, rows in series.items()}
    missing = {name: np.hstack([rows, np.zeros((len(rows), 1), bool)]) for name, rows in missing.items()}
    every = np.concatenate(list(steps.values()))
    notes.append(
        f"rows come at distances that differ ({regular:.0%} at the usual one, {usual:g} s): the distances are learned "
        f"as a column of their own, {STEP!r}"
    )
    return series, missing, (*columns, Column(STEP, "float64", 0, float(every.min()), float(every.max())))
