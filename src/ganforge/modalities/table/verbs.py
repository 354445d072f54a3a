"""`ganforge complete`: rows of a table of which some cells are given, the others filled in by a trained model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ganforge.core.errors import UserError
from ganforge.ui.options import Device, Force, Plugins, Source, examples
from ganforge.ui.output import AsJson, emit
from ganforge.ui.verb import Verb

EPILOG = examples("ganforge complete runs/0005-ctgan-fast --data rows.csv --out full.csv")
TEXTS, PARQUET = (".csv", ".tsv"), (".parquet",)


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
    device: Device = None,
    force: Force = False,
    as_json: AsJson = False,
    plugins: Plugins = None,
) -> None:  # fmt: skip
    """Fill in missing cells and columns of a table."""
    check_files(data, out, force)
    from ganforge.inference.model import load
    from ganforge.modalities.table.completed_files import written
    from ganforge.ui.console import stdout

    found = written(load(source, device), data, out, seed)
    if as_json:
        emit({"rows": len(found.rows), "filled": found.filled, "nearest_match": found.alone, "out": out})
        return
    alone = f"; {found.alone:,} rows are far from all others that the model makes: their nearest match was used"
    stdout().print(
        f"{len(found.rows):,} rows, {found.filled:,} cells filled in{alone if found.alone else ''}: {out}",
        soft_wrap=True,
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
    if out.exists() and out.samefile(data):
        raise UserError(
            f"--out {out}: is the data, which is never overwritten; choose another", code="output.is_the_input"
        )
    if out.exists() and not force:
        raise UserError(f"{out}: already exists; --force replaces it", code="output.exists")


VERB = Verb(complete, order=33, epilog=EPILOG)
