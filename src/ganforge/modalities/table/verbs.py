"""`ganforge complete`: rows of a table of which some cells are given, the others filled in by a trained model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ganforge.core.errors import UserError
from ganforge.core.files import check_new, refuse_input
from ganforge.ui.common import Common, with_common
from ganforge.ui.options import Source, examples
from ganforge.ui.verb import Verb

EPILOG = examples("ganforge complete runs/0005-ctgan-fast --data rows.csv --out full.csv")
TEXTS, PARQUET = (".csv", ".tsv"), (".parquet",)


@with_common
def complete(
    source: Source,
    data: Annotated[
        Path,
        typer.Option("--data", help="Rows with empty cells, or without some columns: CSV, TSV or Parquet.",
                     show_default=False),
    ],
    out: Annotated[
        Path,
        typer.Option("--out", help="The completed rows: .csv or .tsv, of a Parquet file .parquet.", show_default=False),
    ],
    seed: Annotated[int, typer.Option("--seed", help="Which of the possible values.")] = 0,
    *,
    common: Common,
) -> None:  # fmt: skip
    """Fill in missing cells and columns of a table."""
    check_files(data, out, common.force)
    from ganforge.inference.model import load
    from ganforge.modalities.table.completed_files import written

    found = written(load(source, common.device), data, out, seed)
    alone = f"; {found.alone:,} rows are far from all others that the model makes: their nearest match was used"
    common.report(
        {"rows": len(found.rows), "filled": found.filled, "nearest_match": found.alone, "out": out},
        [f"{len(found.rows):,} rows, {found.filled:,} cells filled in{alone if found.alone else ''}: {out}"],
    )


def check_files(data: Path, out: Path, force: bool) -> None:
    """
    Raises:
        UserError: no data, a file of another kind, one that exists, or the data itself.
    """
    if not data.is_file():
        raise UserError(f"--data {data}: no such file", code="data.not_found")
    endings = PARQUET if data.suffix.lower() in (".parquet", ".pq") else TEXTS
    if out.suffix.lower() not in endings:
        raise UserError(
            f"--out {out}: given cells are kept as they are, so the name must end in {' or '.join(endings)}, as the "
            "data has it",
            code="output.wrong_extension",
        )
    refuse_input(out, data)
    check_new(out, force=force)


VERB = Verb(complete, order=33, epilog=EPILOG)
