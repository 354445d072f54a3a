"""Readers of clouds (xyz, pts, pcd), of binvox, and of arrays of numpy."""

from __future__ import annotations

import gzip
import io
import re
import zipfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ganforge.core.dataset import BadItem
from ganforge.data.arrays import header_of
from ganforge.modalities.shape.formats.parts import Grid, Noted, Points, clean_points, numbers, split_features

ARRAYS = ("voxels", "volumes", "points", "clouds", "x", "data", "arr_0")
LABELS = ("labels", "label", "y")
LEAST_SIDE, LEAST_POINTS, SURE_POINTS = 8, 16, 256
"""Cells of a side of a volume; points of a cloud; points from which a second axis counts points and not steps."""


def read_xyz(data: bytes, name: str, note: Noted) -> Points:
    """A point per line: three numbers, and others that are left out. A first line may be a heading or a count."""
    lines = data.lstrip(b"\xef\xbb\xbf").split(b"\n", 2)
    words = [len(re.findall(rb"[^\s,;]+", line)) for line in lines[:2]]
    if words[0] == 1 or re.search(rb"[^\d\s.,;+eEinfa-]", lines[0]):
        data = data.partition(b"\n")[2]
        words = words[1:]
    found = numbers(data, name, "points")
    width = words[0] if words else 0
    if width < 3 or len(found) % width:
        raise BadItem(name, f"its lines do not have the same count of numbers, at least 3 (the first has {width})")
    found = found.reshape(-1, width)
    return clean_points(found, name, note, **split_features(found))


def read_pcd(data: bytes, name: str, note: Noted) -> Points:
    """PCD, as text or binary."""
    head, body, fields = {}, data, []
    while body and "DATA" not in head:
        line, _, body = body.partition(b"\n")
        words = line.decode("ascii", "replace").split()
        if words and not words[0].startswith("#"):
            head[words[0].upper()] = words[1:]
    try:
        counts = [int(word) for word in head.get("COUNT", ["1"] * len(head["FIELDS"]))]
        for field, size, kind, count in zip(head["FIELDS"], head["SIZE"], head["TYPE"], counts, strict=True):
            fields.append((field, f"<{kind.lower()}{size}", count))
        total = int(head["POINTS"][0]) if "POINTS" in head else int(head["WIDTH"][0]) * int(head["HEIGHT"][0])
        form = head["DATA"][0].lower()
        places = [sum(counts[: head["FIELDS"].index(axis)]) for axis in "xyz"]
        if form == "ascii":
            found = numbers(body, name, "points").reshape(-1, sum(counts))[:, places]
        elif form == "binary":
            names = [(f"{k}{field}", kind, (count,)) for k, (field, kind, count) in enumerate(fields)]
            table = np.frombuffer(body, np.dtype(names), total)
            chosen = [head["FIELDS"].index(axis) for axis in "xyz"]
            found = np.stack([table[names[k][0]][:, 0] for k in chosen], 1)
        else:
            raise BadItem(
                name, f"PCD with DATA {form}: convert it to ascii or binary, as with pcl_convert_pcd_ascii_binary"
            )
    except (KeyError, ValueError, IndexError, TypeError) as error:
        raise BadItem(name, f"not a readable PCD file ({type(error).__name__}: {error})") from None
    return clean_points(found, name, note)


