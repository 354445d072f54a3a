"""From columns as they were read to numbers, texts, dates and truth values."""

from __future__ import annotations

import decimal
import re
from collections import Counter
from typing import Any

import numpy as np

from ganforge.core import scratch
from ganforge.core.errors import UserError
from ganforge.data import amounts, long_columns

NUMBERS_AT_LEAST = 0.9  # of a column's values, for the rest to count as missing
INTEGER = re.compile(r"[+-]?[0-9]+")
NUMBER = re.compile(r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|(?i:inf|infinity))")


def typed(name: str, values: Any, where: str, notes: list[str]) -> Any:
    """A column as numbers, booleans, dates, categories of these, or texts."""
    import pandas as pd

    types = pd.api.types
    values = _without_arrow(name, values, where)
    kind = values.dtype
    if isinstance(kind, pd.CategoricalDtype):
        odd = [v for v in kind.categories.tolist() if not isinstance(v, (str, bool, int, float))]
        return values.astype(object).astype(str).where(values.notna(), None).astype("category") if odd else values
    if types.is_bool_dtype(kind) or types.is_datetime64_any_dtype(kind):
        return values
    if types.is_complex_dtype(kind) or types.is_timedelta64_dtype(kind) or isinstance(kind, pd.PeriodDtype):
        raise _unsupported(name, where, kind)
    if types.is_numeric_dtype(kind):
        return _finite(name, values, notes)
    return _text(name, values, where, notes)


def _unsupported(name: str, where: str, kind: Any) -> UserError:
    return UserError(
        f"data {where}, column {name!r}: it holds {kind}, which is not a number, text or date. Convert it "
        "to numbers first (to hours, for example)",
        code="column.type_not_supported",
    )


def _without_arrow(name: str, values: Any, where: str) -> Any:
    """A column of an Arrow type as the plain type that holds the same."""
    import pandas as pd

    if isinstance(values.dtype, pd.SparseDtype):
        return values.sparse.to_dense()
    if not isinstance(values.dtype, pd.ArrowDtype):
        return values
    import pyarrow as pa

    kind, types = values.dtype.pyarrow_dtype, pa.types
    if types.is_dictionary(kind):
        return values.astype("category")
    if types.is_decimal(kind):
        return values.astype(object).map(float, na_action="ignore").astype(np.float64)
    if types.is_integer(kind):
        plain = str(kind)  # int8 .. uint64
        return values.astype(plain.replace("i", "I", 1).replace("uI", "UI") if values.isna().any() else plain)
    if types.is_floating(kind):
        return pd.Series(values.to_numpy(np.float64, na_value=np.nan))
    if types.is_boolean(kind):
        return values.astype("boolean" if values.isna().any() else bool)
    if types.is_date(kind):
        return pd.Series(pd.to_datetime(values.astype(object).where(values.notna(), None)))
    if types.is_timestamp(kind):
        unit = "s" if kind.unit == "s" else kind.unit
        return values.astype(f"datetime64[{unit}]" if kind.tz is None else f"datetime64[{unit}, {kind.tz}]")
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind) or types.is_time(kind):
        texts = values.astype(object).where(values.notna(), None)
        return pd.Series(texts.map(str, na_action="ignore"), dtype=object)
    if types.is_null(kind):
        return pd.Series([None] * len(values), dtype=object)
    raise _unsupported(name, where, kind)


def _finite(name: str, values: Any, notes: list[str]) -> Any:
    if values.dtype.kind != "f":
        return values

    def endless(part: Any) -> np.ndarray:
        return np.isinf(part.to_numpy(np.float64, na_value=np.nan))

    count = sum(int(endless(values.iloc[part]).sum()) for part in scratch.pieces(len(values)))
    if count:
        notes.append(f"column {name!r}: {count:,} values are infinite and count as missing")
        values = long_columns.piecewise(lambda part: part.mask(endless(part)), values)
    return values


def _text(name: str, values: Any, where: str, notes: list[str]) -> Any:
    """A column of texts or of mixed objects: of one type if nearly all of it is, else of texts."""
    import pandas as pd

    if values.isna().all():
        return values.astype(object) if values.dtype != object else values
    if long_columns.is_mapped_text(values.dtype):
        return values
    present = values.dropna()
    if values.dtype == object:
        types = set(map(type, present))
        if any(issubclass(t, (list, dict, set, tuple, np.ndarray)) for t in types):
            raise UserError(
                f"data {where}, column {name!r}: it holds {min(t.__name__ for t in types)}s, but a cell must be "
                "one value. Split it into several columns",
                code="column.type_not_supported",
            )
        if any(issubclass(t, (bytes, bytearray)) for t in types):
            raise _unsupported(name, where, "bytes")
        if types == {decimal.Decimal}:
            return _finite(name, values.map(float, na_action="ignore").astype(np.float64), notes)
        if types == {bool}:
            return values.astype("boolean")
        if all(issubclass(t, (bool, int, float, np.number)) for t in types) and bool not in types:
            return _finite(name, pd.to_numeric(values), notes)
        if types != {str}:
            dates: Any = pd.to_datetime(present, errors="coerce") if not types & {str, int, float} else present.iloc[:0]
            if len(dates) and dates.notna().all():
                return pd.to_datetime(values)
    if values.dtype == object and set(map(type, present)) != {str}:
        numbers = from_texts(name, values.where(values.isna(), values.astype(str)), notes)
        if pd.api.types.is_numeric_dtype(numbers.dtype):
            return numbers
        notes.append(f"column {name!r} mixes {_said(present)}; all of it is read as text")
        return values.where(values.isna(), values.astype(str))
    return values


