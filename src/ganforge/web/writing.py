"""Samples as the bytes of one file, by the same functions that write the files of `ganforge sample`."""

from __future__ import annotations

import contextlib
import io
import mimetypes
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ganforge.core.errors import UserError
from ganforge.core.media import ENDINGS, first_image
from ganforge.inference.model import Model
from ganforge.ui.samples import Labels, texts_of, write_arrays, write_files

TYPES = {ending: mime for mime, ending in ENDINGS.items()} | {
    ".npy": "application/octet-stream",
    ".npz": "application/zip",
    ".csv": "text/csv; charset=utf-8",
    ".tsv": "text/tab-separated-values; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".jsonl": "application/jsonl",
    ".parquet": "application/vnd.apache.parquet",
    ".flac": "audio/flac",
    ".glb": "model/gltf-binary",
    ".webp": "image/webp",
}
IMAGE, ARRAYS, FILES = "png", "npz", "zip"
"""Formats of their own: one image, arrays with labels, and a file for each sample."""
MOST_NAMED = 256


@dataclass(frozen=True)
class Answer:
    """What an operation answers: a file, or only facts.

    Attributes:
        data, type, name: the bytes of the file, its MIME type, and a name for it.
        facts: more of it, as JSON can hold it.
    """

    data: bytes = b""
    type: str = ""
    name: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


def type_of(name: str) -> str:
    """The MIME type of a file, by the ending of its name."""
    ending = Path(name).suffix.lower()
    return TYPES.get(ending) or mimetypes.guess_type(name)[0] or "application/octet-stream"


def first_of(model: Model, scratch: Path) -> tuple[str, bool]:
    """The ending of the file that the first sample of a model is written to, empty if it is none or several; and
    whether samples can be drawn as one image."""
    signal, sample = model.recipe.signal, next(iter(model.batches(1)))[0]
    drawn = first_image(signal.render(sample, model.spec)) is not None
    with emptied(scratch) as folder:
        files = signal.write(sample, folder, 0, model.spec)
        return files[0].suffix.lower() if len(files) == 1 else "", drawn


@contextlib.contextmanager
def emptied(scratch: Path) -> Iterator[Path]:
    """A folder in `scratch` that is removed with all that is in it."""
    folder = Path(tempfile.mkdtemp(dir=scratch))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def taken(path: Path) -> bytes:
    """The bytes of a file, which is removed."""
    data = path.read_bytes()
    path.unlink()
    return data


def formats_of(model: Model, single: str, drawn: bool) -> list[str]:
    """The formats that samples can be asked for in, the most natural one first; see `first_of`."""
    signal = model.recipe.signal
    known = [ending[1:] for ending in signal.exporters]
    first = [single[1:]] if single else []
    found = [*first, *known, *signal.file_formats, *([ARRAYS] if signal.array_name else [])]
    found += [*([IMAGE] if drawn else []), FILES]
    return list(dict.fromkeys(found))


def check_format(formats: Sequence[str], form: str | None) -> str:
    """The format that is asked for, or the natural one.

    Raises:
        UserError: samples of this kind are not written in it.
    """
    if form is None:
        return formats[0]
    if form not in formats:
        raise UserError(
            f"format {form!r}: samples of this model are written as {', '.join(formats)}",
            code="output.unsupported_format",
        )
    return form


def joined(labels: Sequence[np.ndarray | None]) -> np.ndarray | None:
    known = [part for part in labels if part is not None]
    return np.concatenate(known) if known else None


def written(
    model: Model, samples: Any, labels: np.ndarray | None, form: str, scratch: Path, alone: bool, columns: int | None
) -> Answer:
    """Samples in a format of `formats_of`.

    Args:
        labels: of each sample, int64 [n] or vectors of conditions [n, K], or None.
        scratch: a folder for files on their way.
        alone: whether one sample is written to a PNG file, which is then its image.
        columns: samples per row of an image of several.
    """
    signal, name = model.recipe.signal, f"samples.{form}"
    facts = {"n": len(samples)} | ({} if labels is None else {"labels": named(model, labels[:MOST_NAMED])})
    file = scratch / name
    if form == IMAGE and alone and len(samples) == 1:
        (file,) = signal.write(samples, scratch, 0, model.spec)  # the usual case, without a folder to remove
    elif form == IMAGE:
        write_arrays(model, [samples], [labels], None, file, None, columns)
    elif form == ARRAYS and signal.array_name and ".npz" not in signal.exporters:
        write_arrays(model, [samples], [labels], None, None, file, None)
    elif f".{form}" in signal.exporters:
        write_arrays(model, [samples], [labels], file, None, None, None)
    else:
        with emptied(scratch) as folder:
            data, ending = one_or_zip(model, samples, labels, folder, None if form == FILES else form)
        name = f"samples{ending}"
        return Answer(data, type_of(name), name, facts)
    return Answer(taken(file), type_of(name), name, facts)


def named(model: Model, labels: np.ndarray) -> list[Any]:
    """The names of labels, or the texts of conditions by their names."""
    if not model.spec.conditions:
        return [model.labels[int(label)] for label in labels]
    names = model.spec.conditions.names
    return [dict(zip(names, row, strict=True)) for row in texts_of(labels, model.spec.conditions)]


def one_or_zip(
    model: Model, samples: Any, labels: np.ndarray | None, folder: Path, form: str | None
) -> tuple[bytes, str]:
    """Samples as files of their own: the one file, or a zip of several with `labels.csv`; and its ending.

    Args:
        form: one of `Signal.file_formats`, or the ending of the files that `Signal.write` makes; None: a zip always.
    """
    listed = Labels(model, folder, False, True)
    writer = form if form in model.recipe.signal.file_formats else None
    files = write_files(model, samples, folder, 0, True, form=writer)
    listed.add(files, labels)
    listed.write()
    if form is not None and len(files) == 1:
        return files[0].read_bytes(), files[0].suffix
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w", zipfile.ZIP_STORED) as out:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            out.writestr(zipfile.ZipInfo(path.relative_to(folder).as_posix()), path.read_bytes())
    return found.getvalue(), ".zip"
