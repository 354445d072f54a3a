"""Columns of dates and times: whether a column is one, how it is written, and its time zone."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from ganforge.core.errors import UserError
from ganforge.data import dates as date_forms
from ganforge.data import long_columns
from ganforge.modalities.series import zones

NAMES = re.compile(
    r"(^|[_ .])(date|time|datetime|timestamp|ts|month|day|period|year|unix|epoch)s?($|[_ .])|date|time|日期|时间|時間",
    re.IGNORECASE,
)
SAME_WIDTH = frozenset(("%Y", "%m", "%d", "%H", "%M", "%S", "%f"))  # codes that are as wide whatever the time
CODE = re.compile(r"%[A-Za-z]")
MANY = 10_000  # values, of which a longer column is asked for digits
DATES_AT_LEAST = 0.98  # of a column's values
ZONE = r"(?:Z|UTC|GMT|[+-]\d\d:?\d\d)$"
NUMBER = " as a number"
DAYS = "%Y%m%d"
HOURS, LAST_24 = "hours", "hours from 1 to 24"
UNIX = {"unix s": "s", "unix ms": "ms"}
"""Forms of numbers that count from 1970 on, and their units."""
HOUR = re.compile(r"(^|[_ .])(hour|hr|time)s?($|[_ .])|时间|時間|小时|小時", re.IGNORECASE)
"""Names of columns that hold the time of day."""
OF_DAY = (("%H:%M:%S", r"\d\d:\d\d:\d\d"), ("%H:%M", r"\d\d:\d\d"), ("%H.%M.%S", r"\d\d\.\d\d\.\d\d"),
          ("%H.%M", r"\d\d\.\d\d"), ("%-H:%M:%S", r"\d\d?:\d\d:\d\d"), ("%-H:%M", r"\d\d?:\d\d"))  # fmt: skip
BETWEEN = "\n"
"""Of a form, between those of the column of days and of the one of hours."""


def dates_of(values: Any, notes: list[str], name: str, zone: str | None = None) -> tuple[Any, str | None]:
    """A column as time stamps, in UTC with its zone where they say their own, and the format that they are written in;
    None where it holds no dates.

    Args:
        zone: whose clocks showed the times, for names of zones that may be several.

    Raises:
        UserError: day and month cannot be told apart, or a time zone is not known.
    """
    import pandas as pd
    from pandas.tseries.api import guess_datetime_format

    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        if values.dt.tz is not None and str(values.dt.tz) != "UTC":
            notes.append(f"column {name!r}: time stamps are converted to UTC")
        return values, None
    if pd.api.types.is_bool_dtype(values.dtype):
        return None, None
    if pd.api.types.is_numeric_dtype(values.dtype):
        return _from_numbers(values, name)
    texts = long_columns.piecewise(lambda part: part.dropna().astype(str).str.strip(), values)
    if not len(texts) or not texts.iloc[:: max(1, len(texts) // MANY)].str.contains(r"\d").mean() > DATES_AT_LEAST:
        return None, None
    if (parts := zones.split(values, texts)) is not None:
        stamps, names = parts
        times, form = dates_of(stamps, notes, name)
        if times is None or not names.any():
            return times, form
        return zones.moments(times, names, zone, name, notes), None
    some = texts.iloc[:: max(1, len(texts) // 50)]
    year_first = re.match(r"\d{4}\D", texts.iloc[0]) is not None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the day comes first
        guesses = [guess_datetime_format(texts.iloc[0], dayfirst=first) for first in (False, True)[: 2 - year_first]]
    known = None if any(guesses) else date_forms.find(texts.iloc[:: max(1, len(texts) // MANY)].unique().tolist())
    if known is None and _read(some, "mixed").notna().mean() < DATES_AT_LEAST / 2:
        return None, None
    readings: dict[str, Any] = {}
    forms = [known.format, known.other] if known else guesses
    for form in list(filter(None, forms)) or ["mixed"]:
        read = date_forms.read(values, form) if known else _read(values, form)
        if read.isna().sum() <= values.isna().sum() + (1 - DATES_AT_LEAST) * len(values):
            readings[form] = read
    if not readings:  # the first date fits a form that later ones do not
        read = _read(values, "mixed").dt.tz_localize(None)
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
        read, form = read.dt.tz_convert("UTC"), "mixed"
        if some.str.contains(ZONE).any():
            notes.append(f"column {name!r}: time stamps are converted to UTC")
    if known or form == "mixed":
        return read, None if form == "mixed" else form
    return read, _unpadded(form, texts, read.dropna())


def _read(values: Any, form: str) -> Any:
    """Texts as times, part by part: pandas makes an object of each text on the way. In UTC where the form has an
    offset, which changes with daylight saving, or is "mixed"."""
    import pandas as pd

    def read(part: Any) -> Any:
        return pd.to_datetime(part, errors="coerce", format=form, utc=form == "mixed" or "%z" in form)

    return long_columns.piecewise(read, values)


def of_day(values: Any) -> tuple[Any, str] | None:
    """A column of times of day as differences from midnight, and its form; None where it holds others.

    Whole numbers from 0 to 24 are hours: some count them from 1.
    """
    import pandas as pd

    if values.isna().any() or pd.api.types.is_bool_dtype(values.dtype):
        return None
    if pd.api.types.is_numeric_dtype(values.dtype):
        if (values != values.round()).any() or not values.between(0, 24).all() or values.nunique() < 2:
            return None
        if {0, 24} <= set(values):
            return None
        return pd.to_timedelta(values.astype("int64"), unit="h"), LAST_24 if values.max() == 24 else HOURS
    texts = values.astype(str).str.strip()
    if texts.str.fullmatch(r"\d\d?").all():
        return of_day(texts.astype("int64"))
    for form, shape in OF_DAY:
        if texts.str.fullmatch(shape).all():
            times = pd.to_datetime(texts, format=form.replace("%-H", "%H"), errors="coerce")
            return None if times.isna().any() else (times - times.dt.normalize(), form)
    return None


def stamped(times: Any, names: Sequence[str], form: str | None) -> dict[str, Any]:
    """Times as the columns that a file has for them: texts in a form, numbers, or one column for each part."""
    import pandas as pd

    if form is not None and BETWEEN in form:
        days, hours = form.split(BETWEEN)
        of = times - pd.Timedelta("1h") if hours == LAST_24 else times  # hour 24 belongs to the day that it ends
        return {names[0]: _written(of, days), names[1]: _written(times, hours)}
    if len(names) > 1:
        return {name: getattr(times.dt, name.lower()).to_numpy() for name in names}
    return {names[0]: times.to_numpy() if form is None else _written(times, form)}


def _written(times: Any, form: str) -> np.ndarray:
    if form in UNIX:
        return times.to_numpy(f"datetime64[{UNIX[form]}]").astype(np.int64)
    if form in (HOURS, LAST_24):
        hours = times.dt.hour.to_numpy()
        return np.where(hours == 0, 24, hours) if form == LAST_24 else hours
    texts = np.array(date_forms.write(times, form.removesuffix(NUMBER)), object)
    return texts.astype(np.int64) if form.endswith(NUMBER) or form == "%Y" else texts


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
    """Years, days such as 20240531, or seconds or milliseconds since 1970, in a column that is named so."""
    import pandas as pd

    if not NAMES.search(name) or values.isna().any() or (values != values.round()).any():
        return None, None
    low, high = float(values.min()), float(values.max())
    if low >= 1000 and high <= 3000 and name.lower() == "year":
        return pd.to_datetime(values.astype(int).astype(str), format="%Y"), "%Y"
    if low >= 18_000_101 and high <= 22_001_231:
        days = pd.to_datetime(values.astype(int).astype(str), format=DAYS, errors="coerce")
        return (days, DAYS + NUMBER) if days.notna().all() else (None, None)
    for (form, unit), size in zip(UNIX.items(), (1, 1_000), strict=True):
        if 1e8 * size <= low and high <= 1e10 * size:
            return pd.to_datetime(values, unit=unit), form
    return None, None


def _steadiness(times: Any) -> float:
    """How often the most frequent gap comes, between rows as they stand."""
    gaps = times.dropna().diff().dropna()
    gaps = gaps[gaps != gaps - gaps]  # days of which each has several rows
    return 0.0 if not len(gaps) else float(gaps.value_counts().iloc[0]) / len(gaps)