def read_binvox(data: bytes, name: str, note: Noted) -> Grid:
    """binvox: occupied cells, [1, x, y, z]; in the file z changes faster than x, and y fastest."""
    found = re.match(rb"#binvox\s+1\s*\n(.*?)data\s*?\n", data, re.DOTALL)
    dim = re.search(rb"dim\s+(\d+)\s+(\d+)\s+(\d+)", found[1]) if found else None
    if found is None or dim is None:
        raise BadItem(name, "not a binvox file: its header has no line `#binvox 1`, `dim` or `data`")
    x, z, y = (int(word) for word in dim.groups())
    runs = np.frombuffer(data[found.end() :][: (len(data) - found.end()) // 2 * 2], np.uint8).reshape(-1, 2)
    total = int(runs[:, 1].sum())
    if total != x * y * z or not total:
        raise BadItem(name, f"damaged: dim {x} {z} {y} has {x * y * z:,} cells, and {total:,} are there")
    cells = np.repeat(runs[:, 0] > 0, runs[:, 1]).reshape(x, z, y)
    return Grid(np.ascontiguousarray(cells.transpose(0, 2, 1))[None])


def load_arrays(data: bytes, name: str) -> tuple[np.ndarray, np.ndarray | None]:
    """The array of an .npy or .npz file, and the labels of an .npz; raises `BadItem`."""
    try:
        loaded: Any = np.load(io.BytesIO(data), allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded, None
        with loaded:
            keys = [key for key in loaded.files if key not in LABELS]
            key = next((key for key in ARRAYS if key in keys), keys[0] if len(keys) == 1 else None)
            if key is None:
                raise ValueError(f"no array named {', '.join(ARRAYS[:5])}; it has {', '.join(loaded.files)}")
            return loaded[key], next((loaded[one] for one in LABELS if one in loaded.files), None)
    except Exception as error:  # a damaged zip raises one of many
        raise BadItem(name, f"not a readable array ({' '.join(str(error).split())[:120]})") from None


def peek(source: Path | BinaryIO, name: str) -> tuple[tuple[int, ...], np.dtype] | None:
    """Shape and dtype of the array of an .npy or .npz file, by its header; None if there is none that can be read."""
    try:
        with source.open("rb") if isinstance(source, Path) else source as raw:
            file: Any = gzip.GzipFile(fileobj=raw) if name.lower().endswith(".gz") else raw
            if not name.lower().removesuffix(".gz").endswith(".npz"):
                return header_of(file)
            with zipfile.ZipFile(file) as archive:
                members = {Path(one).stem: one for one in archive.namelist() if Path(one).stem not in LABELS}
                key = next(
                    (key for key in ARRAYS if key in members), next(iter(members)) if len(members) == 1 else None
                )
                if key is None:
                    return None
                with archive.open(members[key]) as member:
                    return header_of(member)
    except (OSError, EOFError, ValueError, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError):
        return None


def layout_of(shape: tuple[int, ...], kind: str, alone: bool) -> tuple[str, bool]:
    """What an array of numbers holds: "volume", "cloud" or "" (neither), and whether it holds several.

    Args:
        kind: of its dtype, as numpy has it.
        alone: whether it is the only file, and so holds several where both are possible.
    """
    if kind not in "biuf" or 0 in shape:
        return "", False
    big = [side >= LEAST_SIDE for side in shape]
    if len(shape) == 5 and all(big[2:]) and shape[1] <= 8:
        return "volume", True
    if len(shape) == 5 and all(big[1:4]) and shape[4] <= 4:
        return "volume", True
    if len(shape) == 4 and all(big[1:]):
        return "volume", alone or shape[0] > 4
    if len(shape) == 3 and all(big) and 3 not in shape:
        return "volume", False
    if len(shape) == 3 and 3 <= min(shape[1:]) <= 6 and max(shape[1:]) >= LEAST_POINTS:
        return "cloud", True
    if len(shape) == 2 and 3 <= min(shape) <= 6 and max(shape) >= LEAST_POINTS:
        return "cloud", False
    return "", False


def as_grid(values: np.ndarray, name: str) -> Grid:
    """A volume [D, H, W], [C, D, H, W] or [D, H, W, C] with its channels first; raises `BadItem`."""
    if values.ndim == 3:
        values = values[None]
    elif values.shape[3] <= 4 < min(values.shape[:3]):
        values = np.moveaxis(values, 3, 0)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise BadItem(name, "holds values that are no finite numbers")
    return Grid(values)


def as_points(values: np.ndarray, name: str, note: Noted) -> Points:
    """A cloud [P, 3 to 6], or [3, P] with its axes first."""
    if values.shape[0] <= 6 < values.shape[1]:
        note("arrays with the coordinates on their first axis are turned")
        values = values.T
    return clean_points(values, name, note, **split_features(values))
