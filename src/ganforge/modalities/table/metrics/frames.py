"""Real and generated rows as every figure for tables sees them: the same columns, each as numbers or as codes.

A column is `numeric` (continuous, integer, datetime) or `picked` (categorical, ordinal, boolean); constants and
identifiers hold nothing to judge. N: rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ganforge.core.errors import UserError
from ganforge.core.language import phrase
from ganforge.metrics.base import Comparison, Result
from ganforge.modalities.table.columns import kinds
from ganforge.modalities.table.columns.detect import detect

FEW = 20  # numbers that take so many values at most are ordinal, as in the table signal
ROWS = 65_536  # a part of a table
MISSING = phrase("(missing)")


@dataclass(frozen=True)
class Column:
    """A column to judge: its name, its kind, and for dates and numbers that are written as text their form."""

    name: str
    kind: str
    form: Any = None

    @property
    def numeric(self) -> bool:
        return self.kind in kinds.NUMBERS


def columns_of(comparison: Comparison) -> list[Column]:
    """The columns that can be judged, in the order of the real table.

    Raises:
        UserError: the generated rows lack some, or there are none.
    """
    return comparison.once("columns", lambda: _columns_of(comparison))


def _columns_of(comparison: Comparison) -> list[Column]:
    real, fake = frame_of(comparison, "real"), frame_of(comparison, "fake", 1)
    known = {column["name"]: column for column in comparison.facts.get("columns", ())}
    found = []
    for name in real.columns:
        if name in known:
            found.append(Column(name, known[name]["kind"], known[name].get("format")))
        else:
            values, seen = detect(real[name])
            found.append(Column(name, kinds.find(values, FEW, seen), seen.form))
    found = [column for column in found if column.kind not in ("constant", "identifier", "name")]
    lacking = [column.name for column in found if column.name not in fake.columns]
    if lacking:
        raise UserError(
            f"{comparison.fake.name}: the columns {', '.join(lacking[:5])} of {comparison.real.name} are "
            "missing in it, so the two cannot be compared. Give two tables with the same columns",
            code="table.columns_differ",
        )
    if not found:
        raise UserError(
            f"{comparison.real.name}: every column is constant or an identifier, so nothing can be compared",
            code="metric.no_columns",
        )
    return found


def frame_of(comparison: Comparison, side: str, n: int | None = None) -> Any:
    """The first `n` rows of a side as one DataFrame."""
    import pandas as pd

    def whole() -> Any:
        return pd.concat(list(comparison.batches(side, n, ROWS)), ignore_index=True)

    return comparison.once(("frame", id(comparison.side(side)), n), whole)


def numbers(values: Any, column: Column) -> np.ndarray:
    """A numeric column as float64 [N], NaN where it is missing; dates as seconds since 1970."""
    found = kinds.as_numbers(values, {"kind": column.kind, "format": column.form})
    if column.kind != "datetime":
        return as_floats(values if found is None else found)
    import pandas as pd

    times = pd.to_datetime(found, errors="coerce", utc=True)
    seconds = times.to_numpy("datetime64[us]").astype(np.int64) / 1e6
    return np.where(times.isna().to_numpy(), np.nan, seconds)


def as_floats(values: Any) -> np.ndarray:
    """A column as float64 [N], NaN where it is missing or no number."""
    import pandas as pd

    if not pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype):
        values = pd.to_numeric(values.astype(object), errors="coerce")
    return values.to_numpy(np.float64, na_value=np.nan)


def texts(values: Any, like: Any) -> Any:
    """Values as texts, None where missing, so that 1 of one file and 1.0 of another one are the same.

    Args:
        like: the real column: where it holds numbers, numbers are what is compared.
    """
    import pandas as pd

    plain = values.astype(object).where(values.notna(), None).reset_index(drop=True)
    if pd.api.types.is_numeric_dtype(like.dtype) and not pd.api.types.is_bool_dtype(like.dtype):
        x: Any = pd.Series(as_floats(plain))
        numbers = x.map(lambda v: f"{v:.12g}", na_action="ignore").astype(object)
        return numbers.where(x.notna(), plain.map(str, na_action="ignore"))
    return plain.map(str, na_action="ignore")


def categories(like: Any, most: int | None = None) -> list[str]:
    """The values of a real column as texts, the most frequent first, at most `most` of them."""
    return texts(like, like).value_counts().index.tolist()[:most]


def codes(values: Any, like: Any, names: Sequence[str]) -> np.ndarray:
    """Places in `names`, int64 [N]; len(names) for all other values, len(names) + 1 for missing ones."""
    import pandas as pd

    told = texts(values, like)
    found = pd.Index(names).get_indexer(pd.Index(told))
    return np.where(told.isna().to_numpy(), len(names) + 1, np.where(found < 0, len(names), found)).astype(np.int64)


def shares(places: np.ndarray, count: int) -> np.ndarray:
    """How often each of `count` places occurs, float64 [count], 1 in all."""
    return np.bincount(places, minlength=count) / max(len(places), 1)


def held_back(comparison: Comparison, value: float) -> str:
    """What rows that the model never saw get: what a perfect model could expect of so many rows."""
    assert comparison.heldout is not None
    n = comparison.heldout.n
    return phrase("{n:,} real rows that were held back get {value:.4g}.", n=n, value=value)


def average(values: Sequence[float]) -> float:
    return float(np.mean(list(values)))


def stamped(comparison: Comparison, n: int | None, name: str, value: float, what: str, **more: Any) -> Result:
    """A figure `name29k[what]` (of 29,253 rows); of `more`, `protocol` and `detail` are added to its own."""
    count = comparison.count("fake", n)
    short = f"{count / 1000:.0f}k" if count >= 10_000 else str(count)
    protocol = comparison.protocol(n) | more.get("protocol", {})
    return Result(f"{name}{short}[{what}]", value, protocol, more.get("detail", {}))
