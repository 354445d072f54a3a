"""Columns described by hand, from what is known of them before anybody looks at a row.

What a table signal measures (bounds, categories, how often each occurs) is in every model file, and no noise covers it.
With a description nothing is measured: the spec is a function of the description and the names of the columns alone.

And each cell is read by itself, whatever the rest of its column holds. That asks for more than it seems: the reader of
a file takes a column for numbers or for text by looking at all of it, so one row could change what the others are. So
every cell is first brought to one form (`key`): 1, 1.0, "1" and " 1.00" are the same, and so are true and "TRUE".

A cell that fits nothing stops no run, for that would tell of it. Numbers and dates beyond the bounds are cut to them.
A value that is not listed becomes `other` where there is one; else it counts as missing, as does what is no number in a
column of numbers. Where none may be missing such a cell is left blank: all its numbers in the encoded row are 0.

Numbers are seen within public bins: a bin is a mode (as `modes` has them) and the place within it.

    bin [a, b) of whole steps 0..count    mean = (a + b − 1)/count − 1    scale = (b − a)/count    in [-1, 1]
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import numpy as np
from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from ganforge.core.component import Component
from ganforge.core.errors import UserError
from ganforge.core.overrides import from_yaml
from ganforge.modalities.table.columns import modes

if TYPE_CHECKING:
    import pandas as pd

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
ENDLESS = {"inf", "+inf", "-inf", "infinity", "+infinity", "-infinity"}
EXACT = 2**53  # whole numbers up to here are exact as float64
SECONDS = {"day": 86_400, "hour": 3_600, "minute": 60, "second": 1}
BINS = 10


def _wrong(message: str) -> PydanticCustomError:
    return PydanticCustomError("component", "{message}", {"message": message})  # type: ignore[arg-type]


def _no_truth(value: Any) -> Any:
    if isinstance(value, bool):
        raise _wrong(
            f"{value} among the values: YAML reads yes, no, on and off as truth values. Put them in quotes, or set "
            "kind: boolean"
        )
    return str(value) if isinstance(value, datetime.date) else value


def _date_text(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime.date) else value  # YAML reads 2024-05-31 as a date


Value = Annotated[int | float | str, BeforeValidator(_no_truth)]
Date = Annotated[str, BeforeValidator(_date_text)]


class PublicColumn(Component, family="column"):
    """What is known of a column of a table without looking at it."""

    def facts(self) -> dict[str, Any]:
        """Its entry in `Spec.state["columns"]`, but for the name."""
        raise NotImplementedError

    def cells(self, values: pd.Series) -> pd.Series:
        """Each cell, by itself, as a value that the column may have; missing where it fits none."""
        raise NotImplementedError


class Categorical(PublicColumn, kind="categorical"):
    """One of some values."""

    values: tuple[Value, ...] = Field(min_length=1)
    """What the cells may hold: texts or numbers."""
    other: Value | None = None
    """What values that are not listed become; by default they count as missing."""
    missing: bool = False
    """Whether cells may be empty."""

    @model_validator(mode="after")
    def _differ(self) -> Self:
        listed = self._listed()
        for k, value in enumerate(listed):
            if key(value) in (None, *(key(v) for v in listed[:k])):
                raise _wrong(f"values: {value!r} is listed twice or is empty (1, 1.0 and '1' are the same here)")
        if len(listed) + self.missing < 2:
            raise _wrong("values: a column with a single value is a constant. Set kind: constant")
        return self

    def facts(self) -> dict[str, Any]:
        listed = self._listed()
        return self._picked(listed, _type_of(listed, self.missing))

    def cells(self, values: pd.Series) -> pd.Series:
        known = {key(v): v for v in self._listed()}
        return _each(values, lambda text: known.get(text, self.other))

    def _listed(self) -> list[Any]:
        """The values, all of one type, what others become at the end."""
        told = [*self.values, *([] if self.other is None or self.other in self.values else [self.other])]
        if any(isinstance(v, str) for v in told):
            return list(map(str, told))
        return [float(v) for v in told] if any(isinstance(v, float) for v in told) else told

    def _picked(self, listed: Sequence[Any], dtype: str) -> dict[str, Any]:
        return {"kind": self.kind, **picked(listed, dtype, self.missing)}


class Ordinal(Categorical, kind="ordinal"):
    """One of some values that have an order: listed from the lowest to the highest."""

    def facts(self) -> dict[str, Any]:
        return super().facts() | {"ordered": True}


class Boolean(PublicColumn, kind="boolean"):
    """True or false."""

    missing: bool = False
    """Whether cells may be empty."""

    def facts(self) -> dict[str, Any]:
        dtype = "boolean" if self.missing else "bool"
        return {"kind": "boolean", **picked([False, True], dtype, self.missing)}

    def cells(self, values: pd.Series) -> pd.Series:
        known = {"false": False, "0": False, "true": True, "1": True}
        return _each(values, lambda text: known.get(text))


class Integer(PublicColumn, kind="integer"):
    """Whole numbers."""

    min: int = Field(ge=-EXACT, le=EXACT)
    """The smallest that there can be. Smaller ones are read as it."""
    max: int = Field(ge=-EXACT, le=EXACT)
    """The largest that there can be. Larger ones are read as it."""
    bins: int | tuple[int, ...] = Field(default=BINS)
    """Parts that the nets see a number in: how many of equal width, or where each begins, as in [0, 1, 1000]."""
    missing: bool = False
    """Whether cells may be empty."""

    @model_validator(mode="after")
    def _ascend(self) -> Self:
        check_bounds(self.min, self.max, self.bins)
        return self

    def facts(self) -> dict[str, Any]:
        count = self.max - self.min
        starts = self.bins if isinstance(self.bins, int) else [start - self.min for start in self.bins]
        return {
            "kind": "integer",
            "dtype": "Int64" if self.missing else "int64",
            "grid": {"low": self.min, "step": 1, "decimals": 0},
            "range": [0, count],
            "low": self.min,
            "high": self.max,
            **stepped(starts, count, self.missing),
        }

    def cells(self, values: pd.Series) -> pd.Series:
        return numbers(values).round().clip(self.min, self.max)


class Continuous(PublicColumn, kind="continuous"):
    """Numbers of any kind."""

    min: float
    """The smallest that there can be. Smaller ones are read as it."""
    max: float
    """The largest that there can be. Larger ones are read as it."""
    decimals: int | None = Field(default=None, ge=0, le=9)
    """Decimals that they are written with; by default as many as a float has."""
    bins: int | tuple[float, ...] = Field(default=BINS)
    """Parts that the nets see a number in: how many of equal width, or where each begins, as in [0, 0.1, 5]."""
    missing: bool = False
    """Whether cells may be empty."""

    @model_validator(mode="after")
    def _ascend(self) -> Self:
        check_bounds(self.min, self.max, self.bins)
        if self.decimals is not None and max(abs(self.min), abs(self.max)) * 10**self.decimals > EXACT:
            raise _wrong(f"decimals: {self.decimals} are more than a float can represent for numbers this large")
        if self.decimals is not None and self._whole(self.min) == self._whole(self.max):
            raise _wrong(f"decimals: with {self.decimals} of them, min and max are the same number")
        return self

    def facts(self) -> dict[str, Any]:
        known = {"kind": "continuous", "dtype": "float64", "low": self.min, "high": self.max}
        if self.decimals is None:
            return {**known, "grid": None, "range": [self.min, self.max], **self._unstepped()}
        low, count = self._whole(self.min), self._whole(self.max) - self._whole(self.min)
        starts = self.bins if isinstance(self.bins, int) else [self._whole(start) - low for start in self.bins]
        grid = {"low": low, "step": 1, "decimals": self.decimals}
        return {**known, "grid": grid, "range": [0, count], **stepped(starts, count, self.missing)}

    def cells(self, values: pd.Series) -> pd.Series:
        return numbers(values).clip(self.min, self.max)

    def _whole(self, x: float) -> int:
        return round(x * 10 ** (self.decimals or 0))

    def _unstepped(self) -> dict[str, Any]:
        if isinstance(self.bins, int):
            edges = np.linspace(-1, 1, self.bins + 1)
        else:
            told = sorted({self.min, *self.bins, self.max})
            edges = np.array([2 * ((x / 2 - self.min / 2) / (self.max / 2 - self.min / 2)) - 1 for x in told])
        return parts((edges[:-1] + edges[1:]) / 2, np.diff(edges) / 2, self.missing)


class Datetime(PublicColumn, kind="datetime"):
    """Dates, or points in time (UTC, where they have a time zone)."""

    min: Date
    """The first that there can be, as 2024-05-31 or in `format`. Earlier ones are read as it."""
    max: Date
    """The last that there can be. Later ones are read as it."""
    step: Literal["day", "hour", "minute", "second"] = "day"
    """Resolution; what is finer is cut off."""
    format: str | None = None
    """How the table writes them, such as "%d.%m.%Y". By default ISO 8601, and made rows have them as datetimes."""
    bins: int | tuple[Date, ...] = Field(default=BINS)
    """Parts that the nets see a date in: how many of equal width, or where each begins."""
    missing: bool = False
    """Whether cells may be empty."""

    @model_validator(mode="after")
    def _ascend(self) -> Self:
        told = [self.min, self.max, *(() if isinstance(self.bins, int) else self.bins)]
        unread = [text for text, second in zip(told, self._seconds(told), strict=True) if second is None]
        if unread:
            raise _wrong(f"{unread[0]!r} is not a date; expected {self.format or '2024-05-31 or 2024-05-31T13:45:00'}")
        low, high, *starts = (second or 0 for second in self._seconds(told))
        check_bounds(low, high, self.bins if isinstance(self.bins, int) else starts)
        if high - low < SECONDS[self.step]:
            raise _wrong(f"min and max are less than a {self.step} apart; use a finer step")
        return self

    def facts(self) -> dict[str, Any]:
        step = SECONDS[self.step]
        low, high = (second or 0 for second in self._seconds([self.min, self.max]))
        count = (high - low) // step
        starts = self.bins
        if not isinstance(starts, int):
            starts = [((second or 0) - low) // step for second in self._seconds(starts)]
        top = low + count * step
        return {
            "kind": "datetime",
            "dtype": "datetime64[s]" if self.format is None else "str",
            "unit": "s",
            "zone": None,
            **({} if self.format is None else {"format": self.format}),
            "grid": {"low": low, "step": step, "decimals": 0},
            "range": [0, count],
            **{name: str(np.datetime64(s, "s")).replace("T", " ") for name, s in (("low", low), ("high", top))},
            **stepped(starts, count, self.missing),
        }

    def cells(self, values: pd.Series) -> pd.Series:
        import pandas as pd

        step = SECONDS[self.step]
        low, high = (second or 0 for second in self._seconds([self.min, self.max]))
        times = dates(values, self.format)
        seconds = times.astype(np.int64).clip(low, high)  # of missing ones too; they are put back
        told = pd.Series((low + (seconds - low) // step * step).astype("datetime64[s]"))
        return told.mask(np.isnat(times))

    def _seconds(self, texts: Sequence[str]) -> list[int | None]:
        import pandas as pd

        times = dates(pd.Series(list(texts), dtype=object), self.format)
        return [None if np.isnat(time) else int(time.astype(np.int64)) for time in times]


class Constant(PublicColumn, kind="constant"):
    """The same value in every row; it is not learned, and what the table holds is not looked at."""

    value: bool | int | float | str | None = None
    """That value; by default none."""

    def facts(self) -> dict[str, Any]:
        dtype = (
            "bool"
            if isinstance(self.value, bool)
            else "object"
            if self.value is None
            else _type_of([self.value], False)
        )
        return {"kind": "constant", "dtype": dtype, "missing": 0.0, "encoding": "none", "value": self.value}

    def cells(self, values: pd.Series) -> pd.Series:
        return values


class Identifier(PublicColumn, kind="identifier"):
    """Another value in every row (a key, a name): not learned and not looked at; made rows are numbered."""

    first: int = 1
    """The number of the first made row."""

    def facts(self) -> dict[str, Any]:
        known = {"kind": "identifier", "dtype": "int64", "missing": 0.0, "encoding": "none"}
        return {**known, "style": "number", "next": self.first}

    def cells(self, values: pd.Series) -> pd.Series:
        return values


# --- descriptions


def _read(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return from_yaml(value)
    except UserError as error:
        raise UserError(f"signal.public: {error}", code=error.code) from None


Described = Annotated[dict[str, PublicColumn], BeforeValidator(_read)]
"""Column → what is known of it; a text is the path of a YAML or JSON file that says so."""


def picked(values: Sequence[Any], dtype: str, missing: bool) -> dict[str, Any]:
    """Facts of a column whose values are picked, all as likely as each other."""
    places = [*values, None] if missing else list(values)
    return {
        "dtype": dtype,
        "missing": 1 / len(places) if missing else 0.0,
        "encoding": "onehot",
        "missing_at": len(values) if missing else None,
        "other_at": None,
        "values": places,
        "counts": [1] * len(places),
    }


def stepped(starts: int | Sequence[int], count: int, missing: bool) -> dict[str, Any]:
    """Facts of bins over the whole steps 0..count: how many, or where each begins."""
    even = np.linspace(0, count + 1, min(starts, count + 1), endpoint=False) if isinstance(starts, int) else starts
    begin = np.unique([0, *even]).round().astype(int)
    end = np.append(begin[1:], count + 1)
    return parts((begin + end - 1) / count - 1, (end - begin) / count, missing)


def parts(means: np.ndarray, scales: np.ndarray, missing: bool) -> dict[str, Any]:
    """Facts of bins in [-1, 1] from their middles and half widths, [K] each, all as likely as each other."""
    k = len(means)
    found = {"means": means.tolist(), "scales": scales.tolist(), "weights": [1 / k] * k, "tail": False}
    return {
        "missing": 1 / (k + 1) if missing else 0.0,
        "encoding": "minmax" if k == 1 else "mixture",
        "modes": modes.ONE if k == 1 else found,
    }


def check_bounds(low: float, high: float, bins: int | Sequence[float]) -> None:
    """Raises pydantic's error unless bounds and bins ascend."""
    if not low < high:
        raise _wrong("min must be below max")
    if isinstance(bins, int):
        if not 1 <= bins <= 1000:
            raise _wrong(f"bins={bins}: it must be from 1 to 1000")
    elif list(bins) != sorted(set(bins)) or not bins or bins[0] < low or bins[-1] >= high:
        raise _wrong("bins: a list gives the start of each bin, ascending, from min to below max")


