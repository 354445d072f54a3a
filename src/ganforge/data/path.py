"""Data at a path: what is there decides how it is read."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import Field

from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError, did_you_mean
from ganforge.data import store as stores
from ganforge.data.base import DataSource
from ganforge.modalities.image import files as pictures
from ganforge.modalities.image.sources import arrays, folder
from ganforge.modalities.table import source as table

T = TypeVar("T")
KNOWN = (
    "a folder or zip of pictures (class folders become labels), MNIST idx, .npy, .npz or CIFAR-10 binary files, "
    "or a table: .csv, .tsv, .parquet"
)


class PathData(DataSource, kind="path"):
    """A folder or zip of pictures (class folders become labels), MNIST idx, .npy, .npz or CIFAR-10 binary files, or a
    table (.csv, .tsv, .parquet)."""

    path: str
    """The folder or file. A folder in a zip goes on behind it: photos.zip/horses."""
    split: Literal["train", "test"] = "train"
    """Which part to take where the data has both; of a table, the rows to train on or those held back."""
    holdout: float = Field(default=table.HOLDOUT, ge=0, lt=1)
    """Of a table: the share of its rows that is held back, for `ganforge evaluate`; 0 trains on all."""

    def open(self) -> Dataset:
        path = Path(self.path).expanduser()
        try:
            if path.is_dir():
                return _open_folder(path, self.path, self.split)
            if path.is_file() and table.is_table(path):
                return table.TableFile(path=self.path, split=self.split, holdout=self.holdout).open()
            if path.is_file():
                return _open_file(path, self.path, self.split)
            archive = next((above for above in path.parents if above.is_file()), None)
            if archive is not None and zipfile.is_zipfile(archive):
                inner = stores.Below(stores.ZipStore(archive), path.relative_to(archive).as_posix())
                return _pictures_in(inner, self.path, self.split)
        except PermissionError as error:
            raise UserError(f"data {self.path}: no permission to read {error.filename}") from None
        raise UserError(f"data {self.path}: no such file or folder{_near(path, self.path)}")


def _near(path: Path, text: str) -> str:
    """Which set or file was meant."""
    named = did_you_mean(text.lower(), [k for k in DataSource.kinds if k not in ("path", "hub")])
    if named and os.sep not in text:
        return named.replace("did you mean", "did you mean the named set")
    beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
    return did_you_mean(path.name, beside)


def _open_folder(path: Path, name: str, split: str) -> Dataset:
    parts = arrays.idx_parts(path)
    if parts:
        return arrays.open_idx(_part(parts, split, name), name)
    batches = arrays.cifar_parts([p.name for p in path.iterdir() if p.is_file()])
    if batches:
        chosen = _part(batches, split, name)
        return arrays.from_cifar(name, [(str(path / n), (path / n).read_bytes()) for n in chosen])
    store = stores.FolderStore(path)
    found = folder.open_store(store, name, split)
    if found is not None:
        return found
    inside = stores.kinds_of_files(store)
    if not inside:
        raise UserError(f"data {name}: the folder is empty")
    single = (".zip", ".npz", ".npy", ".gz", ".csv", ".tsv", ".parquet")
    files = [p.name for p in sorted(path.iterdir()) if p.suffix.lower() in single]
    hint = f"; or is it one of its files that you want, as data={path / files[0]}?" if files else ""
    raise UserError(f"data {name}: no pictures in this folder (it holds {inside}). Wanted: {KNOWN}{hint}")


def _open_file(path: Path, name: str, split: str) -> Dataset:
    with path.open("rb") as file:
        start = file.read(8)
    if not start:
        raise UserError(f"data {name}: the file is empty")
    suffixes = "".join(path.suffixes).lower()
    if start.startswith(b"\x93NUMPY"):
        return arrays.open_npy(path, name)
    if start.startswith(b"PK") or suffixes.endswith((".zip", ".npz")):
        return _open_zip(path, name, split)
    if arrays.is_idx(start):
        return arrays.open_idx(path, name)
    if start.startswith(b"\x1f\x8b") or suffixes.endswith(".tar"):
        return _open_gz(path, name, split, suffixes)
    if path.suffix.lower() == ".bin":
        return arrays.from_cifar(name, [(str(path), path.read_bytes())])
    if pictures.is_picture(path.name):
        raise UserError(f"data {name}: this is one picture; give the folder of many: data={path.parent}")
    raise UserError(f"data {name}: this is another kind of file. Wanted: {KNOWN}")


def _open_zip(path: Path, name: str, split: str) -> Dataset:
    if path.suffix.lower() == ".npz" or _holds_arrays(path):
        return arrays.open_npz(path, name, split)
    return _pictures_in(stores.ZipStore(path), name, split)


def _pictures_in(store: stores.Store, name: str, split: str) -> Dataset:
    found = folder.open_store(store, name, split)
    if found is None:
        raise UserError(f"data {name}: no pictures in this zip (it holds {stores.kinds_of_files(store) or 'nothing'})")
    return found


def _holds_arrays(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    return bool(names) and all(n.endswith(".npy") for n in names)


def _open_gz(path: Path, name: str, split: str, suffixes: str) -> Dataset:
    if not suffixes.endswith((".tar", ".tar.gz", ".tgz")):
        return arrays.open_idx(path, name)
    batches = arrays.read_tar(path, split)
    if batches is None:
        raise UserError(
            f"data {name}: of tar archives only CIFAR-10's binary one is read, and this has no batches of its kind "
            f"for split={split}. Unpack it and give the folder, or make a zip"
        )
    return arrays.from_cifar(name, batches)


def _part(parts: dict[str, T], split: str, name: str) -> T:
    if split not in parts:
        raise UserError(
            f"data {name}: no {split} part in it, only {next(iter(parts))}: set data.split={next(iter(parts))}"
        )
    return parts[split]
