"""Tables that are time series: which column is the time, which one names the series, and the rows in order of time."""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ganforge.core import scratch
from ganforge.core.errors import UserError, did_you_mean
from ganforge.core.extras import need
from ganforge.data import long_columns
from ganforge.data.frames import separators

if TYPE_CHECKING:
    import pandas as pd

TEXT, PARQUET = (".csv", ".tsv", ".csv.gz", ".tsv.gz"), (".parquet", ".pq")
NAMES = re.compile(
    r"(^|[_ .])(date|time|datetime|timestamp|ts|month|day|period|year)s?($|[_ .])|date|time", re.IGNORECASE
)
PARTS = ("year", "month", "day", "hour", "minute")
HEAD = 100  # lines that show how numbers are written
FEWEST = 32  # rows; a shorter table is hardly a series
PER_SERIES = 8  # rows of the median series of a long table
REGULAR = 0.5  # share of the most frequent gap, from which gaps count as regular: of business days 0.8
SAME_WIDTH = frozenset(("%Y", "%m", "%d", "%H", "%M", "%S", "%f"))  # codes that are as wide whatever the time
CODE = re.compile(r"%[A-Za-z]")
MANY = 10_000  # values, of which a longer column is asked for digits
DATES_AT_LEAST = 0.98  # of a column's values
READ_ERRORS = (ValueError, OSError, EOFError, zlib.error, csv.Error)


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


class Unpacked:
    """The content of a file in a zip, with what `load` asks of a path."""

    def __init__(self, name: str, content: bytes):
        self.name, self.suffix, self.content = name, Path(name).suffix, content

    def open(self, mode: str = "rb") -> io.BytesIO:
        return io.BytesIO(self.content)


def is_table(path: Path) -> bool:
    return path.name.lower().endswith(TEXT + PARQUET)


def marks_of(path: Path | Unpacked) -> tuple[str, str]:
    """What separates values in a file of text, and its decimal point."""
    with path.open("rb") as file:
        lines = gzip.GzipFile(fileobj=file) if path.suffix == ".gz" else file
        return separators(line.decode("utf-8-sig") for line in [lines.readline(), *islice(lines, HEAD)])


def load(path: Path | Unpacked, rows: int | None = None, texts: bool = False) -> Any:
    """The table of a file, or its first rows.

    Args:
        texts: all values as they are written.

    Raises:
        READ_ERRORS: it cannot be read.
    """
    need("pandas", "a table of time series")
    import pandas as pd

    if path.name.lower().endswith(PARQUET):
        need("pyarrow", "reading a Parquet file")
        if rows is None:
            return pd.read_parquet(path if isinstance(path, Path) else path.open())
        return _first_of_parquet(path, rows)
    delimiter, decimal = marks_of(path)

    def read(**how: Any) -> Any:
        return pd.read_csv(
            file, sep=delimiter, decimal=decimal, encoding="utf-8-sig", skipinitialspace=True,
            compression="gzip" if path.suffix == ".gz" else None,
            dtype=str if texts else None, keep_default_na=not texts, **how,
        )  # fmt: skip

    with path.open("rb") as file:
        if rows is not None:
            return read(nrows=rows)
        try:
            return long_columns.rows_of(read(chunksize=scratch.AT_ONCE))
        except TypeError:  # a column is of numbers in one part and of texts in another
            file.seek(0)
            return read()


def _first_of_parquet(path: Path | Unpacked, rows: int) -> Any:
    """The first rows of a Parquet file, without those that follow."""
    import pyarrow as pa
    import pyarrow.parquet

    with path.open("rb") as opened:
        file = pyarrow.parquet.ParquetFile(opened)
        batch = next(file.iter_batches(rows), None)
        return (file.schema_arrow.empty_table() if batch is None else pa.Table.from_batches([batch])).to_pandas()


