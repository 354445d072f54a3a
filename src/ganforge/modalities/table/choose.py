"""Which recipe for a table, where nobody names one."""

from __future__ import annotations

from typing import Any

from ganforge.core.choice import Choice, Machine
from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.core.words import counted
from ganforge.modalities.table.columns import kinds, order
from ganforge.modalities.table.source import TableSet

LEAST_ROWS = 50
"""Rows below which a table says too little of its columns."""
USUAL_BATCH = 1_000
"""Rows below which the recipe's batch of 500 would be most of them."""


def choose(dataset: Dataset, machine: Machine, few: int) -> Choice:
    """The recipe for a table.

    Args:
        few: as the table signal has it.

    Raises:
        UserError: too few rows for any.
    """
    ((width,), _), *_ = dataset.shapes()
    rows = len(dataset)
    if rows < LEAST_ROWS:
        raise UserError(
            f"data {dataset.name}: {rows} rows are too few to choose a recipe for; at least {LEAST_ROWS} are "
            "needed. To train anyway: ganforge train ctgan-fast data=... batch=20",
            code="table.too_few_rows",
        )
    assert isinstance(dataset, TableSet)
    found: dict[str, kinds.Kind] = {}
    for name in dataset.frame.columns:
        values: Any = dataset.frame[name]
        found[name] = kinds.find(values, few, dataset.detected.get(name))
    fields, reasons = [], [f"ctgan-fast: {_said(list(found.values()))}", *order.hints(dataset.frame, found)]
    if rows < USUAL_BATCH:
        batch = max(20, rows // 20 * 10)  # half of the rows, in tens
        fields.append(f"batch={batch}")
        reasons.append(f"batch={batch}: its usual 500 would be most of {rows} rows")
    return Choice(f"{rows:,} rows of {width} columns; {machine}", "ctgan-fast", tuple(fields), tuple(reasons))


def _said(found: list[kinds.Kind]) -> str:
    """`4 columns of numbers or dates and 1 column of categories`."""
    numbers = sum(kind in kinds.NUMBERS for kind in found)
    picked = sum(kind in ("categorical", "ordinal", "boolean") for kind in found)
    parts = [(numbers, "of numbers or dates"), (picked, "of categories")]
    return " and ".join(f"{counted(n, 'column')} {what}" for n, what in parts if n) or "no column that can be learned"
