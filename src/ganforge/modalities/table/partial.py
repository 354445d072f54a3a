"""Rows of which some cells are given, read as a trained model's columns hold them.

N: rows, S: floats kept a row, D: width of the encoded vector.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ganforge.core.errors import UserError, did_you_mean
from ganforge.core.rng import Rng
from ganforge.core.types import Spec
from ganforge.data import amounts, dates
from ganforge.modalities.table import layout, rows
from ganforge.modalities.table.columns import grid

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Partial:
    """Rows with gaps.

    Attributes:
        stored: float32 [N, S], as `rows.stored` has it; of no meaning where nothing is given.
        given: of each column, bool [N]: which of its cells are given.
        unseen: of each column, how many given cells hold a value that training never saw; they inform nothing.
    """

    stored: np.ndarray
    given: dict[str, np.ndarray]
    unseen: dict[str, int]

    def encoded(self, part: slice, spec: Spec, rng: Rng) -> tuple[Tensor, Tensor]:
        """Rows of a part as vectors [n, D], and which of their numbers are known, bool [n, D]."""
        x = layout.encode(torch.from_numpy(self.stored[part]), spec, rng)
        known = torch.zeros(x.shape, dtype=torch.bool)
        for block in spec.state["blocks"]:
            of_column = torch.from_numpy(self.given[block["column"]][part])
            known[:, block["start"] : block["start"] + block["width"]] = of_column[:, None]
        return x, known


def read(frame: pd.DataFrame, spec: Spec) -> Partial:
    """Rows with some of the columns of a table, under its internal names; an empty cell or column is a gap.

    Raises:
        UserError: a column that the table does not have, or a cell that is no number or date where all others are.
    """
    import pandas as pd

    columns = {column["name"]: column for column in spec.state["columns"]}
    for name in frame.columns:
        if name not in columns:
            raise UserError(
                f"the table that the model was trained on has no column {name!r}{did_you_mean(name, columns)} (its "
                f"columns: {', '.join(columns)})",
                code="column.not_found",
            )
    empty = pd.Series([None] * len(frame), dtype=object)
    cells = {
        name: pd.Series(frame[name].to_numpy(dtype=object)) if name in frame.columns else empty for name in columns
    }
    given = {name: np.array(values.notna()) for name, values in cells.items()}
    unseen: dict[str, int] = {}

    def codes(column: dict[str, Any]) -> np.ndarray:
        name = column["name"]
        found = _codes(cells[name], column)
        unseen[name] = int((given[name] & (found < 0)).sum())
        return found

    def units(column: dict[str, Any]) -> np.ndarray:
        v, present = np.full(len(frame), np.nan), given[column["name"]]
        v[present] = grid.to_unit(_numbers(cells[column["name"]][present], column), column)
        return v

    stored = rows.packed(len(frame), codes, units, spec)
    return Partial(stored, given, {name: count for name, count in unseen.items() if count})


def _codes(cells: pd.Series, column: dict[str, Any]) -> np.ndarray:
    """The place of each value among those of a column that is picked, float32 [N]; −1 for a gap or an unseen value."""
    special = (column["missing_at"], column["other_at"])
    places: dict[Any, Any] = dict.fromkeys(column.get("rare", {}).get("values", ()), column["other_at"])
    places |= {value: k for k, value in enumerate(column["values"]) if k not in special}
    places = {_number(str(value)): k for value, k in places.items()} | {str(value): k for value, k in places.items()}
    found = {value: places.get(str(value), places.get(_number(str(value)), -1)) for value in cells.dropna().unique()}
    return cells.map(found).fillna(-1).to_numpy(np.float32)


def _number(text: str) -> float | str:
    """Texts that write the same number are equal: 13 and 13.0."""
    try:
        return float(text)
    except ValueError:
        return text


def _numbers(present: Any, column: dict[str, Any]) -> Any:
    """Given cells as numbers or dates, in the form of the column or as programs write them."""
    import pandas as pd

    form, is_date = column.get("format"), column["kind"] == "datetime"

    def plain(cells: Any) -> Any:
        if not is_date:
            return pd.to_numeric(cells, errors="coerce")
        return _dates(cells, column["zone"])

    if form is None:
        read: Any = plain(present)
    else:
        read = dates.read(present, form) if is_date else amounts.read(present.map(str), form).set_axis(present.index)
        rest = read.isna()
        if rest.any():
            read = read.astype(object).where(~rest, plain(present))
            read = pd.to_datetime(read, utc=form.endswith("%z")) if is_date else pd.to_numeric(read)
    unread = read.isna()
    if unread.any():
        row = int(unread.idxmax())
        raise UserError(
            f"column {column['name']!r}, row {row + 1}: {present[row]!r} is not a {'date' if is_date else 'number'}, "
            f"and all cells of this column are. Correct it, or leave the cell empty to have it filled in",
            code="column.wrong_type",
        )
    return read


def _dates(cells: pd.Series, zone: str | None) -> pd.Series:
    import pandas as pd

    read = pd.to_datetime(cells.map(str), format="ISO8601", errors="coerce", utc=zone is not None)
    aware = cells.map(lambda value: getattr(value, "tzinfo", None) is not None or str(value)[-6:-5] in "+-")
    if zone is None or bool(aware.any()):
        return read
    return read.dt.tz_localize(None).dt.tz_localize(zone)  # written in the column's own zone
