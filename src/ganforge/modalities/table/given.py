"""What a caller's DataFrame says of its columns, so that new rows come back with its names and its texts.

Inside, every column has a name that is a text, and texts that are all numbers are numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def described(frame: pd.DataFrame, typed: pd.DataFrame) -> dict[str, Any]:
    """JSON of what `typed`, the frame as it is learned, says otherwise than the frame; empty where they agree.

    `names`: of the columns, where they are not those of `typed`. `texts`: the columns whose numbers were texts.
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
    return found


def returned(rows: pd.DataFrame, given: dict[str, Any]) -> pd.DataFrame:
    """New rows as the frame that `described` saw would hold them."""
    import pandas as pd

    texts = {name: rows[name].map(_as_text, na_action="ignore").astype("str") for name in given.get("texts", ())}
    rows = rows.assign(**texts)
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


def _all_text(values: pd.Series) -> bool:
    return all(isinstance(value, str) for value in values.dropna())


def _as_text(value: Any) -> str:
    return str(int(value)) if value == int(value) else str(value)
