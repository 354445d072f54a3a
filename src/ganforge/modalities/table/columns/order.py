"""Whether the rows of a table follow each other, as steps in time do: new rows have no order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ganforge.modalities.table.columns.kinds import Kind

if TYPE_CHECKING:
    import pandas as pd

ALIKE = 0.9
"""Correlation of a row's number with the next row's, at least, in columns that follow each other."""
FEWEST = 2
"""Columns in which rows must follow each other."""
SORTED = 0.95
"""Share of the steps that go the same way, at least, in a column that a table is sorted by."""


def hints(frame: pd.DataFrame, found: Mapping[str, Kind]) -> list[str]:
    """A sentence for the user where at least half of the columns of numbers change little from row to row, in a table
    that is not sorted by one of them.

    Args:
        found: the kind of each column.
    """
    numbers = {name: _numbers(frame[name]) for name, kind in found.items() if kind in ("continuous", "integer")}
    following = [name for name, x in numbers.items() if _follows(x)]
    if len(following) < max(FEWEST, len(numbers) / 2) or any(_is_sorted(numbers[name]) for name in following):
        return []
    shown = ", ".join(following[:3]) + (", ..." if len(following) > 3 else "")
    return [
        f"the rows seem to follow each other, as in time (neighbors are alike in {shown}): new rows of a table have no "
        "order. To generate series: data.signal=series"
    ]


def _numbers(values: Any) -> np.ndarray:
    """Those that are not missing, float64 [N]; none of text that stands for numbers."""
    import pandas as pd

    return values.dropna().to_numpy(np.float64) if pd.api.types.is_numeric_dtype(values.dtype) else np.empty(0)


def _follows(x: np.ndarray) -> bool:
    if len(x) < 3 or np.ptp(x) == 0:
        return False
    before, after = (part.argsort().argsort().astype(float) for part in (x[:-1], x[1:]))  # ranks: no outlier decides
    return bool(np.corrcoef(before, after)[0, 1] >= ALIKE)


def _is_sorted(x: np.ndarray) -> bool:
    steps = np.sign(np.diff(x))
    up = float((steps[steps != 0] > 0).mean())
    return max(up, 1 - up) >= SORTED
