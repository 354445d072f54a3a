"""What `ganforge data inspect` tells of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from ganforge.core import scratch
from ganforge.core.dataset import Dataset
from ganforge.core.overrides import assignment
from ganforge.data import long_columns
from ganforge.modalities.table.columns import kinds, order
from ganforge.modalities.table.source import TableSet
from ganforge.recipes import fitting
from ganforge.signals import Inspection

if TYPE_CHECKING:
    import pandas as pd

MOST_RECIPES = 8
SHOWN = 3  # values of a column
WIDEST = 24  # characters of a value
FEW = 1_000


def inspection(dataset: Dataset, few: int, most_categories: int) -> Inspection:
    """What `ganforge data inspect` says of a table.

    Args:
        few, most_categories: as the table signal has them.
    """
    assert isinstance(dataset, TableSet)
    told = describe(dataset, few, most_categories)
    return Inspection(told, lambda: [show(told)], tuple(lines(told)))


def describe(dataset: TableSet, few: int, most_categories: int) -> dict[str, Any]:
    """The facts, as JSON can hold them: rows, columns with kind, missing share and values, notes, skipped rows."""
    columns = []
    for name in dataset.frame.columns:
        values: Any = dataset.frame[name]
        present = long_columns.present_in(values)
        seen = dataset.detected.get(name)
        columns.append(
            {
                "name": name,
                "kind": kinds.find(values, few, seen),
                "format": None if seen is None else seen.form,
                "why": "" if seen is None else seen.names_rows or seen.many,
                "dtype": str(values.dtype),
                "missing": float(values.isna().mean()),
                "distinct": long_columns.distinct(present),
                "values": _values(values, present),
            }
        )
    return {
        "name": dataset.name,
        "rows": len(dataset),
        "columns": columns,
        "kinds": get_args(kinds.Kind),
        "duplicates": _duplicates(dataset.frame),
        "notes": dataset.notes,
        "skipped": [f"{where}: {why}" for where, why in dataset.skipped],
        "recipes": fitting.for_signal(dataset)[:MOST_RECIPES],
        "hints": [
            *_hints(columns, len(dataset), most_categories),
            *order.hints(dataset.frame.iloc[: scratch.AT_ONCE], {c["name"]: c["kind"] for c in columns}),
        ],
    }


def _duplicates(frame: pd.DataFrame) -> int:
    """How many rows repeat an earlier one; of a long table rows of the same hash of 64 bits count as equal."""
    if not scratch.is_long(len(frame)):
        return int(frame.duplicated().sum())
    import pandas as pd
    import pandas.util

    hashing: Any = pandas.util
    found = scratch.Growing()
    for part in scratch.pieces(len(frame)):
        found.add(hashing.hash_pandas_object(frame.iloc[part], index=False).to_numpy())
    return len(frame) - long_columns.distinct(pd.Series(found.whole(np.uint64), copy=False))


def show(facts: dict[str, Any]):
    """The facts as a table for the terminal."""
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), title=_title(facts), title_justify="left")
    for heading, right in (
        ("column", False),
        ("kind", False),
        ("missing", True),
        ("distinct", True),
        ("values", False),
    ):
        table.add_column(heading, justify="right" if right else "left", overflow="fold", no_wrap=heading != "values")
    for column in facts["columns"]:
        missing = f"{column['missing']:.1%}" if column["missing"] else ""
        table.add_row(column["name"], column["kind"], missing, f"{column['distinct']:,}", column["values"])
    return table


def lines(facts: dict[str, Any]) -> list[str]:
    """What stands below the table: repairs, rows left out, hints and recipes."""
    told = list(facts["notes"])
    if facts["skipped"]:
        told.append(f"{len(facts['skipped']):,} rows cannot be used and are left out, the first: {facts['skipped'][0]}")
    told += facts["hints"]
    if facts["recipes"]:
        told.append(f"recipes for tables: {', '.join(facts['recipes'])}")
    return told


def _title(facts: dict[str, Any]) -> str:
    spare = f", {facts['duplicates']:,} rows repeat others" if facts["duplicates"] else ""
    return f"{facts['name']}: {facts['rows']:,} rows of {len(facts['columns'])} columns{spare}"


def _values(values: Any, present: Any) -> str:
    """From where to where numbers and dates go; the most frequent of other values."""
    import pandas as pd

    types = pd.api.types
    if len(present) == 0:
        return "none"
    if types.is_numeric_dtype(values.dtype) and not types.is_bool_dtype(values.dtype):
        return f"{_number(present.min())} to {_number(present.max())}, median {_number(present.median())}"
    if types.is_datetime64_any_dtype(values.dtype):
        return f"{present.min()} to {present.max()}"
    counts = present.value_counts()
    some = [f"{_short(str(value))} ({count:,})" for value, count in counts.head(SHOWN).items()]
    return ", ".join(some) + (", ..." if len(counts) > SHOWN else "")


def _number(value: float) -> str:
    """A number of six digits at most, but whole ones with all of theirs: 20240531."""
    return str(int(value)) if abs(value) < 2**64 and value == int(value) else f"{value:g}"


def _short(text: str) -> str:
    return text if len(text) <= WIDEST else text[: WIDEST - 3] + "..."


def _hints(columns: list[dict[str, Any]], rows: int, most: int) -> list[str]:
    hints = [
        f"{c['name']}: {c['distinct']:,} different values; all but the {most - 1} most frequent would share one bucket "
        f"(signal.most_categories; or {assignment('signal.columns', c['name'], 'identifier')} generates new ones)"
        for c in columns
        if c["kind"] in ("categorical", "ordinal") and c["distinct"] > most
    ]
    drawn = [c["name"] for c in columns if c["kind"] == "name"]
    if drawn:
        hints.append(f"names are not learned but drawn as often as they occur: {', '.join(drawn)}")
    made = [c["name"] for c in columns if c["kind"] == "identifier"]
    if made:
        hints.append(f"identifiers are not learned but generated: {', '.join(made)}")
    if rows < FEW:
        hints.append(f"{rows:,} rows are few; a GAN needs some thousands to learn more than a coarse distribution")
    return hints
