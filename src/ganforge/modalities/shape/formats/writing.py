"""Writers of shapes: stl, obj, ply, glb, binvox, xyz.

vertices [V, 3], faces [F, 3]; z is up in files, except in glb, where y is, as its format asks.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ganforge.modalities.shape.geometry import Mesh

SPACING = 2.4
"""From shape to shape in a file of several, in units of a shape's half side."""


def write_stl(mesh: Mesh, path: Path) -> None:
    """Binary STL."""
    corners = mesh.vertices[mesh.faces].astype("<f4")
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    rows = np.zeros(len(corners), np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("rest", "<u2")]))
    rows["normal"] = across / np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-20)
    rows["corners"] = corners
    path.write_bytes(b"ganforge".ljust(80) + len(rows).to_bytes(4, "little") + rows.tobytes())


def write_obj_cloud(points: np.ndarray, normals: np.ndarray | None, colors: np.ndarray | None, path: Path) -> None:
    """Vertices, with a color after each, and their normals."""
    rows = points if colors is None else np.concatenate([points, colors], 1)
    with path.open("w", encoding="ascii") as file:
        np.savetxt(file, rows, fmt="v" + " %.6g" * rows.shape[1])
        if normals is not None:
            np.savetxt(file, normals, fmt="vn %.6g %.6g %.6g")


def write_ply_cloud(points: np.ndarray, normals: np.ndarray | None, colors: np.ndarray | None, path: Path) -> None:
    """Binary PLY; colors in 0..1 become bytes."""
    kinds = [(axis, "<f4") for axis in "xyz"]
    kinds += [] if normals is None else [(name, "<f4") for name in ("nx", "ny", "nz")]
    kinds += [] if colors is None else [(name, "u1") for name in ("red", "green", "blue")]
    rows = np.zeros(len(points), np.dtype(kinds))
    bytes_ = None if colors is None else (colors.clip(0, 1) * 255).round()
    values = [part[:, k] for part in (points, normals, bytes_) if part is not None for k in range(3)]
    for (name, _), column in zip(kinds, values, strict=True):
        rows[name] = column
    names = {"<f4": "float", "u1": "uchar"}
    head = ["ply", "format binary_little_endian 1.0", f"element vertex {len(points)}"]
    head += [f"property {names[kind]} {name}" for name, kind in kinds]
    path.write_bytes("\n".join([*head, "end_header", ""]).encode() + rows.tobytes())


def write_obj(mesh: Mesh, path: Path) -> None:
    with path.open("w", encoding="ascii") as file:
        np.savetxt(file, mesh.vertices, fmt="v %.6g %.6g %.6g")
        np.savetxt(file, mesh.faces + 1, fmt="f %d %d %d")


def write_ply(mesh: Mesh, path: Path) -> None:
    """Binary PLY; a mesh without faces is a cloud."""
    head = ["ply", "format binary_little_endian 1.0", f"element vertex {len(mesh.vertices)}"]
    head += [f"property float {axis}" for axis in "xyz"]
    if len(mesh.faces):
        head += [f"element face {len(mesh.faces)}", "property list uchar int vertex_indices"]
    rows = np.zeros(len(mesh.faces), np.dtype([("count", "u1"), ("corners", "<i4", 3)]))
    rows["count"], rows["corners"] = 3, mesh.faces
    text = "\n".join([*head, "end_header", ""]).encode()
    path.write_bytes(text + mesh.vertices.astype("<f4").tobytes() + rows.tobytes())


def write_xyz(points: np.ndarray, path: Path) -> None:
    with path.open("w", encoding="ascii") as file:
        np.savetxt(file, points, fmt="%.6g")


def write_binvox(inside: np.ndarray, path: Path) -> None:
    """Occupied cells bool [x, y, z]."""
    x, y, z = inside.shape
    cells = inside.transpose(0, 2, 1).ravel()
    starts = np.flatnonzero(np.concatenate([[True], cells[1:] != cells[:-1]]))
    runs = []
    for start, end in zip(starts, [*starts[1:], len(cells)], strict=True):
        whole, rest = divmod(int(end - start), 255)
        value = int(cells[start])
        runs += [value, 255] * whole + ([value, rest] if rest else [])
    head = f"#binvox 1\ndim {x} {z} {y}\ntranslate 0 0 0\nscale 1\ndata\n".encode("ascii")
    path.write_bytes(head + bytes(runs))


def write_glb(meshes: Sequence[Mesh], path: Path, columns: int = 1, spacing: float = SPACING) -> None:
    """glTF 2.0 in one file: a scene of several meshes or clouds in rows, each a node of its own.

    Args:
        spacing: from shape to shape; 0 leaves each where its vertices are.
    """
    data, views, accessors, nodes, shapes = b"", [], [], [], []

    def add(values: np.ndarray, component: int, kind: str, target: int, **bounds: list[float]) -> int:
        nonlocal data
        views.append({"buffer": 0, "byteOffset": len(data), "byteLength": values.nbytes, "target": target})
        accessors.append({"bufferView": len(views) - 1, "componentType": component, "count": len(values), "type": kind})
        accessors[-1] |= bounds
        data += values.tobytes()
        return len(accessors) - 1

    for k, mesh in enumerate(meshes):
        if not len(mesh.vertices):
            continue
        places = np.stack([mesh.vertices[:, 0], mesh.vertices[:, 2], -mesh.vertices[:, 1]], 1).astype("<f4")
        where = add(places, 5126, "VEC3", 34962, min=places.min(0).tolist(), max=places.max(0).tolist())
        part = {"attributes": {"POSITION": where}, "mode": 4 if len(mesh.faces) else 0}
        if len(mesh.faces):
            part["indices"] = add(mesh.faces.astype("<u4").ravel(), 5125, "SCALAR", 34963)
        shapes.append({"primitives": [part]})
        place = [spacing * (k % columns), 0.0, spacing * (k // columns)]
        nodes.append({"mesh": len(shapes) - 1, "name": f"sample {k}", "translation": place})
    plain = {
        "asset": {"version": "2.0", "generator": "ganforge"}, "scene": 0,
        "scenes": [{"nodes": list(range(len(nodes)))}], "nodes": nodes, "meshes": shapes, "accessors": accessors,
        "bufferViews": views, "buffers": [{"byteLength": len(data)}],
    }  # fmt: skip
    text = json.dumps(plain if nodes else {"asset": plain["asset"]}).encode()
    text = text.ljust(-(-len(text) // 4) * 4)
    chunks = [(0x4E4F534A, text), *([(0x004E4942, data)] if data else [])]
    body = b"".join(len(part).to_bytes(4, "little") + kind.to_bytes(4, "little") + part for kind, part in chunks)
    path.write_bytes(b"glTF" + (2).to_bytes(4, "little") + (12 + len(body)).to_bytes(4, "little") + body)
