"""What holds time series: a table, a folder or zip with a table a series, a file of an archive, a .npy of windows."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from ganforge.core.errors import UserError
from ganforge.data.store import FolderStore, Store
from ganforge.data.zip_store import ZipStore
from ganforge.modalities.series import archives, reading
from ganforge.modalities.series.archives import SERIES as FILE

ROW = "value"  # name of the columns of an array


def load(path: Path | reading.Unpacked, name: str) -> tuple[Any, str | None, list[str]]:
    """The table of what lies at a path, the column that names the series where the path says it, and notes.

    Raises:
        UserError: files of different columns, or none that can be read.
    """
    if isinstance(path, reading.Unpacked):
        return reading.load(path), None, []
    if path.is_file() and path.suffix.lower() == ".npy":
        return _windows(path, name), FILE, []
    if path.is_file() and (found := archives.loaded(path, name)) is not None:
        return found, FILE, []
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
    """The tables and files of archives of a folder or zip, in order."""
    names = [n for n in store.names() if reading.is_table(Path(n)) or n.lower().endswith(archives.DOT_TS)]
    return sorted(n for n in names if not Path(n).name.startswith("."))


def from_store(store: Store, name: str) -> tuple[Any, str, list[str]]:
    """All tables of a folder below each other, each a series that is called like its file."""
    import pandas as pd

    notes, every = [], tables_in(store)
    names = archives.without_copies(every)
    if len(names) < len(every):
        notes.append(f"{len(every) - len(names):,} .arff files are left out, which hold what others do")
    if not names:
        raise UserError(f"data {name}: it holds no .csv, .tsv, .parquet, .arff or .ts file", code="series.no_files")
    frames = []
    for file in names:
        if (part := archives.loaded(opened(store, file), file)) is not None:
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
    entity = next(str(c) for c in found.columns if str(c).rstrip("_") == FILE)
    each = ", each a series" if len(names) == found[entity].nunique() else ""
    notes.append(f"{len(names):,} files{each}")
    return found, entity, notes


def opened(store: Store, name: str) -> Path | reading.Unpacked:
    """A path of a file in a store; one of a zip is read into memory."""
    found = store.open(name)
    if isinstance(found, Path):
        return found
    return reading.Unpacked(name, found.read())


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
