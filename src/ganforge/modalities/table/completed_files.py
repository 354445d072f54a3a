"""Files of rows that a trained model completes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ganforge.core.errors import UserError
from ganforge.core.files import atomic_file
from ganforge.data import frames
from ganforge.inference.model import Model
from ganforge.modalities.table.completing import Completed, completed
from ganforge.signals.records import Completion

if TYPE_CHECKING:
    import pandas as pd

READ = (".csv", ".tsv", ".parquet")
SHOWN = 100
"""Rows that are shown of a completed file."""


def written(model: Model, data: Path, out: Path, seed: int) -> Completed:
    """Completes the rows of a file, and writes them to another one: .csv, .tsv or .parquet.

    Raises:
        UserError: as `rows_of` and `completed`.
    """
    found = completed(model, rows_of(data), seed)
    with atomic_file(out) as file:
        frames.write(found.rows, file)
    return found


def complete(model: Model, data: Path, out: Path, seed: int) -> Completion:
    """As `written`, with the first rows to be shown."""
    found = written(model, data, out, seed)
    head = found.rows.head(SHOWN)
    texts = head.astype(object).where(head.notna(), "").map(str)
    shown = [[str(name) for name in texts.columns], *texts.to_numpy().tolist()]
    made = [row.nonzero()[0].tolist() for row in found.gaps[:SHOWN]]
    return Completion(len(found.rows), found.filled, found.alone, found.unseen, shown, made)


def rows_of(data: Path) -> pd.DataFrame:
    """The rows of a file; of a text file every cell as it is written.

    Raises:
        UserError: it cannot be read, or lines do not fit its header, none of which may be lost.
    """
    from ganforge.modalities.table.reading import read_cells, read_parquet
    from ganforge.modalities.table.source import TableFile, distinct_names, is_parquet

    if is_parquet(data):
        return read_parquet(data, str(data))
    frame, _, skipped = read_cells(data, TableFile(path=str(data)))
    if skipped:
        raise UserError(f"{skipped[0][0]}: {skipped[0][1]}. Correct the line", code="table.field_counts_differ")
    return frame.set_axis(distinct_names(list(frame.columns), []), axis=1)
