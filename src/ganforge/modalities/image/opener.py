"""Images at a path: folders and zips of files, MNIST's idx, numpy's npy and npz, CIFAR-10's binary batches."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import TypeVar

from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.data.base import DataSource
from ganforge.data.given import Given, MemoryData
from ganforge.data.opener import Head, Opener, single_files, supported_formats
from ganforge.data.store import Store, is_hidden, kinds_of_files
from ganforge.data.zip_store import ZipStore
from ganforge.modalities.image import files as pictures
from ganforge.modalities.image.sources import cifar, folder, idx, numpy_files, objects

T = TypeVar("T")

CLEAR, MAYBE, WRONG = 0.9, 0.4, 0.1
"""Claims: certainly images; images or something else; not images, but with an error message from here."""


class ImageOpener(Opener, kind="image"):
    """Folders and zips of image files, idx files, arrays of numpy and CIFAR-10's binary batches."""

    signal = "image"
    takes = "a folder or zip of images (class folders become labels), MNIST idx, .npy, .npz or CIFAR-10 binary files"
    endings = (".zip", ".npz", ".npy", ".gz")

    def claims(self, path: Path, head: Head) -> float:
        if head.store is not None:
            return CLEAR if _any_images(head.names) or (path.is_dir() and _is_known_set(path)) else WRONG
        if not head.start:
            return 0.0
        suffixes = "".join(path.suffixes).lower()
        if head.start.startswith(b"\x93NUMPY") or _holds_arrays(path, head):
            return self._claims_array(path)
        if head.start.startswith(b"PK") or suffixes.endswith((".zip", ".npz")):
            return CLEAR if _any_images(head.names) else WRONG
        if idx.is_idx(head.start):
            return CLEAR
        if path.suffix.lower() == ".bin":
            return MAYBE if path.stat().st_size % cifar.CIFAR_RECORD == 0 else WRONG
        if suffixes.endswith((".tar", ".tar.gz", ".tgz")):
            return MAYBE
        if head.start.startswith(b"\x1f\x8b"):
            return CLEAR if idx.is_idx(_first_unpacked(path)) else WRONG
        return WRONG if pictures.is_picture(path.name) else 0.0

    def _claims_array(self, path: Path) -> float:
        found = numpy_files.header_of(path)
        if found is None or not found.may_be_images:
            return WRONG
        return CLEAR if found.are_images else MAYBE

    def source_of(self, given: Given) -> DataSource | None:
        dataset = objects.open_given(given)
        return None if dataset is None else MemoryData.of(dataset)

    def open(self, path: Path, head: Head, name: str, *, split: str, holdout: float, asked: bool) -> Dataset:
        if head.store is not None:
            is_folder = path.is_dir()
            return _open_folder(head, name, split) if is_folder else _in_zip(head, head.store, name, split)
        suffixes = "".join(path.suffixes).lower()
        if head.start.startswith(b"\x93NUMPY"):
            _refuse_unclear(path, name, asked)
            return numpy_files.open_npy(path, name)
        if _holds_arrays(path, head):
            _refuse_unclear(path, name, asked)
            return numpy_files.open_npz(path, name, split)
        if head.start.startswith(b"PK") or suffixes.endswith(".zip"):
            return _in_zip(head, ZipStore(path, head.name_encoding), name, split)
        if idx.is_idx(head.start):
            return idx.open_idx(path, name)
        if head.start.startswith(b"\x1f\x8b") or suffixes.endswith(".tar"):
            return _open_gz(path, name, split, suffixes)
        if path.suffix.lower() == ".bin":
            return cifar.from_cifar(name, [(str(path), path.read_bytes())])
        if pictures.is_picture(path.name) and head.start:
            raise UserError(
                f"data {name}: this is a single image; pass the folder of images: data={path.parent}",
                code="data.single_image",
            )
        what = "this is another kind of file" if head.start else "the file is empty"
        raise UserError(
            f"data {name}: expected images, but {what}. Pass {self.takes}",
            code="data.not_images" if head.start else "data.empty",
        )


def _refuse_unclear(path: Path, name: str, asked: bool) -> None:
    """Raises UserError if an array may contain images or something else, and the user did not specify which."""
    found = numpy_files.header_of(path)
    if asked or found is None or not found.may_be_images or found.are_images:
        return
    n, a, b = found.shape
    raise UserError(
        f"data {name}: an array of {n}×{a}×{b} {found.dtype} numbers may be {n:,} gray images of {a}×{b} px, or "
        f"{n:,} series of {a} steps with {b} channels. If it holds images, set data.signal=image, or store it as "
        f"[{n}, {a}, {b}, 1]",
        code="data.ambiguous_array",
    )


def _any_images(names: list[str]) -> bool:
    return any(pictures.is_picture(name) and not is_hidden(name) for name in names)


def _is_known_set(path: Path) -> bool:
    """Whether a folder contains idx files (MNIST) or those of CIFAR-10."""
    return bool(idx.idx_parts(path) or cifar.cifar_parts([p.name for p in path.iterdir() if p.is_file()]))


def _holds_arrays(path: Path, head: Head) -> bool:
    return path.suffix.lower() == ".npz" or (bool(head.names) and all(name.endswith(".npy") for name in head.names))


def _first_unpacked(path: Path) -> bytes:
    try:
        with gzip.open(path) as file:
            return file.read(4)
    except (OSError, EOFError, zlib.error):
        return b""


def _open_folder(head: Head, name: str, split: str) -> Dataset:
    path, store = head.path, head.store
    assert store is not None
    parts = idx.idx_parts(path)
    if parts:
        return idx.open_idx(_part(parts, split, name), name)
    batches = cifar.cifar_parts([p.name for p in path.iterdir() if p.is_file()])
    if batches:
        chosen = _part(batches, split, name)
        return cifar.from_cifar(name, [(str(path / n), (path / n).read_bytes()) for n in chosen])
    found = folder.open_store(store, name, split, head.labels, head.generated)
    if found is not None:
        return found
    inside = kinds_of_files(store)
    if not inside:
        raise UserError(f"data {name}: the folder is empty", code="data.empty")
    files = single_files(path)
    hint = f"; or use one of its files: data={path / files[0]}" if files else ""
    raise UserError(
        f"data {name}: no images in this folder (it holds {inside}{_heif(store)}). "
        f"Expected: {supported_formats()}{hint}",
        code="data.no_images",
    )


def _in_zip(head: Head, store: Store, name: str, split: str) -> Dataset:
    found = folder.open_store(store, name, split, head.labels, head.generated)
    if found is None:
        raise UserError(
            f"data {name}: no images in this zip (it holds {kinds_of_files(store) or 'nothing'}{_heif(store)})",
            code="data.no_images",
        )
    return found


def _heif(store: Store) -> str:
    return pictures.heif_hint(Path(name).suffix.lower() for name in store.names())


def _open_gz(path: Path, name: str, split: str, suffixes: str) -> Dataset:
    if not suffixes.endswith((".tar", ".tar.gz", ".tgz")):
        return idx.open_idx(path, name)
    batches = cifar.read_tar(path, split)
    if batches is None:
        raise UserError(
            f"data {name}: the only tar archive supported is CIFAR-10's binary one, and this has no such batches "
            f"for split={split}. Unpack it and pass the folder, or make a zip",
            code="data.unsupported_archive",
        )
    return cifar.from_cifar(name, batches)


def _part(parts: dict[str, T], split: str, name: str) -> T:
    if split not in parts:
        raise UserError(
            f"data {name}: no split {split}, only {next(iter(parts))}: set data.split={next(iter(parts))}",
            code="data.split_not_found",
        )
    return parts[split]
