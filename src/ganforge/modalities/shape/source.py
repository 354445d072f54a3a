"""Sets of shapes: files of meshes, clouds and volumes, and arrays that hold many, with labels from class folders.

A set of one file that holds many shapes, or of several such files in one folder (chairs.npy, tables.npy), has those
files as its labels; an .npz may hold `labels`.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from ganforge.core.dataset import BadItem, Dataset
from ganforge.core.errors import UserError
from ganforge.core.names import readable
from ganforge.core.surroundings import refuse_machine_faults
from ganforge.data import file_sets, layout
from ganforge.data.store import Store, is_hidden, notice_of, without_runs
from ganforge.modalities.shape.formats import grids, meshes
from ganforge.modalities.shape.formats.parts import Grid, Mesh, Points, Shape, content

log = logging.getLogger("ganforge")

READERS = {
    ".off": meshes.read_off, ".obj": meshes.read_obj, ".stl": meshes.read_stl, ".ply": meshes.read_ply,
    ".xyz": grids.read_xyz, ".pts": grids.read_xyz, ".pcd": grids.read_pcd, ".binvox": grids.read_binvox,
}  # fmt: skip
ARRAYS = (".npy", ".npz")
VOLUMES, MESHES, CLOUDS = (".binvox",), (".off", ".obj", ".stl"), (".xyz", ".pts", ".pcd")
"""By what files hold; .ply may hold a mesh or a cloud, and arrays anything."""
LOOKED_AT = 4
"""Files that are opened to see what a set holds."""


def ending(name: str) -> str:
    """The extension of a file, without .gz, in small letters."""
    return PurePosixPath(name.lower().removesuffix(".gz")).suffix


def is_shape(name: str) -> bool:
    return ending(name) in READERS or ending(name) in ARRAYS


class ShapeSet(Dataset):
    """Shapes in files, read when they are needed, and in arrays of many.

    Attributes:
        entries: (file, place in its array, or None where the file is one shape), in order.
        arrays: of files that hold many, by name.
        repairs: what was repaired in how many shapes so far.
        facts: what the volumes hold, once somebody asked (`views.survey`).
    """

    def __init__(
        self, name: str, signal: str, store: Store | None, entries: Sequence[tuple[str, int | None]],
        labels: np.ndarray | None = None, classes: Sequence[str] = (), arrays: dict[str, np.ndarray] | None = None,
    ):  # fmt: skip
        self.name, self.signal, self.store, self.entries = name, signal, store, list(entries)
        self.labels, self.classes, self.arrays = labels, tuple(classes), dict(arrays or {})
        self.skipped: list[tuple[str, str]] = []
        self.repairs: Counter[str] = Counter()
        self.facts: dict[str, Any] = {}

    def __len__(self) -> int:
        return len(self.entries)

    def shape(self, index: int) -> Shape:
        """What the file or the array holds; raises `BadItem`."""
        file, place = self.entries[index]
        where = self.describe(index)

        def note(what: str) -> None:
            self.repairs[what] += 1
            if self.repairs[what] == 1:
                log.warning("data %s: %s (first: %s)", self.name, what, where)

        if place is not None:
            return as_shape(self.arrays[file][place], where, note)
        assert self.store is not None
        data = content(self.store.open(file), file)
        kind = ending(file)
        if kind in READERS:
            return READERS[kind](data, where, note)
        return as_shape(grids.load_arrays(data, where)[0], where, note)

    def read(self, index: int) -> np.ndarray:
        return self.shape(index)[0]

    def shapes(self) -> dict[tuple[tuple[int, ...], str], int]:
        """By kind of file; of arrays of many, by the shape of each. Nothing is read."""
        found: Counter[tuple[tuple[int, ...], str]] = Counter()
        for file, place in self.entries:
            array = self.arrays.get(file)
            found[((3,), ending(file)) if place is None or array is None else (array.shape[1:], str(array.dtype))] += 1
        return dict(found)

    def describe(self, index: int) -> str:
        file, place = self.entries[index]
        return readable(file) + ("" if place is None else f"[{place}]")

    def identity(self) -> str:
        if self.store is None:
            return ""
        return file_sets.identity(self.store, list(dict.fromkeys(file for file, _ in self.entries)))

    def some(self, most: int) -> list[tuple[int, Shape]]:
        """Shapes spread evenly over the set, with their places, without those that cannot be read.

        Raises:
            UserError: none of them can be read (says why).
        """
        found, why = [], "the set is empty"
        for k in np.unique(np.linspace(0, len(self) - 1, min(most, len(self))).round().astype(int)).tolist():
            try:
                found.append((k, self.shape(k)))
            except BadItem as error:
                refuse_machine_faults(error)
                why = str(error)
        if not found:
            raise UserError(f"data {self.name}: none of its shapes can be read ({why})", code="data.mostly_unreadable")
        return found


def as_shape(values: np.ndarray, where: str, note) -> Shape:
    """One shape of an array; raises `BadItem` where it is none."""
    kind, several = grids.layout_of(values.shape, values.dtype.kind, alone=False)
    if kind == "cloud" and not several:
        return grids.as_points(values, where, note)
    if values.ndim in (3, 4) and min(values.shape[-3:-1]) > 1:
        return grids.as_grid(values, where)
    raise BadItem(where, f"an array of {'×'.join(map(str, values.shape))} is neither a volume nor a cloud of points")


def compact(values: np.ndarray) -> np.ndarray:
    """Values in the smallest type that holds them: bool for 0 and 1, else float32."""
    if values.dtype == bool or (values.dtype.kind in "iuf" and values.size and _are_bits(values)):
        return values.astype(bool)
    return values.astype(np.float32) if values.dtype.kind in "biuf" else values


def _are_bits(values: np.ndarray) -> bool:
    return all(bool(((part == 0) | (part == 1)).all()) for part in values)


def kind_of(shape: Shape) -> str:
    """ "volume", "mesh" or "cloud"."""
    return {Grid: "volume", Mesh: "mesh", Points: "cloud"}[type(shape)]


def open_store(store: Store, name: str, signal: str, split: str, labels: layout.Labels) -> ShapeSet | None:
    """The set of all shapes in a store; None where there is none.

    Raises:
        UserError: the split asked for is not there, or an array holds no shapes.
    """
    names, runs = without_runs(store.names())
    shown = [n for n in sorted(names) if not is_hidden(n)]
    files = [n for n in shown if is_shape(n)]
    if not files:
        return None
    found = layout.read(files, split, labels, name)
    sentences, arrays, skipped = list(found.sentences), {}, []
    entries: list[tuple[str, int | None]] = []
    numbers: list[int] = []
    inner: dict[str, np.ndarray] = {}
    for k, file in enumerate(found.files):
        places: Sequence[int | None] = [None]
        if ending(file) in ARRAYS:
            try:
                values, own = grids.load_arrays(content(store.open(file), file), file)
            except BadItem as error:
                skipped.append((error.where, error.why))
                continue
            kind, several = grids.layout_of(values.shape, values.dtype.kind, alone=len(found.files) == 1)
            if not kind:
                skipped.append((file, f"{values.dtype} of {'×'.join(map(str, values.shape))} is no shape"))
                continue
            if several:
                arrays[file], places = compact(values), range(len(values))
                if own is not None:
                    inner[file] = own
        entries += [(file, place) for place in places]
        numbers += [k if found.labels is None else int(found.labels[k])] * len(places)
    if not entries:
        where, why = skipped[0]
        raise UserError(f"data {name}: none of its files holds shapes ({where}: {why})", code="data.no_shapes")
    number, classes = (None, ()) if found.labels is None else (np.array(numbers, np.int64), found.classes)
    if number is None and labels != "none":
        number, classes, said = _by_array(found.files, arrays, inner, numbers, name)
        sentences = [one for one in sentences if not (said and one.startswith("no labels"))] + ([said] if said else [])
    dataset = ShapeSet(name, signal, store, entries, number, classes, arrays)
    sentences += notice_of([f"{where} ({why})" for where, why in skipped], "file", "left out, no shapes")
    sentences += notice_of([n for n in shown if not is_shape(n)], "file", "left out, no shapes by their names")
    sentences += [*notice_of(runs, "folder", "left out, which hold runs"), *store.notices()]
    dataset.understood, dataset.left_out = tuple(sentences), found.left_out or bool(skipped)
    dataset.no_labels = "" if classes else found.no_labels
    return dataset


def _by_array(
    files: Sequence[str], arrays: dict[str, np.ndarray], inner: dict[str, np.ndarray], numbers: list[int], name: str
) -> tuple[np.ndarray | None, tuple[str, ...], str]:
    """Labels of arrays of many: those in the file, or the files themselves."""
    if len(arrays) == len(files) == 1 and inner:
        labels = next(iter(inner.values()))
        if labels.shape != (len(numbers),):
            raise UserError(
                f"data {name}: {len(numbers)} shapes need {len(numbers)} labels; the labels have the shape "
                f"{list(labels.shape)}",
                code="data.label_count",
            )
        names, number = np.unique(labels, return_inverse=True)
        return number.reshape(-1).astype(np.int64), tuple(map(str, names.tolist())), "labels from its file"
    if 1 < len(arrays) == len(files):
        order = sorted(set(numbers))
        classes = tuple(PurePosixPath(files[k].removesuffix(".gz")).stem for k in order)
        number = np.array([order.index(k) for k in numbers], np.int64)
        return (
            number,
            classes,
            f"labels from the names of its files: {', '.join(classes[:12])} (data.labels=none: none)",
        )
    return None, (), ""


def of_array(name: str, signal: str, values: np.ndarray, labels: np.ndarray | None, classes: Sequence[str]) -> ShapeSet:
    """A set of the shapes in an array in memory."""
    number = None
    if labels is not None:
        names, number = np.unique(labels, return_inverse=True)
        number, classes = number.reshape(-1).astype(np.int64), classes or tuple(map(str, names.tolist()))
    found = ShapeSet(
        name, signal, None, [(name, k) for k in range(len(values))], number, classes, {name: compact(values)}
    )
    found.digest = hashlib.sha256(np.ascontiguousarray(values).data).hexdigest()[:16]
    return found
