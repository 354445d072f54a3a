"""Cells read one by one, whatever the rest of their column holds, as described columns ask for."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
ENDLESS = {"inf", "+inf", "-inf", "infinity", "+infinity", "-infinity"}
EXACT = 2**53  # whole numbers up to here are exact as float64


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


def each(values: pd.Series, of: Callable[[str], Any]) -> pd.Series:
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
    found = each(values, lambda text: float(text) if NUMBER.fullmatch(text) else None)
    return found.astype(np.float64)


def dates(values: pd.Series, form: str | None) -> np.ndarray:
    """Cells as datetime64[s] in UTC, NaT for what is no date: by the format, else by ISO 8601."""
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        times: Any = pd.to_datetime(values, utc=True)
    else:
        texts = each(values, lambda text: text)
        times = pd.to_datetime(texts, format="ISO8601", errors="coerce", utc=True)
        if form is not None:
            told: Any = pd.to_datetime(texts, format=form, errors="coerce", utc=True)
            times = told.where(told.notna(), times)
    return times.dt.tz_localize(None).to_numpy().astype("datetime64[s]")
