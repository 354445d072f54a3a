"""Where samples go beside files of their own: through a pipe, into class folders, and with their labels in a list."""

from __future__ import annotations

import csv
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

from ganforge.core.errors import UserError
from ganforge.core.files import atomic_file
from ganforge.core.names import folder_names
from ganforge.ui.output import results

if TYPE_CHECKING:
    import numpy as np

    from ganforge.inference.model import Model

PIPE = "-"
LABELS = "labels.csv"


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


class Labels:
    """Which sample is of which class, for `labels.csv` in the folder of the samples, and for class folders."""

    def __init__(self, model: Model, folder: Path | None, class_folders: bool, force: bool):
        if class_folders and (folder is None or not model.labels):
            why = "needs --out FOLDER" if model.labels else f"{model.recipe.name} was trained without classes"
            raise UserError(f"--class-folders: {why}", code="output.no_class_folders")
        self.folder, self.names = folder, model.labels
        self.folders = folder_names(model.labels) if class_folders else None
        self.rows: list[tuple[str, str]] = []
        if folder is not None and model.labels and (folder / LABELS).exists() and not force:
            raise UserError(f"{folder / LABELS}: already exists; --force overwrites it", code="output.exists")

    def folders_of(self, labels: np.ndarray | None) -> list[str] | None:
        """The class folder of each sample; None where they all lie in one."""
        return None if self.folders is None or labels is None else [self.folders[label] for label in labels]

    def add(self, files: list[Path], labels: np.ndarray | None) -> None:
        if labels is not None and self.folder is not None and len(files) == len(labels):
            names = [file.relative_to(self.folder).as_posix() for file in files]
            self.rows += [(name, self.names[label]) for name, label in zip(names, labels, strict=True)]

    def write(self) -> None:
        """Writes `labels.csv`: file, label."""
        if self.folder is None or not self.rows:
            return
        with atomic_file(self.folder / LABELS) as path, path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("file", "label"), *self.rows])
