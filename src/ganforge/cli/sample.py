"""`ganforge sample`: new samples from a trained model, as files."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganforge.core.errors import UserError
from ganforge.core.files import atomic_file, atomic_files
from ganforge.core.media import first_image
from ganforge.ui.options import Device, Force, Plugins, Quiet, Source, Truncation, examples
from ganforge.ui.output import AsJson, emit
from ganforge.ui.samples import PIPE, Labels, Piped
from ganforge.ui.verb import Verb

if TYPE_CHECKING:
    import numpy as np

    from ganforge.inference.model import Model
    from ganforge.signals import Signal

EPILOG = examples(
    "ganforge sample runs/0003-dcgan -n 64 --grid grid.png",
    "ganforge sample runs/0004-cdcgan -n 100 --label 3 --out threes/",
    "ganforge sample model.safetensors -n 50000 --npz all.npz",
    "ganforge sample runs/0004-cdcgan -n 1000 --class-folders --out classes/",
    "ganforge sample runs/0005-ctgan -n 1000 --out - | head",
    'ganforge sample runs/0005-ctgan -n 1000 --where "education=Bachelors" --where "age>40" --out new.csv',
)


def sample(
    source: Source,
    n: Annotated[int, typer.Option("-n", "--number", help="How many samples.")] = 64,
    seed: Annotated[int, typer.Option("--seed", help="Which samples: sample k of a seed is always the same one.")] = 0,
    label: Annotated[
        str | None,
        typer.Option(
            "--label", help="The class, by name or number. By default all classes in turn.", show_default=False
        ),
    ] = None,
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
            help="For tables: a condition on the rows, as column=value or with != < <= > >=, 'age between 30 and 40', "
            "'education in Bachelors,Masters', 'city is missing'. Can be repeated.",
            show_default=False,
        ),
    ] = None,
    grid: Annotated[
        Path | None, typer.Option("--grid", help="FILE.png: one image of all samples.", show_default=False)
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
    device: Device = None,
    force: Force = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
    plugins: Plugins = None,
) -> None:
    """Make new samples with a trained model."""
    from ganforge.registry import load_all

    load_all()
    piped = Piped(as_json) if str(out) == PIPE else None
    if piped is None:
        check_targets(out, grid, npz, force)
    if columns is not None and columns < 1:
        raise UserError(f"--columns {columns}: it must be at least 1", code="cli.out_of_range")
    from ganforge.inference.model import load
    from ganforge.ui.console import stdout

    model = load(source, device)
    if frames is not None or fps is not None:
        model = model.lasting(frames, fps)
    if piped is not None:
        out, npz = piped.targets(model, npz)
        check_targets(out, grid, npz, force)
    check_kinds(model, out, npz)
    check_format(model, out, form)
    if where:
        parts = [(model.found(n, where, seed, label, truncation, batch).samples, None)]
    else:
        parts = model.batches(n, seed, label, truncation, batch)
    folder = None if out is None or is_one_file(out) else out
    listed = Labels(model, folder, class_folders, force)
    part_by_part = out is not None and not (where or grid or npz) and out.suffix.lower() in signal_of(model).appenders
    if out is not None and part_by_part:
        parts = appended(model, parts, out)
    kept, labels, written = [], [], 0
    for part, part_labels in parts:
        if folder is not None:
            listed.add(
                write_files(model, part, folder, written, force, listed.folders_of(part_labels), form), part_labels
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
    if as_json:
        emit({"samples": written, "asked": n, "seed": seed, "label": label, "where": where or [],
              "out": out, "grid": grid, "npz": npz})  # fmt: skip
        return
    places = ", ".join(str(p) for p in (out, grid, npz) if p is not None)
    of = f" of {n}" if written < n else ""
    met = f", where {' and '.join(where)}" if where else ""
    if not quiet:
        stdout().print(f"{written}{of} samples of seed {seed}{met}: {places}", soft_wrap=True)


def check_targets(out: Path | None, grid: Path | None, npz: Path | None, force: bool) -> None:
    """Finds out before anything is computed whether the output can be written.

    Raises:
        UserError: no output named, a wrong extension, a file that already exists, or no permission to write.
    """
    if out is None and grid is None and npz is None:
        raise UserError(
            "no output is given: use --out FOLDER (PNG files), --grid FILE.png, --npz FILE.npz or --out FILE.npy; "
            "for rows of a table --out FILE.csv",
            code="output.not_given",
        )
    for option, path, suffixes in (("--grid", grid, (".png",)), ("--npz", npz, (".npz",))):
        if path is not None and path.suffix.lower() not in suffixes:
            raise UserError(f"{option} {path}: the name must end in {suffixes[0]}", code="output.wrong_extension")
    if out is not None and not is_one_file(out) and out.exists() and not out.is_dir():
        raise UserError(
            f"--out {out}: is a file; give a folder, or a file name that ends in {', '.join(endings())}",
            code="output.not_a_folder",
        )
    if out is not None and not is_one_file(out) and not out.is_dir() and is_image_name(out):
        raise UserError(
            f"--out {out}: samples are written to a folder, or to one file that ends in {', '.join(endings())}; for "
            "one image of all samples use --grid FILE.png",
            code="output.unsupported_format",
        )
    from ganforge.inference.film import check_folder

    for path in (p for p in (out, grid, npz) if p is not None):
        is_folder = path is out and not is_one_file(path)
        if not is_folder and path.exists() and not force:
            raise UserError(f"{path}: already exists; --force overwrites it", code="output.exists")
        check_folder(path if is_folder else path.parent)


def is_image_name(path: Path) -> bool:
    """Whether a name is that of one image or film, for which a folder is not to be taken."""
    return (mimetypes.guess_type(path.name)[0] or "").startswith(("image/", "video/"))


def endings() -> list[str]:
    """Those by which `--out` is one file for all samples: what any signal can be written as."""
    from ganforge.signals import Signal

    return list(dict.fromkeys(ending for signal in Signal.members().values() for ending in signal.exporters))


def is_one_file(out: Path) -> bool:
    """Whether `--out` names one file for all samples, not a folder."""
    return out.suffix.lower() in endings()


def check_kinds(model: Model, out: Path | None, npz: Path | None) -> None:
    """Finds out whether this model's samples can be written so.

    Raises:
        UserError: an image as CSV, a table as an array.
    """
    signal = model.recipe.signal
    if out is not None and is_one_file(out) and out.suffix.lower() not in signal.exporters:
        others = [ending for ending in signal.exporters if ending != ".npy"]
        ways = f"a file that ends in {', '.join(others)}" if others else "a folder, or FILE.npy"
        raise UserError(
            f"--out {out}: samples of the signal {signal.kind!r} are written to {ways}; for one image of all: --grid "
            "FILE.png",
            code="output.unsupported_format",
        )
    if npz is not None and not signal.array_name:
        raise UserError(
            f"--npz {npz}: the columns of a table have different types; use --out FILE.csv or FILE.parquet",
            code="output.unsupported_format",
        )


def check_format(model: Model, out: Path | None, form: str | None) -> None:
    """Finds out whether `--format` can be met.

    Raises:
        UserError: the signal has no such form, or `--out` is no folder.
    """
    signal = model.recipe.signal
    if form is None:
        return
    if form not in signal.file_formats:
        has = (
            f"it has {', '.join(signal.file_formats)}"
            if signal.file_formats
            else "it has one form only; leave --format out"
        )
        raise UserError(
            f"--format {form}: not a form that the signal {signal.kind!r} is written in ({has})",
            code="output.unknown_format",
        )
    if out is None or is_one_file(out):
        raise UserError(
            f"--format {form}: is for a folder of files, one or more a sample: --out FOLDER/",
            code="output.not_a_folder",
        )


def write_files(
    model: Model,
    samples: Any,
    folder: Path,
    start: int,
    force: bool,
    folders: list[str] | None = None,
    form: str | None = None,
) -> list[Path]:
    """Writes samples as files of their own, whole or not at all; returns where they are.

    Args:
        folders: below `folder`, one for each sample.

    Args:
        form: one of `Signal.file_formats`; by default as `Signal.write` does.

    Raises:
        UserError: a file of that name is there and `force` is not given, or the disk is full.
    """
    try:
        with atomic_files(folder) as partial:
            signal = model.recipe.signal
            write = signal.write if form is None else signal.file_formats[form]
            files = write(samples, partial, start, model.spec)
            if folders is not None and len(files) != len(folders):
                raise UserError(
                    f"--class-folders: {model.recipe.signal.noun.many} are written to one file", code="output.one_file"
                )
            places = [folder / name / file.name for name, file in zip(folders or [""] * len(files), files, strict=True)]
            taken = [place for place in places if place.exists()]
            if taken and not force:
                raise UserError(
                    f"{taken[0]}: already exists; --force overwrites files of the same name", code="output.exists"
                )
            for place, file in zip(places, files, strict=True):
                place.parent.mkdir(exist_ok=True)
                file.replace(place)
            return places
    except OSError as error:
        raise UserError(
            f"{folder}: cannot be written ({error.strerror or error})", code="output.not_writable"
        ) from None


def appended(model: Model, parts: Iterable[tuple[Any, Any]], path: Path) -> Iterator[tuple[Any, Any]]:
    """The parts, each of which is added to a file when it comes; the file is whole after the last one, or not there.

    Raises:
        UserError: the disk is full, or there is no permission.
    """
    try:
        with atomic_file(path) as partial, signal_of(model).appenders[path.suffix.lower()](partial, model.spec) as add:
            for part in parts:
                add(part[0])
                yield part
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror or error})", code="output.not_writable") from None


def signal_of(model: Model) -> Signal:
    return model.recipe.signal


def write_arrays(
    model: Model,
    parts: list[Any],
    labels: list[np.ndarray | None],
    one_file: Path | None,
    grid: Path | None,
    npz: Path | None,
    columns: int | None,
) -> None:
    """Writes all samples as one image, one array or one table, each whole or not at all."""
    import math

    import numpy as np

    if not parts:
        return
    samples = model.recipe.signal.join(parts, model.spec)
    signal = model.recipe.signal
    if one_file is not None:
        with atomic_file(one_file) as path:
            signal.exporters[one_file.suffix.lower()](samples, path, model.spec)
    if npz is not None:
        arrays: dict[str, Any] = {signal.array_name: samples}
        known = [part for part in labels if part is not None]
        if known:
            arrays["labels"] = np.concatenate(known)
        with atomic_file(npz) as path:
            np.savez_compressed(path, **arrays)
    if grid is not None:
        side = columns or math.ceil(math.sqrt(len(samples)))
        image = first_image(signal.render(samples, model.spec, side))
        if image is None:
            raise UserError(
                f"--grid {grid}: samples of the signal {signal.kind!r} cannot be drawn as an image; use --out",
                code="output.unsupported_format",
            )
        with atomic_file(grid) as path:
            path.write_bytes(image.data)


VERB = Verb(sample, order=20, epilog=EPILOG)
