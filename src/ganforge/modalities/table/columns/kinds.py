"""What each column of a table is: found from its values, or said by the user and checked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ganforge.core.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal[
    "categorical", "ordinal", "boolean", "continuous", "integer", "datetime", "constant", "identifier"
]  # fmt: skip
NUMBERS = ("continuous", "integer", "datetime")
ID_NAME = re.compile(r"(^|[_\s.-])(id|uuid|guid|key|index|nr|no|number)$|^unnamed: ?0$|[a-z](Id|ID)$", re.IGNORECASE)
FORMATS = (
    "%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S.%f",
    "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%dT%H:%M:%SZ", "%Y/%m/%d", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%d.%m.%Y",
    "%d.%m.%Y %H:%M", "%d/%m/%Y", "%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%m/%d/%Y", "%m/%d/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S", "%d-%m-%Y", "%Y-%m",
)  # fmt: skip
"""Of dates written as text."""
FEW_ROWS = 20  # with fewer, that no two values agree says nothing
ROWS_A_VALUE = 10  # of an ordinal column, at least


def find(values: pd.Series, few: int) -> Kind:
    """What a column is, from its values, type and name.

    Args:
        values: the column.
        few: numbers that take so many values at most are ordinal.
    """
    import pandas as pd

    present = values.dropna()
    distinct = int(present.nunique())
    if len(present) == 0 or (distinct == 1 and len(present) == len(values)):
        return "constant"
    if isinstance(values.dtype, pd.CategoricalDtype):
        return "ordinal" if values.dtype.ordered else "categorical"
    if pd.api.types.is_bool_dtype(values.dtype):
        return "boolean"
    if distinct == 1:
        return "categorical"  # there or missing
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return "datetime"
    alone = distinct == len(values) >= FEW_ROWS
    if not pd.api.types.is_numeric_dtype(values.dtype):
        if date_format(present) is not None:
            return "datetime"
        return "identifier" if alone else "categorical"
    x = present.to_numpy(np.float64)
    whole = bool((np.rint(x) == x).all())
    if alone and whole and (ID_NAME.search(str(values.name)) or _counts_up(x)):
        return "identifier"
    if distinct == 2 and sorted(present.unique().tolist()) == [0, 1]:
        return "boolean"
    if distinct <= few and distinct * ROWS_A_VALUE <= len(present):
        return "ordinal"
    return "integer" if whole else "continuous"


def check(values: pd.Series, kind: str) -> None:
    """Refuses a kind that a column cannot be.

    Raises:
        UserError: what was asked for does not go with the values.
    """
    import pandas as pd

    present = values.dropna()
    numeric = pd.api.types.is_numeric_dtype(values.dtype)
    whole = numeric and bool((np.rint(x := present.to_numpy(np.float64)) == x).all())
    a_date = pd.api.types.is_datetime64_any_dtype(values.dtype) or (not numeric and date_format(present) is not None)
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
            f"signal.columns.{values.name}={kind}: {refused}{f' (for example {some})' if some else ''}. Leave "
            "it out to detect the kind automatically",
            code="column.kind_does_not_fit",
        )


def date_format(present: pd.Series) -> str | None:
    """The format in which a column of text writes dates; None where it holds anything else."""
    import pandas as pd

    if len(present) == 0 or isinstance(present.dtype, pd.CategoricalDtype):
        return None
    first = str(present.iloc[0])
    if not first[:1].isdigit() or not any(mark in first for mark in "-/."):
        return None  # most columns of text end here, at no cost
    some = present.iloc[:100]
    for form in FORMATS:
        if _all_parse(some, form) and _all_parse(present, form):
            return form
    return None


def as_numbers(values: pd.Series, column: dict[str, Any]) -> Any:
    """A column as numbers or dates; None where it holds neither."""
    import pandas as pd

    if column["kind"] == "datetime":
        form = column.get("format")
        return values if form is None else pd.to_datetime(values, format=form, errors="coerce")
    return values if is_number(values) else None


def is_number(values: pd.Series) -> bool:
    import pandas as pd

    return pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype)


def _all_parse(texts: pd.Series, form: str) -> bool:
    import pandas as pd

    return bool(pd.to_datetime(texts, format=form, errors="coerce").notna().all())


def _counts_up(x: np.ndarray) -> bool:
    """Whether numbers count the rows, as an index that was saved does; years may count up, too, but not from 0."""
    return x[0] in (0, 1) and bool((np.diff(x) == 1).all())
