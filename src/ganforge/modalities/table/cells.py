"""From columns as they were read to numbers, texts, dates and truth values."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from ganforge.core.errors import UserError

if TYPE_CHECKING:
    pass

PROBE = 1_000  # records looked at before a file is read
NUMBERS_AT_LEAST = 0.9  # of a column's values, for the rest to count as missing
LEADING_ZERO = re.compile(r"-?0\d+")


def typed(name: str, values: Any, where: str, notes: list[str]) -> Any:
    """A column as numbers, booleans, dates, categories of these, or texts."""
    import pandas as pd

    types = pd.api.types
    kind = values.dtype
    if isinstance(kind, pd.CategoricalDtype):
        odd = [v for v in kind.categories.tolist() if not isinstance(v, (str, bool, int, float))]
        return values.astype(object).astype(str).where(values.notna(), None).astype("category") if odd else values
    if types.is_bool_dtype(kind) or types.is_datetime64_any_dtype(kind):
        return values
    if types.is_complex_dtype(kind) or types.is_timedelta64_dtype(kind) or isinstance(kind, pd.PeriodDtype):
        raise UserError(
            f"data {where}, column {name!r}: it holds {kind}, which is not a number, text or date. Convert it "
            "to numbers first (to hours, for example)",
            code="column.type_not_supported",
        )
    if types.is_numeric_dtype(kind):
        return _finite(name, values, notes)
    return _text(name, values, where, notes)


def _finite(name: str, values: Any, notes: list[str]) -> Any:
    if values.dtype.kind != "f":
        return values
    endless = np.isinf(values.to_numpy(np.float64, na_value=np.nan))
    if endless.any():
        notes.append(f"column {name!r}: {int(endless.sum()):,} values are infinite and count as missing")
        values = values.mask(endless)
    return values


def _text(name: str, values: Any, where: str, notes: list[str]) -> Any:
    """A column of texts or of mixed objects: of one type if nearly all of it is, else of texts."""
    import pandas as pd

    present = values.dropna()
    if len(present) == 0:
        return values.astype(object) if values.dtype != object else values
    if values.dtype == object:
        types = set(map(type, present))
        if any(issubclass(t, (list, dict, set, tuple, np.ndarray)) for t in types):
            raise UserError(
                f"data {where}, column {name!r}: it holds {min(t.__name__ for t in types)}s, but a cell must be "
                "one value. Split it into several columns",
                code="column.type_not_supported",
            )
        if types == {bool}:
            return values.astype("boolean")
        if all(issubclass(t, (bool, int, float, np.number)) for t in types) and bool not in types:
            return _finite(name, pd.to_numeric(values), notes)
        if types != {str}:
            dates: Any = pd.to_datetime(present, errors="coerce") if not types & {str, int, float} else present.iloc[:0]
            if len(dates) and dates.notna().all():
                return pd.to_datetime(values)
    numbers = _mostly_numbers(name, values, present, notes)
    if numbers is not None:
        return numbers
    if values.dtype == object and set(map(type, present)) != {str}:
        notes.append(f"column {name!r} mixes {_said(present)}; all of it is read as text")
        return values.where(values.isna(), values.astype(str))
    return values


def _mostly_numbers(name: str, values: Any, present: Any, notes: list[str]) -> Any:
    """The column as numbers where nearly all of it is, what else there is as missing; or None."""
    import pandas as pd

    some = present.iloc[:: max(1, len(present) // PROBE)]
    probed: Any = pd.to_numeric(some, errors="coerce")
    if probed.notna().mean() < NUMBERS_AT_LEAST / 2:
        return None  # quickly told of most columns of text
    if some.map(lambda v: isinstance(v, str) and LEADING_ZERO.fullmatch(v.strip()) is not None).any():
        return None  # codes, such as 01234
    numbers: Any = pd.to_numeric(present, errors="coerce")
    share = numbers.notna().mean()
    if share < NUMBERS_AT_LEAST:
        notes.append(f"column {name!r} holds numbers ({share:.0%} of it) and text; all of it is read as text")
        return None
    others = present[numbers.isna()]
    if len(others):
        told = ", ".join(f"{text!r} ({count:,})" for text, count in others.value_counts().head(3).items())
        more = f" and {others.nunique() - 3:,} others" if others.nunique() > 3 else ""
        notes.append(
            f"column {name!r} holds numbers but for {len(others):,} of its {len(present):,} values, which count as "
            f"missing: {told}{more}"
        )
    return whole(pd.to_numeric(values, errors="coerce"))


def whole(values: Any) -> Any:
    """Whole numbers some of which are missing, which pandas has as floats, as the integers they are."""
    if values.dtype != np.float64 or not values.isna().any() or not values.notna().any():
        return values
    x = values.dropna().to_numpy()
    return values.astype("Int64") if (np.abs(x) < 2**53).all() and (x == np.rint(x)).all() else values


def _said(present: Any) -> str:
    """`text (900) and int (12)`."""
    counts = Counter("text" if isinstance(v, str) else type(v).__name__ for v in present)
    return " and ".join(f"{kind} ({count:,})" for kind, count in counts.most_common(3))
