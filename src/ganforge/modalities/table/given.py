"""What a caller's DataFrame says of its columns, so that new rows come back with its names, texts and types.

Inside, every column has a name that is a text, texts that are all numbers are numbers, and types of Arrow and other
extensions are plain ones.
"""

from __future__ import annotations

import decimal
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

DECIMAL = re.compile(r"decimal128\((\d+), (-?\d+)\)\[pyarrow\]")


def described(frame: pd.DataFrame, typed: pd.DataFrame) -> dict[str, Any]:
    """JSON of what `typed`, the frame as it is learned, says otherwise than the frame; empty where they agree.

    `names`: of the columns, where they are not those of `typed`. `texts`: the columns whose numbers were texts.
    `types`: of the columns that have another one than in `typed`, where a name says all of it.
    """
    import pandas as pd

    found: dict[str, Any] = {}
    if list(frame.columns) != list(typed.columns):
        found["names"] = [_plain(name) for name in frame.columns]
    texts = [
        name
        for k, name in enumerate(typed.columns)
        if pd.api.types.is_numeric_dtype(typed[name].dtype) and _all_text(frame.iloc[:, k])
    ]
    if texts:
        found["texts"] = texts
    types = {
        name: str(given)
        for k, name in enumerate(typed.columns)
        if (given := frame.dtypes.iloc[k]) != typed[name].dtype and _is_extension(given)
    }
    if types:
        found["types"] = types
    return found


def returned(rows: pd.DataFrame, given: dict[str, Any]) -> pd.DataFrame:
    """New rows as the frame that `described` saw would hold them."""
    import pandas as pd

    texts = {name: rows[name].map(_as_text, na_action="ignore").astype("str") for name in given.get("texts", ())}
    columns: dict[Any, Any] = dict(rows.items())
    typed = {name: _as_type(columns[name], kind) for name, kind in given.get("types", {}).items()}
    rows = rows.assign(**texts | typed)
    if "names" in given:
        names = [tuple(name) if isinstance(name, list) else name for name in given["names"]]
        nested = all(isinstance(name, tuple) for name in names)
        rows.columns = pd.MultiIndex.from_tuples(names) if nested else pd.Index(names)
    return rows


def _plain(name: Any) -> Any:
    if isinstance(name, tuple):
        return [_plain(part) for part in name]
    name = name.tolist() if hasattr(name, "tolist") else name
    return name if name is None or isinstance(name, (str, int, float)) else str(name)


def _is_extension(kind: Any) -> bool:
    """Whether a type is none of NumPy's, and is known again by its name."""
    import pandas as pd

    if not isinstance(kind, pd.api.extensions.ExtensionDtype) or isinstance(kind, pd.CategoricalDtype):
        return False
    try:
        return _type_of(str(kind)) == kind
    except (TypeError, NotImplementedError):
        return False


def _type_of(name: str) -> Any:
    import pandas as pd

    found = DECIMAL.fullmatch(name)
    if found is None and name != "string[pyarrow]":
        return pd.api.types.pandas_dtype(name)
    import pyarrow

    if found is None:
        return pd.ArrowDtype(pyarrow.string())  # which pandas reads as its own texts, whose name is "string"
    return pd.ArrowDtype(pyarrow.decimal128(int(found[1]), int(found[2])))


def _as_type(values: pd.Series, name: str) -> pd.Series:
    """A column in the type that its caller's had; as it is where a value does not fit, or the library is missing."""
    import pandas as pd

    try:
        kind: Any = _type_of(name)
        if found := DECIMAL.fullmatch(name):
            texts = [None if pd.isna(v) else decimal.Decimal(f"{v:.{found[2]}f}") for v in values.tolist()]
            return pd.Series(texts, values.index, dtype=kind, name=values.name)
        return values.astype(kind)
    except (TypeError, ValueError, NotImplementedError, ImportError):
        return values


def _all_text(values: pd.Series) -> bool:
    return all(isinstance(value, str) for value in values.dropna())


def _as_text(value: Any) -> str:
    return str(int(value)) if value == int(value) else str(value)