def dates_of(values: Any, notes: list[str], name: str) -> tuple[Any, str | None]:
    """A column as time stamps and the format that they are written in; None where it holds no dates.

    Raises:
        UserError: day and month cannot be told apart.
    """
    import pandas as pd
    from pandas.tseries.api import guess_datetime_format

    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return values, None
    if pd.api.types.is_bool_dtype(values.dtype):
        return None, None
    if pd.api.types.is_numeric_dtype(values.dtype):
        return _from_numbers(values, name)
    texts = long_columns.piecewise(lambda part: part.dropna().astype(str).str.strip(), values)
    if not len(texts) or not texts.iloc[:: max(1, len(texts) // MANY)].str.contains(r"\d").mean() > DATES_AT_LEAST:
        return None, None
    some = texts.iloc[:: max(1, len(texts) // 50)]
    if pd.to_datetime(some, errors="coerce", utc=True, format="mixed").notna().mean() < DATES_AT_LEAST / 2:
        return None, None
    readings: dict[str, Any] = {}
    year_first = re.match(r"\d{4}\D", texts.iloc[0]) is not None
    for first in (False,) if year_first else (False, True):
        form = guess_datetime_format(texts.iloc[0], dayfirst=first)
        read = _parsed(values, format=form or "mixed", dayfirst=first, utc=form is None)
        if read.isna().sum() <= values.isna().sum() + (1 - DATES_AT_LEAST) * len(values):
            readings[form or "mixed"] = read
    if not readings:  # the first date fits a form that later ones do not
        read = _parsed(values, format="mixed", utc=True).dt.tz_localize(None)
        return (read, None) if read.notna().mean() >= DATES_AT_LEAST else (None, None)
    if len(readings) == 2:
        shares = {form: _steadiness(read) for form, read in readings.items()}
        best, other = sorted(shares, key=lambda form: -shares[form])
        if shares[best] == shares[other]:
            raise UserError(
                f"column {name!r}: {texts.iloc[0]!r} may have the day or the month first, and the other rows do not "
                "say which. Write the dates as year-month-day",
                code="series.ambiguous_dates",
            )
        notes.append(f"column {name!r}: dates are read as {best}, for which they are more regular than as {other}")
        readings = {best: readings[best]}
    ((form, read),) = readings.items()
    if read.dt.tz is not None:
        read, form = read.dt.tz_convert("UTC").dt.tz_localize(None), "mixed"
        notes.append(f"column {name!r}: time stamps are converted to UTC")
    return read, None if form == "mixed" else _unpadded(form, texts, read.dropna())


def _parsed(values: Any, **form: Any) -> Any:
    """Texts as times, part by part: pandas makes an object of each text on the way."""
    import pandas as pd

    return long_columns.piecewise(lambda part: pd.to_datetime(part, errors="coerce", **form), values)


def _unpadded(form: str, texts: Any, read: Any) -> str:
    """The form with `%-d`, `%-m` where texts have days or months of one digit: `Jan 1 2000`, not `Jan 01 2000`."""
    every = CODE.findall(form)
    if set(every) <= SAME_WIDTH and texts.str.len().eq(len(read.iloc[0].strftime(form))).all():
        return form  # a missing zero would make a text shorter
    codes = [code for code in every if code not in ("%b", "%B", "%a", "%A", "%p")]
    numbers = texts.str.findall(r"\d+")
    for k, code in enumerate(codes):
        # 20010309 is one number: there is no k-th one
        if code in ("%d", "%m") and numbers.str[k].dropna().map(len).eq(1).any():
            form = form.replace(code, f"%-{code[1]}", 1)
    return form


def _from_numbers(values: Any, name: str) -> tuple[Any, str | None]:
    """Years, or seconds or milliseconds since 1970, in a column that is named so."""
    import pandas as pd

    if not NAMES.search(name) or values.isna().any() or (values != values.round()).any():
        return None, None
    low, high = float(values.min()), float(values.max())
    if low >= 1000 and high <= 3000 and name.lower() == "year":
        return pd.to_datetime(values.astype(int).astype(str), format="%Y"), "%Y"
    for unit, size in (("s", 1), ("ms", 1_000)):
        if 1e8 * size <= low and high <= 1e10 * size:
            return pd.to_datetime(values, unit=unit), None
    return None, None


def _steadiness(times: Any) -> float:
    """How often the most frequent gap comes, between rows as they stand."""
    gaps = times.dropna().diff().dropna()
    return 0.0 if not len(gaps) else float(gaps.value_counts().iloc[0]) / len(gaps)


def in_utc(times: Any, zone: str, notes: list[str]) -> Any:
    """Times that clocks of a zone showed, as UTC: the hour that comes twice in autumn is told by the order of the rows.

    Raises:
        UserError: no such zone, a time that there was not, or rows in no order around a repeated hour.
    """
    try:
        local = times.dt.tz_localize(zone, ambiguous="infer", nonexistent="raise")
    except (KeyError, OSError):
        raise UserError(
            f"data.timezone={zone}: no such time zone; names are like Europe/Berlin or America/New_York",
            code="series.unknown_timezone",
        ) from None
    except ValueError as error:
        raise UserError(
            f"data.timezone={zone}: these are not times that its clocks showed, in their order ({error}). Bring the "
            "rows in order of time, or leave the time zone out if they are in UTC",
            code="series.not_in_timezone",
        ) from None
    notes.append(f"times of {zone} are converted to UTC")
    return local.dt.tz_convert("UTC").dt.tz_localize(None)


def find(frame: Any, said: Said = Said()) -> Layout | None:  # frozen
    """The layout of a table, or None where it is no time series.

    Raises:
        UserError: no such column, or what is named does not serve.
    """
    import pandas as pd

    time, entity = said.time, said.entity
    for name in (time, entity):
        if name is not None and name not in frame.columns:
            raise UserError(
                f"the data has no column {name!r}{did_you_mean(name, map(str, frame.columns))} "
                f"(its columns: {', '.join(map(str, frame.columns))})",
                code="column.not_found",
            )
    notes: list[str] = []
    lower = {str(name).lower(): str(name) for name in frame.columns}
    if time is None and all(part in lower for part in PARTS[:3]):
        names = tuple(lower[part] for part in PARTS if part in lower)
        made = pd.to_datetime(
            frame[list(names)].rename(columns=lambda name: name.lower()).astype(float), errors="coerce"
        )
        notes.append(f"the time is read from the columns {', '.join(names)}")
        candidates = [(names, made, None)]
    else:
        candidates = []
        for name in [time] if time else sorted(map(str, frame.columns), key=lambda n: NAMES.search(n) is None):
            dates, form = dates_of(frame[name], notes, name)
            if dates is not None:
                candidates.append(((name,), dates, form))
                break
        if time and not candidates:
            raise UserError(f"column {time!r}: these are not dates or times", code="series.not_a_time")
    for names, dates, form in candidates:
        if said.timezone is not None:
            dates, form = in_utc(dates, said.timezone, notes), None
        found = _arranged(frame, dates, names, entity)
        if found is not None:
            found.format, found.notes = form, notes
            return found
    return None


def _arranged(frame: Any, dates: Any, names: tuple[str, ...], entity: str | None) -> Layout | None:
    """The layout with a series in every value of the entity column, where one is needed."""
    import pandas as pd

    if entity is None and not _repeated(dates):
        return Layout(dates, names, None, None, *_order(dates, None))
    texts = [str(c) for c in frame.columns if c not in names and not pd.api.types.is_float_dtype(frame[c].dtype)]
    for name in [entity] if entity else texts:
        of = frame[name].astype(str)
        sizes = of.value_counts()
        if pd.DataFrame({"t": dates, "e": of}).duplicated().any() or sizes.median() < PER_SERIES:
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
