"""`ganforge sample`: new samples from a trained model, as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ganforge.core.errors import UserError
from ganforge.ui.common import Common, with_common
from ganforge.ui.options import (
    Direction,
    Guidance,
    Label,
    Latent,
    Precision,
    Procs,
    Reject,
    Seed,
    Source,
    Temperature,
    Truncation,
    examples,
)
from ganforge.ui.sample_targets import PIPE, Piped, check_format, check_given, check_kinds, check_targets, is_one_file
from ganforge.ui.samples import Labels, appended, write_arrays, write_files
from ganforge.ui.verb import Verb

EPILOG = examples(
    "ganforge sample runs/0003-dcgan -n 64 --grid grid.png",
    "ganforge sample runs/0004-cdcgan -n 100 --label 3 --out threes/",
    "ganforge sample model.safetensors -n 50000 --npz all.npz",
    "ganforge sample runs/0004-cdcgan -n 1000 --class-folders --out classes/",
    "ganforge sample runs/0005-ctgan -n 1000 --out - | head",
    "ganforge sample runs/0009-text-latent-small -n 20 --temperature 0.9 --out new.txt",
    'ganforge sample runs/0005-ctgan -n 1000 --where "education=Bachelors" --where "age>40" --out new.csv',
    'ganforge sample runs/0007-sprites -n 16 --where "angle=30" --where "color=red" --grid red30.png',
    'ganforge sample runs/0007-sprites -n 16 --where "color=red" --guidance 2 --grid red.png',
    'ganforge sample runs/0008-text2image-small -n 8 --text "a red heart" --grid hearts.png',
    "ganforge sample runs/0003-dcgan -n 16 --direction directions.json:2=2.5 --grid moved.png",
    "ganforge sample runs/0003-dcgan -n 64 --reject 80 --grid chosen.png",
    "ganforge sample runs/0003-dcgan --latent latent.json --out projected/",
    "ganforge sample runs/0003-dcgan -n 50000 --precision auto --npz all.npz",
)


@with_common
def sample(
    source: Source,
    n: Annotated[
        int | None,
        typer.Option(
            "-n", "--number", help="How many samples. By default 64, or those of --latent.", show_default=False
        ),
    ] = None,
    seed: Seed = 0,
    label: Label = None,
    truncation: Truncation = 1.0,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="A folder for one PNG per sample, with labels.csv where there are classes, or FILE.npy for an array; "
            "of a table FILE.csv, .tsv or .parquet. - writes to stdout: CSV of tables and points, else npz.",
            show_default=False,
        ),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where",
            help="For tables: a condition on the rows, as column=value and with != < <= > >=, 'age between 30 and 40', "
            "'education in Bachelors,Masters', 'city is missing'. For models with conditions: what samples are to be, "
            "as angle=30, 'color in red,blue', 'x between 0 and 1'. Can be repeated.",
            show_default=False,
        ),
    ] = None,
    text: Annotated[
        list[str] | None,
        typer.Option(
            "--text",
            help="For models that were trained with captions: a sentence that samples are to show. Can be repeated; "
            "samples take the sentences in turn.",
            show_default=False,
        ),
    ] = None,
    grid: Annotated[
        Path | None,
        typer.Option(
            "--grid", help="FILE.png: one image of all samples, by class if there are classes.", show_default=False
        ),
    ] = None,
    npz: Annotated[
        Path | None,
        typer.Option("--npz", help="FILE.npz: `images` and, where there are any, `labels`.", show_default=False),
    ] = None,
    class_folders: Annotated[
        bool, typer.Option("--class-folders", help="In --out FOLDER, a folder for each class.")
    ] = False,
    columns: Annotated[
        int | None,
        typer.Option("--columns", help="Samples per row of the grid. By default about a square.", show_default=False),
    ] = None,
    batch: Annotated[
        int | None,
        typer.Option("--batch", help="Samples computed at a time: by default 64, or 4,096 rows.", show_default=False),
    ] = None,
    frames: Annotated[
        int | None,
        typer.Option("--frames", help="For films: frames of each. By default as many as trained.", show_default=False),
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option("--fps", help="For films: frames per second. By default as trained.", show_default=False),
    ] = None,
    form: Annotated[
        str | None,
        typer.Option(
            "--format", help="Of the files in the folder --out. For films: mp4, gif, frames or npy.", show_default=False
        ),
    ] = None,
    temperature: Temperature = None,
    guidance: Guidance = None,
    direction: Direction = None,
    latent: Latent = None,
    reject: Reject = None,
    procs: Procs = 1,
    precision: Precision = "fp32",
    *,
    common: Common,
) -> None:
    """Make new samples with a trained model."""
    piped = Piped(common.as_json) if str(out) == PIPE else None
    if columns is not None and columns < 1:
        raise UserError(f"--columns {columns}: it must be at least 1", code="cli.out_of_range")
    from ganforge.inference.model import load
    from ganforge.inference.workers import spread

    model = load(source, common.device, precision).with_settings(
        frames=frames,
        fps=fps,
        temperature=temperature,
        guidance=guidance,
        latents=latent,
        direction=direction or (),
        reject=reject,
    )
    if n is None:
        n = 64 if model.codes is None else len(model.codes)
    if piped is not None:
        out, npz = piped.targets(model, npz)
    check_given(model.recipe.signal, out, grid, npz)
    check_targets(out, grid, npz, common.force)
    check_kinds(model, out, npz)
    check_format(model, out, form)
    sentences = text or ()
    if where and not model.by_request and not sentences:
        parts = [(model.found(n, where, seed, label, truncation, batch).samples, None)]
    else:
        parts = model.batches(n, seed, label, truncation, batch, where or (), sentences)
    folder = None if out is None or is_one_file(out) else out
    listed = Labels(model, folder, class_folders, common.force)
    part_by_part = (
        out is not None
        and not ((where and not model.by_request) or grid or npz)
        and out.suffix.lower() in model.recipe.signal.appenders
    )
    if out is not None and part_by_part:
        parts = appended(model, parts, out)
    kept, labels, written = [], [], 0
    with spread(model, procs):
        for part, part_labels in parts:
            if folder is not None:
                listed.add(
                    write_files(model, part, folder, written, common.force, listed.folders_of(part_labels), form),
                    part_labels,
                )
            if grid or npz or (out is not None and folder is None and not part_by_part):
                kept.append(part)
                labels.append(part_labels)
            written += len(part)
    try:
        write_arrays(model, kept, labels, None if folder else out, grid, npz, columns)
    except OSError as error:
        raise UserError(
            f"{error.filename or 'the output'}: cannot be written ({error.strerror or error})",
            code="output.not_writable",
        ) from None
    listed.write()
    if piped is not None:
        piped.send()
        return
    places = ", ".join(str(p) for p in (out, grid, npz) if p is not None)
    of = f" of {n}" if written < n else ""
    met = f", where {' and '.join(where)}" if where else ""
    met += f", {' / '.join(sentences)}" if sentences else ""
    met += f", moved along {', '.join(direction)}" if direction else ""
    met += f", {model.rejection.acceptance:.1%} of those generated" if model.rejection else ""
    which = f"seed {seed}" if latent is None else latent
    common.report(
        {"samples": written, "asked": n, "seed": seed, "label": label, "where": where or [], "text": text or [],
         "direction": direction or [], "latent": latent, "precision": model.precision,
         "reject": reject, "acceptance": model.rejection.acceptance if model.rejection else None,
         "out": out, "grid": grid, "npz": npz},
        [f"{written}{of} samples of {which}{met}: {places}"],
    )  # fmt: skip


VERB = Verb(sample, order=20, epilog=EPILOG)
