"""Which recipe for a table, where nobody names one."""

from __future__ import annotations

from ganforge.core.choice import Choice, Machine
from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError

LEAST_ROWS = 50
"""Rows below which a table says too little of its columns."""
USUAL_BATCH = 1_000
"""Rows below which the recipe's batch of 500 would be most of them."""


def choose(dataset: Dataset, machine: Machine) -> Choice:
    """The recipe for a table.

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
    fields, reasons = [], ["ctgan-fast: columns of mixed kinds, rare categories among them"]
    if rows < USUAL_BATCH:
        batch = max(20, rows // 20 * 10)  # half of the rows, in tens
        fields.append(f"batch={batch}")
        reasons.append(f"batch={batch}: its usual 500 would be most of {rows} rows")
    return Choice(f"{rows:,} rows of {width} columns; {machine}", "ctgan-fast", tuple(fields), tuple(reasons))
