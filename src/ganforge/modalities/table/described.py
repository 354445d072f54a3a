"""The columns of a table as conditions of other samples: `data.columns.Columns`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganforge.data.columns import Column, Columns
from ganforge.modalities.table.columns import kinds
from ganforge.modalities.table.signal import Table
from ganforge.modalities.table.source import TableFile, TableSet, from_frame

if TYPE_CHECKING:
    import pandas as pd

KINDS = {
    "categorical": "category", "boolean": "boolean", "ordinal": "ordinal", "continuous": "number", "integer": "number",
    "datetime": "date", "constant": "constant", "identifier": "many", "name": "many",
}  # fmt: skip


def columns(table: Path | pd.DataFrame, name: str) -> Columns:
    """The columns of a file or a DataFrame.

    Raises:
        UserError: it cannot be read, or has no rows.
    """
    found = TableFile(path=str(table)).read() if isinstance(table, Path) else from_frame(name, table)
    each = [column for key in found.frame.columns for column in _columns(found, str(key))]
    return Columns(name, tuple(each), tuple(note for note in found.notes if not note.startswith("column ")))


def _columns(table: TableSet, name: str) -> list[Column]:
    """A column; of dates also their years, days of the year and hours, where these are not all the same."""
    column = _column(table, name)
    if column.kind != "date":
        return [column]
    values: Any = table.frame[name]
    times: Any = kinds.as_numbers(values, {"kind": "datetime", "format": table.detected[name].form})
    hours = times.dt.hour + times.dt.minute / 60 + times.dt.second / 3600
    parts = {"year": times.dt.year, "day_of_year": times.dt.day_of_year, "hour": hours}
    found = [column]
    for part, numbers in parts.items():
        shown = [None if gone else float(v) for v, gone in zip(numbers, times.isna(), strict=True)]
        varies = len({v for v in shown if v is not None}) > 1
        if varies and f"{name}_{part}" not in table.frame.columns:  # one that is there is taken as it is
            found.append(Column(f"{name}_{part}", "number", shown, column.notes, of=name))
    return found


def _column(table: TableSet, name: str) -> Column:
    values: Any = table.frame[name]
    detected = table.detected[name]
    kind = KINDS[kinds.find(values, Table().few, detected)]
    numeric: Any = kinds.as_numbers(values, {"kind": "integer", "format": detected.form})
    missing = values.isna().to_numpy()
    if kind in ("number", "ordinal") and numeric is not None:
        plain = [float(v) for v in numeric.where(~values.isna()).astype(float)]
    else:
        plain = values.tolist()
    shown = [None if gone else v if isinstance(v, float) else str(v) for v, gone in zip(plain, missing, strict=True)]
    return Column(name, kind, shown, detected.notes)
