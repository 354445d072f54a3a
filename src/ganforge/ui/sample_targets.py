"""Where samples are to be written, and whether they can be: known before anything is computed."""

from __future__ import annotations

import mimetypes
import shutil
import tempfile
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ganforge.core.errors import UserError
from ganforge.core.files import check_new
from ganforge.ui.output import results

if TYPE_CHECKING:
    from ganforge.inference.model import Model
    from ganforge.signals import Signal

PIPE = "-"


class Piped:
    """`--out -`: what is written to a file first, for formats that are not written in one go, and then to stdout."""

    def __init__(self, as_json: bool):
        if as_json:
            raise UserError("--out -: stdout holds either the samples or, with --json, a document", code="output.twice")
        folder = tempfile.mkdtemp(prefix="ganforge-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)  # also where sampling fails
        self.file = Path(folder) / "samples"

    def targets(self, model: Model, npz: Path | None) -> tuple[Path | None, Path | None]:
        """What takes the place of --out and --npz.

        Raises:
            UserError: an array would be printed on a terminal, or is asked for twice.
        """
        if ".csv" in model.recipe.signal.exporters:
            self.file = self.file.with_suffix(".csv")
            return self.file, npz
        if npz is not None:
            raise UserError(f"--out -: writes what --npz {npz} does; leave one of them out", code="output.twice")
        if results().isatty():
            raise UserError("--out -: an array is not to be read on a terminal; send it on: | or > FILE.npz",
                            code="output.is_a_terminal")  # fmt: skip
        self.file = self.file.with_suffix(".npz")
        return None, self.file

    def send(self) -> None:
        results().flush()
        with self.file.open("rb") as file:
            shutil.copyfileobj(file, results().buffer)
        results().buffer.flush()


def check_given(signal: Signal, out: Path | None, grid: Path | None, npz: Path | None) -> None:
    """Raises `UserError` where no output is named, with those that samples of the signal have."""
    if out is None and grid is None and npz is None:
        ways = ["--out FOLDER", f"--out {one_file(signal)} (all in one file)"]
        ways += ["--npz FILE.npz"] if signal.array_name else []
        ways += ["--grid FILE.png (one image of all)"] if signal.has_frames else []
        raise UserError(f"no output is given: use {either(ways)}", code="output.not_given")


def one_file(signal: Signal) -> str:
    """The names of files that hold all samples: "FILE.csv or FILE.parquet"."""
    return either([f"FILE{ending}" for ending in signal.exporters])


def either(ways: Sequence[str]) -> str:
    return " or ".join(filter(None, [", ".join(ways[:-1]), ways[-1]]))


def check_targets(out: Path | None, grid: Path | None, npz: Path | None, force: bool) -> None:
    """Finds out before anything is computed whether the output can be written.

    Raises:
        UserError: a wrong extension, a file that already exists, or no permission to write.
    """
    for option, path, suffixes in (("--grid", grid, (".png",)), ("--npz", npz, (".npz",))):
        if path is not None and path.suffix.lower() not in suffixes:
            raise UserError(f"{option} {path}: the name must end in {suffixes[0]}", code="output.wrong_extension")
    from ganforge.core.files import check_folder

    for path in (p for p in (out, grid, npz) if p is not None):
        if path is not out or is_one_file(path):
            check_new(path, force=force)
        elif not is_file_name(path):
            check_folder(path)


def is_file_name(path: Path) -> bool:
    """Whether a name is that of one image, film, sound or spreadsheet, or of a file that is there, for which a folder
    is not to be taken; `check_kinds` says what the samples are written to."""
    kind = mimetypes.guess_type(path.name)[0] or ""
    of_one = kind.startswith(("image/", "video/", "audio/")) or "excel" in kind or "spreadsheet" in kind
    return not path.is_dir() and (of_one or path.exists())


def is_one_file(out: Path) -> bool:
    """Whether `--out` names one file for all samples, not a folder: what any signal can be written as."""
    from ganforge.registry import load_all
    from ganforge.signals import Signal

    ending = out.suffix.lower()
    if ending and not any(ending in signal.exporters for signal in Signal.members().values()):
        load_all()  # the ending of a signal that was not needed yet
    return any(ending in signal.exporters for signal in Signal.members().values())


def check_kinds(model: Model, out: Path | None, npz: Path | None) -> None:
    """Finds out whether this model's samples can be written so.

    Raises:
        UserError: an image as CSV, a table as an array, a folder that would be called x.jpg, or is a file.
    """
    signal = model.recipe.signal
    if out is not None and (is_file_name(out) or is_one_file(out)) and out.suffix.lower() not in signal.exporters:
        image = "; for one image of all: --grid FILE.png" if signal.has_frames else ""
        raise UserError(
            f"--out {out}: samples of the signal {signal.kind!r} are written to a folder, or all to {one_file(signal)}"
            + image,
            code="output.unsupported_format",
        )
    if npz is not None and not signal.array_name:
        raise UserError(
            f"--npz {npz}: samples of the signal {signal.kind!r} are no array; use --out {one_file(signal)}",
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
