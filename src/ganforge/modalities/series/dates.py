"""Columns of dates and times: whether a column is one, how it is written, and its time zone."""

from __future__ import annotations

import re
from typing import Any

from ganforge.core.errors import UserError
from ganforge.data import long_columns

NAMES = re.compile(
    r"(^|[_ .])(date|time|datetime|timestamp|ts|month|day|period|year)s?($|[_ .])|date|time", re.IGNORECASE
)
SAME_WIDTH = frozenset(("%Y", "%m", "%d", "%H", "%M", "%S", "%f"))  # codes that are as wide whatever the time
CODE = re.compile(r"%[A-Za-z]")
MANY = 10_000  # values, of which a longer column is asked for digits
DATES_AT_LEAST = 0.98  # of a column's values


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
