"""Samples as files: each for itself, all as one image, array or table, with their labels."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganforge.core.errors import UserError
from ganforge.core.files import atomic_file, atomic_files, output_to
from ganforge.core.marks import marked
from ganforge.core.media import Media, first_image, open_image, png
from ganforge.core.names import folder_names

if TYPE_CHECKING:
    import numpy as np

    from ganforge.core.conditions import Conditions
    from ganforge.inference.model import Model

LABELS = "labels.csv"
MOST_NAMED, WIDEST_ROW = 40, 16
"""Of a grid: the most classes that each get rows of their own, and samples of a row by default."""


class Labels:
    """Which sample is of which class, for `labels.csv` in the folder of the samples, and for class folders."""

    def __init__(self, model: Model, folder: Path | None, class_folders: bool, force: bool):
        if class_folders and (folder is None or not model.labels):
            why = "needs --out FOLDER" if model.labels else f"{model.recipe.name} was trained without classes"
            raise UserError(f"--class-folders: {why}", code="output.no_class_folders")
        self.folder, self.names, self.conditions = folder, model.labels, model.spec.conditions
        self.folders = folder_names(model.labels) if class_folders else None
        self.rows: list[tuple[str, ...]] = []
        if folder is not None and (model.labels or self.conditions) and (folder / LABELS).exists() and not force:
            raise UserError(f"{folder / LABELS}: already exists; --force overwrites it", code="output.exists")

    def folders_of(self, labels: np.ndarray | None) -> list[str] | None:
        """The class folder of each sample; None where they all lie in one."""
        return None if self.folders is None or labels is None else [self.folders[label] for label in labels]

    def add(self, files: list[Path], labels: np.ndarray | None) -> None:
        if labels is not None and self.folder is not None and len(files) == len(labels):
            names = [file.relative_to(self.folder).as_posix() for file in files]
            if self.conditions:
                self.rows += [(name, *row) for name, row in zip(names, texts_of(labels, self.conditions), strict=True)]
                return
            self.rows += [(name, self.names[label]) for name, label in zip(names, labels, strict=True)]

    def write(self) -> None:
        """Writes `labels.csv`: file, label; or file and one column per condition."""
        if self.folder is None or not self.rows:
            return
        with atomic_file(self.folder / LABELS) as path, path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("file", *(self.conditions.names or ("label",))), *self.rows])


def texts_of(vectors: np.ndarray, conditions: Conditions) -> list[tuple[str, ...]]:
    """What samples were asked to be, from vectors [N, K]: one text per condition, empty if it is unknown."""
    rows = conditions.decode(vectors)
    return [tuple(one.text(v) for one, v in zip(conditions.each, row, strict=True)) for row in rows]


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
        form: one of `Signal.file_formats`; by default as `Signal.write` does.

    Raises:
        UserError: a file of that name is there and `force` is not given, or the disk is full.
    """
    with output_to(folder), atomic_files(folder) as partial:
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


def appended(model: Model, parts: Iterable[tuple[Any, Any]], path: Path) -> Iterator[tuple[Any, Any]]:
    """The parts, each of which is added to a file when it comes; the file is whole after the last one, or not there.

    Raises:
        UserError: the disk is full, or there is no permission.
    """
    with (
        output_to(path),
        atomic_file(path) as partial,
        model.recipe.signal.appenders[path.suffix.lower()](partial, model.spec) as add,
    ):
        for part in parts:
            add(part[0])
            yield part


def _arrays_of(labels: np.ndarray, conditions: Conditions) -> dict[str, np.ndarray]:
    """What an .npz file says of its samples: `labels`, or one array per condition, of numbers or of texts."""
    import numpy as np

    if not conditions:
        return {"labels": labels}
    columns = list(zip(*conditions.decode(labels), strict=True))
    return {
        one.name: np.array(column if all(isinstance(v, float) for v in column) else [one.text(v) for v in column])
        for one, column in zip(conditions.each, columns, strict=True)
    }


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
            arrays |= _arrays_of(np.concatenate(known), model.spec.conditions)
        with atomic_file(npz) as path:
            np.savez_compressed(path, **arrays)
    if grid is not None:
        known = [part for part in labels if part is not None]
        image = grid_of(model, samples, np.concatenate(known) if known else None, columns)
        if image is None:
            raise UserError(
                f"--grid {grid}: samples of the signal {signal.kind!r} cannot be drawn as an image; use --out",
                code="output.unsupported_format",
            )
        with atomic_file(grid) as path:
            path.write_bytes(marked(image.data))


def grid_of(model: Model, samples: Any, labels: np.ndarray | None, columns: int | None) -> Media | None:
    """All samples as one image; with several classes a row or more each, next to its name. None if a signal has none.

    Args:
        labels: the class of each, int64 [N]; vectors of conditions, which no row is named after, but whose sentences
            stand below the images; or None.
        columns: samples per row; by default about a square, or the samples of a class.
    """
    import math

    import numpy as np

    def drawn(some: Any, side: int) -> Media | None:
        return first_image(model.recipe.signal.render(some, model.spec, side))

    if labels is not None and (texts := model.spec.conditions.texts):
        from ganforge.core.plot.captioned import captioned

        block = labels[:, model.spec.conditions.slices[texts[0].name]]
        sentences = [texts[0].text(value) for value in texts[0].decode(block)]
        return png(captioned(model.frames(samples), sentences, columns or math.ceil(math.sqrt(len(samples)))))
    classes = [] if labels is None or labels.ndim > 1 else np.unique(labels).tolist()
    if not 2 <= len(classes) <= MOST_NAMED:
        return drawn(samples, columns or math.ceil(math.sqrt(len(samples))))
    assert labels is not None
    side = columns or min(int(np.bincount(labels).max()), WIDEST_ROW)
    rows = [(model.labels[k], drawn(samples[labels == k], side)) for k in classes]
    if any(image is None for _, image in rows):
        return None
    from ganforge.ui.rows import named_rows

    return png(named_rows([(name, open_image(image)) for name, image in rows if image is not None]))
