"""What holds time series: a table, a folder or zip with a table a series, a .ts file, or a .npy of windows."""

from __future__ import annotations

import hashlib
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from ganforge.core.errors import UserError
from ganforge.data.files_at import content
from ganforge.data.store import FolderStore, Store
from ganforge.data.zip_store import ZipStore
from ganforge.modalities.series import reading

FILE, ROW = "series", "value"  # names of the columns of what has none
PARTS = re.compile(r"(^|[_.-])(train|test)$", re.IGNORECASE)


def load(path: Path | reading.Unpacked, name: str) -> tuple[Any, str | None, list[str]]:
    """The table of what lies at a path, the column that names the series where the path says it, and notes.

    Raises:
        UserError: files of different columns, or none that can be read.
    """
    if isinstance(path, reading.Unpacked):
        return reading.load(path), None, []
    if path.is_file() and path.suffix.lower() == ".npy":
        return _windows(path, name), FILE, []
    if path.is_file() and path.suffix.lower() == ".ts":
        return dot_ts(path.read_text(encoding="utf-8"), name), FILE, []
    if path.is_file() and path.suffix.lower() != ".zip":
        return reading.load(path), None, []
    store: Store = FolderStore(path) if path.is_dir() else ZipStore(path)
    return from_store(store, name)


def digest(path: Path) -> str:
    """16 digits that are the same for the same content."""
    found = hashlib.sha256()
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            with file.open("rb") as opened:
                found.update(hashlib.file_digest(opened, "sha256").digest())
    return found.hexdigest()[:16]


def tables_in(store: Store) -> list[str]:
    """The tables and .ts files of a folder or zip, in order."""
    names = [n for n in store.names() if reading.is_table(Path(n)) or n.lower().endswith(".ts")]
    return sorted(n for n in names if not Path(n).name.startswith("."))


def from_store(store: Store, name: str) -> tuple[Any, str, list[str]]:
    """All tables of a folder below each other, each a series that is called like its file."""
    import pandas as pd

    names, notes = tables_in(store), []
    if not names:
        raise UserError(f"data {name}: it holds no .csv, .tsv, .parquet or .ts file", code="series.no_files")
    frames = []
    for file in names:
        if file.lower().endswith(".ts"):
            part = dot_ts(_text(store, file), file)
            part[FILE] = f"{Path(file).stem} " + part[FILE].astype(str) if len(names) > 1 else part[FILE]
            frames.append(part)
            continue
        part = reading.load(opened(store, file))
        column = FILE
        while column in part.columns:
            column += "_"
        frames.append(part.assign(**{column: str(Path(file).with_suffix(""))}))
    columns = [tuple(sorted(map(str, f.columns))) for f in frames]
    usual = max(set(columns), key=columns.count)
    other = [n for n, c in zip(names, columns, strict=True) if c != usual]
    if other:
        odd = columns[names.index(other[0])]
        differs = sorted(set(usual) ^ set(odd))
        raise UserError(
            f"data {name}: {len(other)} of {len(names)} files have other columns than the rest, such as {other[0]} "
            f"(they differ in: {', '.join(differs[:8])}). Files of one set have the same columns",
            code="series.columns_differ",
        )
    found = pd.concat(frames, ignore_index=True)
    notes.append(f"{len(names):,} files, each a series" if FILE in frames[0].columns else f"{len(names):,} files")
    entity = next(c for c in found.columns if str(c).rstrip("_") == FILE)
    return found, str(entity), notes


def opened(store: Store, name: str) -> Path | reading.Unpacked:
    """A path of a file in a store; one of a zip is read into memory."""
    found = store.open(name)
    if isinstance(found, Path):
        return found
    return reading.Unpacked(name, found.read())


def _text(store: Store, name: str) -> str:
    return content(store, name).decode("utf-8")


def dot_ts(text: str, name: str) -> Any:
    """A .ts file of the UEA archive as a long table: a line a series, dimensions between colons, the class last.

    Raises:
        UserError: no @data, or lines of different numbers of dimensions.
    """
    import pandas as pd

    head, found, body = text.partition("@data")
    if not found:
        raise UserError(f"data {name}: no @data line, as a .ts file has one", code="series.not_ts")
    labeled = re.search(r"@classLabel\s+true", head, re.IGNORECASE) is not None
    rows, widths = [], set()
    for number, line in enumerate(body.strip().splitlines()):
        *channels, label = line.strip().split(":") if labeled else (*line.strip().split(":"), "")
        values = [[float(v) if v != "?" else np.nan for v in channel.split(",")] for channel in channels]
        widths.add(len(values))
        length = max(map(len, values))
        table = np.full((length, len(values)), np.nan)
        for k, channel in enumerate(values):
            table[: len(channel), k] = channel
        part = pd.DataFrame(table, columns=[f"dim_{k}" for k in range(len(values))])
        part.insert(0, FILE, number)
        rows.append(part.assign(**({"class": label} if labeled else {})))
    if not rows or len(widths) > 1:
        raise UserError(
            f"data {name}: {'no series' if not rows else 'the series have different numbers of dimensions'}",
            code="series.not_ts",
        )
    return pd.concat(rows, ignore_index=True)


def _windows(path: Path, name: str) -> Any:
    """An array [N, T, C] as a long table."""
    import pandas as pd

    array = np.load(path, allow_pickle=False)
    if array.ndim not in (2, 3) or not np.issubdtype(array.dtype, np.number):
        raise UserError(
            f"data {name}: an array of the shape {'×'.join(map(str, array.shape))} ({array.dtype}); series are numbers "
            "[series, steps, columns] or [steps, columns]",
            code="series.not_windows",
        )
    array = array[None] if array.ndim == 2 else array
    count, steps, channels = array.shape
    table = pd.DataFrame(array.reshape(-1, channels), columns=[f"{ROW}_{k}" for k in range(channels)])
    table.insert(0, FILE, np.repeat(np.arange(count), steps))
    return table


def is_zip(path: Path) -> bool:
    return path.is_file() and zipfile.is_zipfile(path)
