"""Readers of meshes: off, obj, stl, and ply, which may hold a cloud of points as well."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from ganforge.core.dataset import BadItem
from ganforge.modalities.shape.formats.parts import Noted, Points, clean_mesh, clean_points, fan
from ganforge.modalities.shape.geometry import Mesh

PLY_TYPES = {
    "char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4", "float": "f4",
    "double": "f8", "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4",
    "float32": "f4", "float64": "f8",
}  # fmt: skip
STL_ROW = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("rest", "<u2")])
FEATURES = {"normals": ("nx", "ny", "nz"), "colors": ("red", "green", "blue")}
PLY_FORMATS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}


def read_off(data: bytes, name: str, note: Noted) -> Mesh:
    """OFF, also with colors or normals, comments, and counts on its first line ("OFF123 456 0")."""
    lines = [line.split("#")[0].strip() for line in data.decode("ascii", "replace").splitlines()]
    lines = [line for line in lines if line]
    head = re.match(r"(ST)?(C)?(N)?(4)?OFF", lines[0]) if lines else None
    if head is None:
        raise BadItem(name, "its first line does not begin with OFF")
    lines[0] = lines[0][head.end() :].strip()
    lines = lines[not lines[0] :]
    try:
        count, faces = (int(word) for word in lines[0].split()[:2])
        vertices = [[float(word) for word in line.split()[:3]] for line in lines[1 : 1 + count]]
        polygons = [[int(word) for word in line.split()] for line in lines[1 + count : 1 + count + faces]]
    except (ValueError, IndexError) as error:
        raise BadItem(name, f"not a readable OFF file ({error})") from None
    if len(vertices) < count or len(polygons) < faces:
        raise BadItem(name, f"breaks off: {count:,} vertices and {faces:,} faces announced, fewer there")
    triangles = [triangle for polygon in polygons for triangle in fan(polygon[1 : 1 + polygon[0]])]
    return clean_mesh(vertices, triangles, name, note)


def read_obj(data: bytes, name: str, note: Noted) -> Mesh | Points:
    """OBJ: vertices and faces of all its groups; vertices alone are a cloud."""
    vertices: list[list[float]] = []
    colors: list[list[float]] = []
    normals: list[list[float]] = []
    triangles: list[tuple[int, int, int]] = []
    try:
        for line in data.decode("utf-8", "replace").splitlines():
            words = line.split()
            if words[:1] == ["v"]:
                vertices.append([float(word) for word in words[1:4]])
                if len(words) == 7:
                    colors.append([float(word) for word in words[4:]])
            elif words[:1] == ["vn"]:
                normals.append([float(word) for word in words[1:4]])
            elif words[:1] == ["f"]:
                corners = [int(word.split("/")[0]) for word in words[1:]]
                triangles += fan([k - 1 if k > 0 else len(vertices) + k for k in corners])
    except ValueError as error:
        raise BadItem(name, f"not a readable OBJ file ({error})") from None
    if vertices and not triangles:
        own = {"normals": normals, "colors": colors}
        return clean_points(vertices, name, note, **{what: of for what, of in own.items() if len(of) == len(vertices)})
    return clean_mesh(vertices, triangles, name, note)


def read_stl(data: bytes, name: str, note: Noted) -> Mesh:
    """STL, binary or text; corners in the same place become one vertex."""
    count = int.from_bytes(data[80:84], "little")
    if len(data) == 84 + 50 * count and count:
        rows = np.frombuffer(data, STL_ROW, count, 84)
        corners = rows["corners"].reshape(-1, 3)
    elif data.lstrip()[:5].lower() == b"solid":
        found = re.findall(rb"vertex\s+(\S+)\s+(\S+)\s+(\S+)", data)
        try:
            corners = np.array(found[: len(found) // 3 * 3], np.float64).reshape(-1, 3)
        except ValueError as error:
            raise BadItem(name, f"not a readable STL file ({error})") from None
    else:
        raise BadItem(name, f"not a readable STL file: {count:,} triangles announced, {len(data):,} bytes there")
    vertices, index = np.unique(corners, axis=0, return_inverse=True)
    return clean_mesh(vertices, index.reshape(-1, 3), name, note)


def read_ply(data: bytes, name: str, note: Noted) -> Mesh | Points:
    """PLY, text or binary of either byte order: a mesh, or a cloud where it has no faces."""
    end = re.search(rb"end_header[^\n]*\n", data)
    if not data.startswith(b"ply") or end is None:
        raise BadItem(name, "not a PLY file: it has no header")
    elements: list[tuple[str, int, list[list[str]]]] = []
    order = None
    try:
        for words in (line.split() for line in data[: end.start()].decode("ascii", "replace").splitlines()):
            if words[:1] == ["format"]:
                order = PLY_FORMATS[words[1]]
            elif words[:1] == ["element"]:
                elements.append((words[1], int(words[2]), []))
            elif words[:1] == ["property"]:
                elements[-1][2].append(words[1:])
        if order is None:
            raise ValueError("no format")
        found: dict[str, Any] = {}
        rest: Any = data[end.end() :]
        if not order:
            rest = rest.decode("ascii", "replace").split()
        for element, count, properties in elements:
            found[element], rest = _element(rest, count, properties, order)
    except (ValueError, IndexError, KeyError, TypeError) as error:
        raise BadItem(name, f"not a readable PLY file ({type(error).__name__}: {error})") from None
    columns = found.get("vertex", {})
    if not {"x", "y", "z"} <= columns.keys():
        raise BadItem(name, "a PLY file without x, y and z")
    vertices = np.stack([np.asarray(columns[axis], np.float64) for axis in "xyz"], 1)
    polygons = next((v for k, v in found.get("face", {}).items() if k in ("vertex_indices", "vertex_index")), [])
    if not len(polygons):
        features = {
            what: np.stack([np.asarray(columns[one], np.float64) for one in names], 1)
            for what, names in FEATURES.items()
            if set(names) <= columns.keys()
        }
        return clean_points(vertices, name, note, **features)
    if not isinstance(polygons, np.ndarray):
        polygons = [triangle for polygon in polygons for triangle in fan(polygon)]
    return clean_mesh(vertices, polygons, name, note)


def _element(rest: Any, count: int, properties: list[list[str]], order: str) -> tuple[dict[str, Any], Any]:
    """The columns of one element, by name, and what follows it: bytes, or words of a text file."""
    if not any(words[0] == "list" for words in properties):
        names = [words[1] for words in properties]
        if not order:
            cells = np.array(rest[: count * len(names)], np.float64).reshape(count, len(names))
            return {one: cells[:, k] for k, one in enumerate(names)}, rest[count * len(names) :]
        kind = np.dtype([(words[1], order + PLY_TYPES[words[0]]) for words in properties])
        if len(rest) < count * kind.itemsize:
            raise ValueError(f"breaks off: {count:,} rows announced")
        table = np.frombuffer(rest, kind, count)
        return {one: table[one] for one in names}, rest[count * kind.itemsize :]
    if order and count and len(properties) == 1:  # triangles alone, the usual case, at once
        size, corner = (PLY_TYPES[word] for word in properties[0][1:3])
        kind = np.dtype([("size", order + size), ("corners", order + corner, 3)])
        if len(rest) >= count * kind.itemsize and (np.frombuffer(rest, kind, count)["size"] == 3).all():
            return {properties[0][-1]: np.frombuffer(rest, kind, count)["corners"]}, rest[count * kind.itemsize :]
    columns: dict[str, list[Any]] = {words[-1]: [] for words in properties}
    place = 0
    for _ in range(count):
        for words in properties:
            kinds = [PLY_TYPES[word] for word in words[:-1] if word != "list"]
            size = 1
            if words[0] == "list":
                (size,), place = _take(rest, place, 1, order, kinds[0])
            values, place = _take(rest, place, int(size), order, kinds[-1])
            columns[words[-1]].append(values if words[0] == "list" else values[0])
    return columns, rest[place:]


def _take(rest: Any, place: int, count: int, order: str, kind: str) -> tuple[list[Any], int]:
    if isinstance(rest, list):
        found = [float(word) if kind[0] == "f" else int(word) for word in rest[place : place + count]]
        if len(found) < count:
            raise ValueError("breaks off")
        return found, place + count
    kind = order + kind
    return np.frombuffer(rest, kind, count, place).tolist(), place + count * np.dtype(kind).itemsize
