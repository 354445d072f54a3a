"""Values that are picked, not measured: which there are, how often, and what becomes of very many.

A column of names (`as_drawn`) is not learned at all: its values are drawn as often as they occur.

Beyond `most` different values, the rarest share one bucket. A row of it decodes to one of them, drawn by how often they
are; the draw is a function of the row's own numbers, so the same sample always decodes to the same value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

MOST_RARE = 20_000  # values kept of a bucket: the spec is written into every model file


def measure(values: pd.Series, ordered: bool, most: int) -> dict[str, Any]:
    """Values and counts, in their order or from the most frequent on, then the bucket, then missing ones."""

    counts: Any = as_keys(values).value_counts()  # the most frequent first; of equals the one that comes first
    counts = counts[counts > 0]
    rare = counts.iloc[most - 1 :] if len(counts) > most else counts.iloc[:0]
    counts = counts.iloc[: len(counts) - len(rare)]
    if ordered:
        counts = counts.sort_index()
    found, numbers = counts.index.tolist(), counts.tolist()
    facts: dict[str, Any] = {"missing_at": None, "other_at": None}
    if len(rare):
        facts["other_at"] = len(found)
        facts["rare"] = {"values": rare.index.tolist()[:MOST_RARE], "counts": rare.tolist()[:MOST_RARE]}
        found, numbers = [*found, None], [*numbers, int(rare.sum())]
    missing = int(values.isna().sum())
    if missing:
        facts["missing_at"] = len(found)
        found, numbers = [*found, None], [*numbers, missing]
    return facts | type_of(values) | {"values": found, "counts": numbers}


def as_drawn(values: pd.Series) -> dict[str, Any]:
    """Values that are drawn as often as they occur, in no connection with the row: missing ones as None."""

    counts: Any = as_keys(values).value_counts()
    counts = counts[counts > 0]
    found, numbers = counts.index.tolist()[:MOST_RARE], counts.tolist()[:MOST_RARE]
    if missing := int(values.isna().sum()):
        found, numbers = [*found, None], [*numbers, missing]
    facts: dict[str, Any] = {"rare": {"values": found, "counts": numbers}}
    return facts | type_of(values)


def type_of(values: pd.Series) -> dict[str, Any]:
    """What it takes to make a pandas categorical again; nothing of other types."""
    import pandas as pd

    if not isinstance(values.dtype, pd.CategoricalDtype):
        return {}
    return {"categories": values.dtype.categories.tolist(), "ordered": bool(values.dtype.ordered)}


def as_keys(values: pd.Series) -> pd.Series:
    """The same values, those that JSON cannot hold as text."""
    import pandas as pd

    if isinstance(values.dtype, pd.CategoricalDtype):
        return values.astype(values.dtype.categories.dtype)
    return values.map(str, na_action="ignore") if values.dtype.kind == "M" else values


def codes(values: pd.Series, column: dict[str, Any]) -> np.ndarray:
    """The place of each value in the column's block, float32 [N]; -1 for one that training never saw."""
    import pandas as pd

    known = [v for k, v in enumerate(column["values"]) if k not in (column["missing_at"], column["other_at"])]
    places = np.array(
        [k for k in range(len(column["values"])) if k not in (column["missing_at"], column["other_at"])], np.float32
    )
    found = pd.Index(known).get_indexer(pd.Index(as_keys(values)))
    missing = values.isna().to_numpy()
    elsewhere = np.float32(-1 if column["other_at"] is None else column["other_at"])
    result = np.where(found >= 0, places[found], elsewhere).astype(np.float32)
    result[missing] = -1 if column["missing_at"] is None else column["missing_at"]
    return result


def printable(place: int, column: dict[str, Any]) -> str:
    """A value as people write it."""
    if place == column["missing_at"]:
        return "(missing)"
    return "(other)" if place == column["other_at"] else str(column["values"][place])


def draw_rare(rows: np.ndarray, column: dict[str, Any]) -> list[Any]:
    """Values of the bucket for some rows: float32 [M, D], what the nets made of each."""
    counts = np.cumsum(column["rare"]["counts"])
    u = _shares(rows, column["name"])
    values = column["rare"]["values"]
    return [values[k] for k in np.searchsorted(counts, u * counts[-1], side="right").tolist()]


def _shares(rows: np.ndarray, name: str) -> np.ndarray:
    """A number in [0, 1) from each row's bits, evenly spread; rows that agree to the bit get different ones."""
    import pandas as pd
    import pandas.util

    hash_array = cast(Any, pandas.util).hash_array
    bits = np.ascontiguousarray(rows, np.float32).view(np.uint32).astype(np.uint64)
    hashed = hash_array(bits.ravel(), categorize=False).reshape(bits.shape)
    # Wrapping products of odd numbers: a polynomial hash of the row.
    weights = np.cumprod(np.full(bits.shape[1], 0x9E3779B97F4A7C15, np.uint64))
    key = (hashed * weights).sum(axis=1, dtype=np.uint64)
    again = pd.Series(key).groupby(key).cumcount().to_numpy().astype(np.uint64)
    salt = hash_array(np.array([name], dtype=object))[0]
    mixed = hash_array(key + again * np.uint64(0xD1B54A32D192ED03) + salt, categorize=False)
    return (mixed >> np.uint64(11)) / 2.0**53
