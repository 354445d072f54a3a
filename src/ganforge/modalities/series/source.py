"""Time series from files: rows in order of time, one series or several, the end of each held back.

What can be repaired is repaired and said (`SeriesSet.notes`).

T: rows of a series. C: channels, the columns of numbers.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.data.base import HOLDOUT, DataSource
from ganforge.modalities.series import reading
from ganforge.modalities.series.reading import Layout

if TYPE_CHECKING:
    pass

MOSTLY_MISSING = 0.5  # of a column's values, from which it is left out
FEWEST_HELD_BACK = 32  # rows of a series


@dataclass(frozen=True)
class Column:
    """A channel: its name and type, the digits after the point, and the bounds of its values."""

    name: str
    dtype: str
    decimals: int
    low: float
    high: float


@dataclass(frozen=True)
class Clock:
    """How rows are stamped. `last`: the newest stamp, ISO. `step`: a frequency of pandas: h, D, B, MS, 90s.
    `format`: of strftime, or None for that of pandas."""

    names: tuple[str, ...]
    last: str
    step: str
    format: str | None


class SeriesFile(DataSource, kind="series"):
    """A CSV, TSV or Parquet file of time series: a column of times, columns of numbers, and perhaps one that names the
    series; for more say than `data=FILE` gives."""

    path: str
    """The file."""
    time: str | None = None
    """The column of times; found by default."""
    entity: str | None = None
    """The column that names the series that a row belongs to (a sensor, a stock); found by default."""
    split: Literal["train", "test"] = "train"
    """Which part to take: the beginning of each series, to train on, or its end, which is held back."""
    holdout: float = Field(default=HOLDOUT, ge=0, lt=1)
    """The share of each series that is held back at its end for `ganforge evaluate`. 0 trains on all."""

    @property
    def held_back(self) -> float:
        return self.holdout

    def open(self) -> SeriesSet:
        path = Path(self.path).expanduser()
        if not path.is_file():
            raise UserError(f"data.path={self.path}: no such file", code="data.not_found")
        try:
            frame = reading.load(path)
        except UserError:
            raise
        except PermissionError:
            raise UserError(f"data {self.path}: permission denied", code="data.permission_denied") from None
        except reading.READ_ERRORS as error:
            raise UserError(
                f"data {self.path}: cannot be read as a table ({' '.join(str(error).split())[:160]})",
                code="data.unreadable",
            ) from None
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
        return part_of(from_frame(self.path, frame, self.time, self.entity, digest), self.split, self.holdout)


class SeriesSet(Dataset):
    """One or several series of the same channels. An item is a row; `Series.items` cuts windows.

    Attributes:
        series: float64 [T, C] each, by name, in order of time.
        columns: the channels. clock: how rows are stamped, or None. entity: the column that names series, or None.
        order: the names of all columns that come back, in the order of the file.
        notes: what was repaired or assumed.
    """

    signal = "series"

    def __init__(
        self,
        name: str,
        series: dict[str, np.ndarray],
        columns: tuple[Column, ...],
        clock: Clock | None,
        entity: str | None,
        order: tuple[str, ...],
        notes: list[str],
        digest: str,
    ):
        self.name, self.series, self.columns, self.clock, self.entity = name, series, columns, clock, entity
        self.order, self.notes, self.digest = order, notes, digest
        self.skipped: list[tuple[str, str]] = []
        self.starts = np.cumsum([0, *(len(values) for values in series.values())])

    def __len__(self) -> int:
        return int(self.starts[-1])

    def read(self, index: int) -> np.ndarray:
        k = int(np.searchsorted(self.starts, index, side="right")) - 1
        return list(self.series.values())[k][index - self.starts[k]]

    def shapes(self) -> dict[tuple[tuple[int, ...], str], int]:
        return {((len(self.columns),), "float64"): len(self)}


class Windows(Dataset):
    """Pieces of equal length of all series of a set: item k is float64 [window, C]."""

    signal = "series"

    def __init__(self, whole: SeriesSet, window: int, stride: int):
        self.whole, self.window = whole, window
        self.name, self.notes, self.skipped = whole.name, whole.notes, whole.skipped
        self.digest = hashlib.sha256(f"{whole.digest} {window} {stride}".encode()).hexdigest()[:16]
        self.pieces = [
            (values, start) for values in whole.series.values() for start in range(0, len(values) - window + 1, stride)
        ]
        if not self.pieces:
            longest = max(len(values) for values in whole.series.values())
            raise UserError(
                f"data {whole.name}: its longest series has {longest:,} rows, and a window needs {window}. "
                f"Use signal.window={max(4, longest // 4)} or longer series",
                code="series.shorter_than_window",
            )

    def __len__(self) -> int:
        return len(self.pieces)

    def read(self, index: int) -> np.ndarray:
        values, start = self.pieces[index]
        return values[start : start + self.window]

    def shapes(self) -> dict[tuple[tuple[int, ...], str], int]:
        return {((self.window, len(self.whole.columns)), "float64"): len(self)}


def part_of(whole: SeriesSet, split: str, holdout: float) -> SeriesSet:
    """The beginning of every series, or its end: cut by time before any window is, so that no window is in both.

    Raises:
        UserError: the end is asked for, and nothing is held back.
    """
    kept: dict[str, np.ndarray] = {}
    held = 0
    for name, values in whole.series.items():
        end = round(len(values) * holdout)
        end = end if end >= FEWEST_HELD_BACK else 0
        held += end
        part = values[len(values) - end :] if split == "test" else values[: len(values) - end]
        if len(part):
            kept[name] = part
    if not held and split == "train":
        return whole
    if not held:
        raise UserError(
            f"data {whole.name}: nothing is held back of its {len(whole):,} rows (data.holdout={holdout:g})",
            code="data.split_is_empty",
        )
    digest = hashlib.sha256(f"{whole.digest} {split} {holdout!r}".encode()).hexdigest()[:16]
    notes = list(whole.notes)
    if split == "train":
        notes.append(f"{held:,} of its {len(whole):,} rows, the last of each series, are held back for evaluation")
    return SeriesSet(whole.name, kept, whole.columns, whole.clock, whole.entity, whole.order, notes, digest)


def from_frame(
    name: str, frame: Any, time: str | None = None, entity: str | None = None, digest: str = ""
) -> SeriesSet:
    """The series of a table.

    Raises:
        UserError: no rows, no column of numbers, or a time that comes twice in one series.
    """
    frame = frame.rename(columns=str).reset_index(drop=True)
    if not len(frame):
        raise UserError(f"data {name}: it has no rows", code="series.no_rows")
    found = reading.find(frame, time, entity)
    if found is None:
        found = _without_entity(name, frame, time, entity)
    notes = list(found.notes)
    if found.times is not None and (lost := int(found.times.isna().sum())):
        notes.append(f"{lost:,} rows have no time that can be read and are left out")
        frame, found.times = frame[found.times.notna()], found.times[found.times.notna()]
    numbers = _numbers(name, frame, found, notes)
    series = _in_order(numbers, frame, found, notes)
    columns = tuple(_measured(str(c), frame[c], np.concatenate([s[:, k] for s in series.values()]))
                    for k, c in enumerate(numbers.columns))  # fmt: skip
    constant = [c.name for c in columns if c.low == c.high]
    if constant:
        notes.append(f"constant, and so in every sample: {', '.join(constant)}")
    order = tuple(c for c in frame.columns if c in numbers.columns or c in found.time or c == found.entity)
    return SeriesSet(name, series, columns, _clock(found), found.entity, order, notes, digest)


def _without_entity(name: str, frame: Any, time: str | None, entity: str | None) -> Layout:
    """Rows in the order of the file, where no column says when they are; an error where a time comes twice."""
    notes: list[str] = []
    for column in [time] if time else list(frame.columns):
        dates, _ = reading.dates_of(frame[column], notes, column)
        if dates is not None and dates.duplicated().any():
            twice = dates[dates.duplicated()].iloc[0]
            raise UserError(
                f"data {name}, column {column!r}: {twice} comes more than once, and no column tells the series "
                "apart. Remove the duplicate rows, or name the column of the series: data.kind=series data.entity=...",
                code="series.duplicate_times",
            )
    return Layout(None, notes=["no column of times: the rows are taken in the order of the file"])


def _numbers(name: str, frame: Any, found: Layout, notes: list[str]) -> Any:
    """The columns of numbers; others are left out and named."""
    import pandas as pd

    values = frame.drop(columns=[*found.time, *([found.entity] if found.entity else [])])
    numbers = values.select_dtypes(["number", "bool"])
    numbers = numbers.loc[:, [c for c in numbers.columns if numbers[c].isna().mean() <= MOSTLY_MISSING]]
    index = [c for c in numbers if len(frame) > 2 and pd.Series(numbers[c]).diff().iloc[1:].eq(1).all()]
    numbers = numbers.drop(columns=index)  # a running number of the rows
    if left := [c for c in values.columns if c not in numbers.columns]:
        notes.append(f"not learned, for they hold no numbers, few values, or a running number: {', '.join(left)}")
    if not len(numbers.columns):
        raise UserError(f"data {name}: it has no column of numbers beside the time", code="series.no_numbers")
    return numbers.astype(float).replace([np.inf, -np.inf], np.nan)


def _in_order(numbers: Any, frame: Any, found: Layout, notes: list[str]) -> dict[str, np.ndarray]:
    """The series by name, oldest row first, gaps filled along a line."""
    of: Any = frame[found.entity].astype(str) if found.entity else np.zeros(len(frame), int)
    series = {}
    gaps = int(numbers.isna().to_numpy().sum())
    for name, part in numbers.groupby(of, sort=False):
        if found.times is not None:
            part = part.loc[found.times.loc[part.index].sort_values(kind="stable").index]
        series[str(name)] = part.interpolate(limit_direction="both").fillna(0.0).to_numpy(np.float64)
    if gaps:
        notes.append(f"{gaps:,} missing values are filled along a line between their neighbors")
    if found.times is not None and not found.ordered:
        notes.append("the rows are not in order of time and are sorted")
    if found.times is not None and found.regular < 0.99:
        notes.append(f"{found.regular:.0%} of the rows follow at the usual distance; rows count as equally spaced")
    return series


def _measured(name: str, raw: Any, values: np.ndarray) -> Column:
    """What a channel needs to come back as it was."""
    present = raw.dropna()
    some = present.iloc[:: max(1, len(present) // 1_000)].astype(float)
    decimals = next((d for d in range(7) if np.allclose(some, some.round(d), rtol=0, atol=1e-9)), -1)
    return Column(name, str(raw.dtype), decimals, float(values.min()), float(values.max()))


def _clock(found: Layout) -> Clock | None:

    if found.times is None:
        return None
    times = found.times.drop_duplicates().sort_values()
    return Clock(found.time, str(times.iloc[-1]), _step(times), found.format)


def _step(times: Any) -> str:
    """The usual distance between rows, as a frequency of pandas."""
    import pandas as pd

    gaps = times.diff().dropna()
    if not len(gaps):
        return "D"
    usual, days = gaps.mode().iloc[0], gaps.median() / pd.Timedelta("1D")
    if 28 <= days <= 31 and (times.dt.day == 1).all():
        return "MS"
    if 365 <= days <= 366 and (times.dt.day_of_year == 1).all():
        return "YS"
    if usual == pd.Timedelta("1D"):
        return "B" if (times.dt.day_of_week < 5).all() else "D"
    return "h" if usual == pd.Timedelta("1h") else f"{usual.total_seconds():g}s"