def _type_of(values: Sequence[Any], missing: bool) -> str:
    if any(isinstance(v, str) for v in values):
        return "str"
    if any(isinstance(v, float) for v in values):
        return "float64"
    return "Int64" if missing else "int64"


# --- cells


def key(value: Any) -> str | None:
    """One form for all that means the same cell; None where it is missing."""
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if not isinstance(value, (int, float, np.number)):
        text = str(value).strip()
        if not NUMBER.fullmatch(text):
            same = text.casefold()
            return same if same in ("true", "false") else None if same in ENDLESS or not text else text
        value = text
    number = float(value)
    if not math.isfinite(number):
        return None
    return str(int(number)) if number == int(number) and abs(number) <= EXACT else repr(number)


def _each(values: pd.Series, of: Callable[[str], Any]) -> pd.Series:
    """What `of` makes of the key of each cell; missing cells stay so."""
    import pandas as pd

    places, seen = pd.factorize(values)
    made = np.empty(len(seen) + 1, object)
    for k, value in enumerate(seen):
        text = key(value)
        made[k] = None if text is None else of(text)
    return pd.Series(made[places], dtype=object)  # a missing cell is at −1: the last


def numbers(values: pd.Series) -> pd.Series:
    """Cells as float64, NaN for what is no number."""
    import pandas as pd

    types = pd.api.types
    if types.is_numeric_dtype(values.dtype) and not types.is_bool_dtype(values.dtype):
        x = values.to_numpy(np.float64, na_value=np.nan)
        return pd.Series(np.where(np.isfinite(x), x, np.nan))
    found = _each(values, lambda text: float(text) if NUMBER.fullmatch(text) else None)
    return found.astype(np.float64)


def dates(values: pd.Series, form: str | None) -> np.ndarray:
    """Cells as datetime64[s] in UTC, NaT for what is no date: by the format, else by ISO 8601."""
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        times: Any = pd.to_datetime(values, utc=True)
    else:
        texts = _each(values, lambda text: text)
        times = pd.to_datetime(texts, format="ISO8601", errors="coerce", utc=True)
        if form is not None:
            told: Any = pd.to_datetime(texts, format=form, errors="coerce", utc=True)
            times = told.where(told.notna(), times)
    return times.dt.tz_localize(None).to_numpy().astype("datetime64[s]")
