"""`ganforge forecast` and `ganforge impute`: how series go on, and what is missing in them, by a trained model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ganforge.core.errors import UserError
from ganforge.core.files import check_new, refuse_input
from ganforge.ui.common import Common, with_common
from ganforge.ui.options import Source, examples
from ganforge.ui.verb import Verb

EPILOG = examples(
    "ganforge forecast runs/0004-forecast --data recent.csv --horizon 24 --paths 100 --out fan.csv",
    "ganforge forecast runs/0004-forecast --data recent.csv --out fan.csv --chart fan.svg",
)
FILLED = examples(
    "ganforge impute runs/0005-impute --data sensor.csv --out filled.csv --chart gaps.svg",
    "ganforge impute runs/0005-impute --data sensor.csv --paths 20 --every-path --out twenty.csv",
)
ENDINGS, CHARTS = (".csv", ".tsv", ".parquet"), (".svg", ".png")
SHOWN = 12
"""Fans of a chart."""


@with_common
def forecast(
    source: Source,
    data: Annotated[Path, typer.Option("--data", help="Recent rows, as the model was trained on.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="The paths: a .csv, .tsv or .parquet file.", show_default=False)],
    horizon: Annotated[
        int | None,
        typer.Option("--horizon", help="Steps. By default as many as the model forecasts.", show_default=False),
    ] = None,
    paths: Annotated[int, typer.Option("--paths", help="Possible futures of each series.")] = 100,
    chart: Annotated[
        Path | None, typer.Option("--chart", help="A fan chart of them: .svg or .png.", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Which paths.")] = 0,
    *,
    common: Common,
) -> None:
    """Forecast time series: many paths from their last row on."""
    check_targets(data, out, chart, common.force)
    from ganforge.inference.model import load
    from ganforge.modalities.series import forecasting

    model = load(source, common.device)
    found = forecasting.paths_of(model, data, horizon, paths, seed)
    frame = forecasting.as_frame(model, found)
    write(frame, out)
    if chart is not None:
        draw(forecasting.fans(model, found, SHOWN), chart)
    steps = len(frame) // (paths * len(found))
    series = "1 series" if len(found) == 1 else f"{len(found):,} series"
    common.report(
        {"series": len(found), "paths": paths, "steps": steps, "out": out, "chart": chart},
        [f"{series}, {paths} paths of {steps} steps: {out}"],
    )


@with_common
def impute(
    source: Source,
    data: Annotated[Path, typer.Option("--data", help="Rows with gaps, as trained on.", show_default=False)],
    out: Annotated[
        Path, typer.Option("--out", help="The filled table: a .csv, .tsv or .parquet file.", show_default=False)
    ],
    paths: Annotated[int, typer.Option("--paths", help="Fillings of each gap.")] = 20,
    every: Annotated[
        bool, typer.Option("--every-path", help="Write the whole table once for each filling, not their mean.")
    ] = False,
    chart: Annotated[
        Path | None, typer.Option("--chart", help="A chart of the longest gaps: .svg or .png.", show_default=False)
    ] = None,
    keep_rows: Annotated[
        bool, typer.Option("--keep-rows", help="Add no rows for times that have none, such as missing hours.")
    ] = False,
    seed: Annotated[int, typer.Option("--seed", help="Which fillings.")] = 0,
    *,
    common: Common,
) -> None:
    """Fill gaps in time series: many times, from what is given before and after them."""
    check_targets(data, out, chart, common.force)
    from ganforge.inference.model import load
    from ganforge.modalities.series import absent, imputing, reading

    model = load(source, common.device)
    rows = absent.prepared(model, data, not keep_rows)
    whole, found = imputing.fillings_of(model, data, paths, seed, rows.file)
    table = imputing.as_table(rows.file, whole, found, every)
    same = data.name.lower().endswith((".csv", ".csv.gz")) and out.suffix.lower() == ".csv"
    write(table, out, reading.marks_of(data)[0] if same else ",")
    if chart is not None:
        draw(imputing.drawn(whole, found, model.spec.shape[1], SHOWN), chart)
    count = sum(len(one.at) for one in found.values())
    common.report(
        {"series": len(found), "rows_added": rows.added, "values": count, "paths": paths, "out": out, "chart": chart},
        [f"{count:,} missing values filled, {paths} times each: {out}"],
    )


def write(frame: Any, out: Path, separator: str = ",") -> None:
    """A table as a file; the separator is that of .csv."""
    from ganforge.core.files import atomic_file
    from ganforge.data import frames

    with atomic_file(out) as file:
        frames.write(frame, file, separator)


def draw(drawing: Any, chart: Path) -> None:
    """A drawing as a file, .svg or .png."""
    from ganforge.core.files import atomic_file

    with atomic_file(chart) as file:
        if chart.suffix.lower() == ".svg":
            file.write_text(drawing.svg(), encoding="utf-8")
        else:
            drawing.image(2).save(file)


def check_targets(data: Path, out: Path, chart: Path | None, force: bool) -> None:
    """
    Raises:
        UserError: a file of another kind, one that exists, or the data itself.
    """
    for option, path, endings in (("--out", out, ENDINGS), ("--chart", chart, CHARTS)):
        if path is None:
            continue
        if path.suffix.lower() not in endings:
            raise UserError(
                f"{option} {path}: the name of the file must end in one of {', '.join(endings)}",
                code="output.wrong_extension",
            )
        refuse_input(path, data)
        check_new(path, force=force)


VERB = Verb(forecast, order=31, epilog=EPILOG)
IMPUTE = Verb(impute, order=32, epilog=FILLED)
