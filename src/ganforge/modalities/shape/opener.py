"""Shapes at a path: folders and zips of meshes, clouds and volumes, and single arrays of many."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import ClassVar

import numpy as np

from ganforge.core.dataset import BadItem, Dataset
from ganforge.core.errors import UserError
from ganforge.data.given import Given, MemoryData
from ganforge.data.opener import Head, Opener
from ganforge.data.store import FolderStore, Store, is_hidden
from ganforge.data.zip_store import ZipStore
from ganforge.modalities.shape import source
from ganforge.modalities.shape.formats import grids

CLEAR, MAYBE, WRONG = 0.95, 0.4, 0.15
"""Claims: shapes of this signal; something else possibly; shapes, of the other signal."""


class _Shapes(Opener):
    """What both openers share."""

    kinds_of: ClassVar[tuple[str, ...]]
    """What it opens: "volume", "mesh", "cloud"."""

    def claims(self, path: Path, head: Head) -> float:
        store = _store(path, head)
        names = [path.name] if store is None else [name for name in head.names if not is_hidden(name)]
        named = [name for name in names if source.is_shape(name)]
        if len(named) * 2 <= len(names) or not named:
            return 0.0
        if store is None and source.ending(path.name) not in source.ARRAYS:  # one shape, which is no set
            return WRONG if head.start[:1].isascii() and head.start[:1].strip(b"\0") else 0.0
        store = store or FolderStore(path.parent)
        sizes = [named[k] for k in np.unique(np.linspace(0, len(named) - 1, source.LOOKED_AT).astype(int))]
        found = Counter(_kind(store, name, len(named) == 1) for name in sizes)
        kind, sure = found.most_common(1)[0][0]
        if not kind:
            return 0.0
        if kind == "mesh":  # both signals can be made of meshes; of volumes new meshes can be made
            return CLEAR if "volume" in self.kinds_of else MAYBE
        return sure if kind in self.kinds_of else WRONG

    def open(self, path: Path, head: Head, name: str, *, split: str, holdout: float, asked: bool) -> Dataset:
        if head.store is None and not head.names and not path.stat().st_size:
            raise UserError(f"data {name}: the file is empty", code="data.empty")
        store = _store(path, head) or _Single(path)
        found = source.open_store(store, name, self.signal, split, head.labels)
        if found is None:
            raise UserError(f"data {name}: no shapes here. Expected {VolumeOpener.takes}", code="data.no_shapes")
        return found


class VolumeOpener(_Shapes, kind="grid"):
    """Volumes, and meshes, which become volumes."""

    signal = "volume"
    takes = "shapes: a folder or zip of .off, .obj, .stl, .ply, .xyz, .pcd, .binvox, .npy, or one array of many"
    kinds_of = ("volume", "mesh")

    def source_of(self, given: Given) -> MemoryData | None:
        values = given.samples
        if (
            not isinstance(values, np.ndarray)
            or values.ndim not in (4, 5)
            or (values.ndim == 5 and values.dtype == np.uint8)
        ):
            return None
        kind, several = grids.layout_of(values.shape, values.dtype.kind, alone=True)
        return _given(given, "volume") if (kind, several) == ("volume", True) else None


class CloudOpener(_Shapes, kind="cloud"):
    """Clouds of points; with data.signal=cloud also meshes and volumes, whose surfaces are sampled."""

    signal = "cloud"
    takes = ""
    kinds_of = ("cloud", "mesh")

    def source_of(self, given: Given) -> MemoryData | None:
        values = given.samples
        if not isinstance(values, np.ndarray) or values.ndim != 3 or values.dtype.kind != "f":
            return None
        clear = values.shape[2] == 3 and values.shape[1] >= grids.SURE_POINTS
        return _given(given, "cloud") if clear else None


class _Single(FolderStore):
    """A folder of which only one file is seen."""

    def __init__(self, path: Path):
        super().__init__(path.parent)
        self._names = [path.name]


def _store(path: Path, head: Head) -> Store | None:
    """The files of a folder or a zip; None for a single file."""
    if head.store is not None:
        return head.store
    return ZipStore(path, head.name_encoding) if path.suffix.lower() == ".zip" and head.names else None


def _kind(store: Store, name: str, alone: bool) -> tuple[str, float]:
    """What a file holds, "" for nothing known, and how sure that is."""
    kind = source.ending(name)
    if kind in source.VOLUMES:
        return "volume", CLEAR
    if kind in source.MESHES:
        return "mesh", CLEAR
    if kind in source.CLOUDS:
        return "cloud", CLEAR
    if kind == ".ply":
        start = store.start(name, 4096)
        return ("mesh" if b"element face" in start and b"element face 0" not in start else "cloud"), CLEAR
    try:
        head = grids.peek(store.open(name), name)
    except BadItem:
        head = None
    if head is None:
        return "", 0.0
    shape, dtype = head
    found, several = grids.layout_of(shape, dtype.kind, alone)
    if not found or (alone and not several):
        return "", 0.0
    if found == "volume":
        return ("", 0.0) if _is_film(shape, dtype) else (found, CLEAR)
    if 3 not in shape:  # more columns than coordinates: series, rather
        return found, WRONG
    return found, CLEAR if max(shape) >= grids.SURE_POINTS and dtype.kind == "f" else MAYBE


def _is_film(shape: tuple[int, ...], dtype: np.dtype) -> bool:
    """Whether an array of bytes is films rather than volumes: with colors, or with frames that make no cubes."""
    if len(shape) != 5 or dtype != np.uint8:
        return False
    gray = [shape[2:]] if shape[1] == 1 else [shape[1:4]] if shape[4] == 1 else []
    return not any(len(set(sides)) == 1 for sides in gray)


def _given(given: Given, signal: str) -> MemoryData:
    return MemoryData.of(source.of_array("the array", signal, given.samples, given.labels, given.classes))