def from_texts(name: str, values: Any, notes: list[str]) -> Any:
    """A column of a text file as truth values or numbers, exact and from all of it, where nine of ten are such; else
    as the texts they are."""
    import pandas as pd

    truths: _Truths | None = _Truths()
    found: amounts.Numbers | None = amounts.Numbers()
    other: Counter[str] = Counter()  # texts that are no numbers
    good = bad = 0
    beyond = False  # whether digits are beyond every number type
    for part in scratch.pieces(len(values)):
        codes, seen = amounts.distinct_texts(values.iloc[part])
        texts = [str(text).strip() for text in seen]
        if truths is not None and not truths.add(texts, codes):
            truths = None
        if any(amounts.CODE.fullmatch(text) for text in texts):
            return values
        made = [_plain_number(text) for text in texts]
        beyond |= any(isinstance(number, int) and not -(2**63) <= number < 2**64 for number in made)
        counts = np.bincount(codes[codes >= 0], minlength=len(texts)).tolist()
        for text, number, count in zip(seen, made, counts, strict=True):
            good, bad = (good, bad + count) if number is None else (good + count, bad)
            if number is None and found is not None:
                other[text] += count
        if bad > (1 - NUMBERS_AT_LEAST) * len(values) + 1:
            found, other = None, Counter()  # it stays text, whatever the rest is
        if found is not None:
            found.add(made, codes)
    if not good + bad:
        return pd.Series(np.full(len(values), np.nan))
    if truths is not None:
        return truths.column()
    share = good / (good + bad)
    if found is None or share < NUMBERS_AT_LEAST:
        if share >= NUMBERS_AT_LEAST / 2:
            notes.append(f"column {name!r} holds numbers ({share:.0%} of it) and text; all of it is read as text")
        return values
    if beyond:
        return values  # digits that no number type holds
    if bad:
        often = sorted(other, key=lambda text: -other[text])
        shown = ", ".join(f"{text.strip()!r} ({other[text]:,})" for text in often[:3])
        more = f" and {len(often) - 3:,} others" if len(often) > 3 else ""
        notes.append(
            f"column {name!r} holds numbers but for {bad:,} of its {good + bad:,} values, "
            f"which count as missing: {shown}{more}"
        )
    return whole(found.column())


class _Truths:
    """Texts true and false as truth values, piece by piece."""

    def __init__(self) -> None:
        self.values, self.gone, self.gaps = scratch.Growing(), scratch.Growing(), False

    def add(self, texts: list[str], codes: np.ndarray) -> bool:
        """Adds different texts at their places, −1 for a missing one; whether they are all true or false."""
        if not {text.lower() for text in texts} <= {"true", "false"}:
            return False
        self.values.add(np.array([*(text.lower() == "true" for text in texts), False])[codes])
        self.gone.add(codes < 0)
        self.gaps |= bool((codes < 0).any())
        return True

    def column(self) -> Any:
        import pandas as pd

        values = self.values.whole(np.dtype(bool))
        return (
            long_columns.masked(values, self.gone.whole(np.dtype(bool))) if self.gaps else pd.Series(values, copy=False)
        )


def _plain_number(text: str) -> int | float | None:
    if INTEGER.fullmatch(text):
        return int(text)
    return float(text) if NUMBER.fullmatch(text) else None


def whole(values: Any) -> Any:
    """Whole numbers some of which are missing, which pandas has as floats, as the integers they are."""
    if values.dtype != np.float64:
        return values
    x = values.to_numpy()
    there = missing = False
    for part in scratch.pieces(len(x)):
        gone = np.isnan(x[part])
        some = x[part][~gone]
        if not ((np.abs(some) < 2**53) & (some == np.rint(some))).all():
            return values
        there, missing = there or len(some) > 0, missing or bool(gone.any())
    return long_columns.piecewise(lambda part: part.astype("Int64"), values) if there and missing else values


def _said(present: Any) -> str:
    """`text (900) and int (12)`."""
    counts = Counter("text" if isinstance(v, str) else type(v).__name__ for v in present)
    return " and ".join(f"{kind} ({count:,})" for kind, count in counts.most_common(3))
