"""Files of rows that a trained model completes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganforge.core.errors import UserError
from ganforge.core.files import atomic_file
from ganforge.core.language import joined, phrase
from ganforge.data import arff, frames
from ganforge.inference.model import Model
from ganforge.modalities.table.completing import Completed, completed
from ganforge.signals import FileResult, FileUse, Setting

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


PYTHON = """import pandas as pd

from ganforge import TableGAN

model = TableGAN.load({model!r})
rows = model.complete(pd.read_csv({file!r}){more})"""


def file_use(model: Model) -> FileUse:
    """The completion of given rows, for pages."""
    columns = joined([str(column["name"]) for column in model.spec.state["columns"]])
    text = phrase(
        "Takes rows with empty cells or without some columns, and fills them in as the model has learned it. Given "
        "cells stay as they are. Columns: {columns}.",
        columns=columns,
    )
    seed = Setting("seed", "--seed", phrase("Seed"), phrase("Which of the possible values."), 0)
    return FileUse(
        phrase("Fill in missing cells"), text, READ, "complete", "rows.csv", "completed.csv", PYTHON,
        partial(complete, model), (seed,),
    )  # fmt: skip


def complete(model: Model, data: Path, folder: Path, settings: Mapping[str, Any]) -> FileResult:
    """The rows of a file with their missing cells filled in, the first of them to be shown."""
    out = folder / f"completed{data.suffix}"
    found = written(model, data, out, settings["seed"])
    head = found.rows.head(SHOWN)
    texts = head.astype(object).where(head.notna(), "").map(str)
    shown = [[str(name) for name in texts.columns], *texts.to_numpy().tolist()]
    made = [row.nonzero()[0].tolist() for row in found.gaps[:SHOWN]]
    says = [phrase("{rows:,} rows; {cells:,} cells were filled in.", rows=len(found.rows), cells=found.filled)]
    if found.alone:
        says.append(phrase(
            "{n:,} rows are far from all others that the model makes: they were completed from their nearest match.",
            n=found.alone,
        ))  # fmt: skip
    if found.unseen:
        names = joined([f"{column} ({n:,})" for column, n in found.unseen.items()])
        says.append(phrase(
            "Values that the model never saw are kept, and inform nothing (rows): {names}", names=names
        ))  # fmt: skip
    return FileResult(out, tuple(says), rows=shown, made=made)


def rows_of(data: Path) -> pd.DataFrame:
    """The rows of a file; of a text file every cell as it is written.

    Raises:
        UserError: it cannot be read, or lines do not fit its header, none of which may be lost.
    """
    from ganforge.modalities.table.reading import read_cells, read_parquet
    from ganforge.modalities.table.source import TableFile, distinct_names, is_parquet

    if is_parquet(data):
        return read_parquet(data, str(data))
    if arff.is_arff(data):
        with data.open("rb") as file:
            return arff.table(file, str(data), texts=True)
    frame, _, skipped = read_cells(data, TableFile(path=str(data)))
    if skipped:
        raise UserError(f"{skipped[0][0]}: {skipped[0][1]}. Correct the line", code="table.field_counts_differ")
    return frame.set_axis(distinct_names(list(frame.columns), []), axis=1)
