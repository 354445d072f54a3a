"""What each column of a table is: found from its values, or said by the user and checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ganforge.core.errors import UserError
from ganforge.core.overrides import assignment
from ganforge.data import amounts, dates, long_columns
from ganforge.modalities.table.columns.detect import Detected, detect

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal[
    "categorical", "ordinal", "boolean", "continuous", "integer", "datetime", "constant", "identifier", "name"
]  # fmt: skip
NUMBERS = ("continuous", "integer", "datetime")
ROWS_A_VALUE = 10  # of an ordinal column, at least


def find(values: pd.Series, few: int, found: Detected | None = None) -> Kind:
    """What a column is, from its values, type and name.

    Args:
        values: the column, or some rows of it.
        few: numbers that take so many values at most are ordinal.
        found: how the whole column is read; by default as these values are.
    """
    import pandas as pd

    if found is None:
        values, found = detect(values)
    present = long_columns.present_in(values)
    distinct = long_columns.distinct(present)
    if len(present) == 0 or (distinct == 1 and len(present) == len(values)):
        return "constant"
    if isinstance(values.dtype, pd.CategoricalDtype):
        return "ordinal" if values.dtype.ordered else "name" if found.many else "categorical"
    if pd.api.types.is_bool_dtype(values.dtype):
        return "boolean"
    if distinct == 1:
        return "categorical"  # there or missing
    if pd.api.types.is_datetime64_any_dtype(values.dtype) or found.as_date:
        return "datetime"
    if found.names_rows:
        return "identifier"
    numeric: Any = as_numbers(present, {"kind": "integer", "format": found.form})
    if found.many:
        return "name"
    if numeric is None or found.exact:
        return "categorical"
    if found.form is None and distinct == 2 and sorted(present.unique().tolist()) == [0, 1]:
        return "boolean"
    if distinct <= few and distinct * ROWS_A_VALUE <= len(present):
        return "ordinal" if found.form is None else "categorical"  # texts have no order
    return "integer" if long_columns.every(_is_whole, numeric) else "continuous"


def _is_whole(numbers: pd.Series) -> bool:
    x = numbers.to_numpy(np.float64)
    return bool((np.rint(x) == x).all())


def check(values: pd.Series, kind: str, found: Detected) -> None:
    """Refuses a kind that a column cannot be.

    Raises:
        UserError: what was asked for does not go with the values.
    """
    import pandas as pd

    present = long_columns.present_in(values)
    numbers = amounts.read(present, found.form) if isinstance(found.form, dict) else present
    numeric = pd.api.types.is_numeric_dtype(numbers.dtype)
    whole = numeric and long_columns.every(_is_whole, numbers)
    a_date = pd.api.types.is_datetime64_any_dtype(values.dtype) or found.as_date
    refused = {
        "continuous": None if numeric else "it does not hold numbers",
        "integer": None if whole else "it does not hold whole numbers",
        "datetime": None
        if a_date
        else "it does not hold dates that can be read, such as 2024-05-31 or 31/05/2024 13:45",
        "boolean": None if present.nunique() <= 2 else f"it holds {present.nunique():,} different values",
    }.get(kind)
    if len(present) == 0 and kind != "constant":
        refused = "all its values are missing"
    elif kind in NUMBERS and present.nunique() < 2:
        refused = "all its values are the same"
    if refused:
        some = ", ".join(repr(v) for v in present.unique()[:3].tolist())
        raise UserError(
            f"{assignment('signal.columns', str(values.name), kind)}: {refused}"
            f"{f' (for example {some})' if some else ''}. Leave "
            "it out to detect the kind automatically",
            code="column.kind_does_not_fit",
        )


def as_numbers(values: pd.Series, column: dict[str, Any]) -> Any:
    """A column as numbers or dates; None where it holds neither."""
    form = column.get("format")
    if column["kind"] == "datetime":
        return values if form is None else dates.read(values, form)
    if isinstance(form, dict):
        return amounts.read(values, form).set_axis(values.index)
    return values if is_number(values) else None


def is_number(values: pd.Series) -> bool:
    import pandas as pd

    return pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype)
