"""Shapes that the tests share, and files of them."""

from __future__ import annotations

import numpy as np

from ganforge.modalities.shape.geometry import Mesh
from ganforge.modalities.shape.surface import mesh_of

CORNERS = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], float)
QUADS = [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]]
"""A cube from 0 to 1, its faces seen from outside."""


def cube() -> Mesh:
    faces = [t for a, b, c, d in QUADS for t in ((a, b, c), (a, c, d))]
    return Mesh(CORNERS, np.array(faces))


def ball(side: int = 16, radius: float = 5.0) -> np.ndarray:
    """Distances to a ball, negative inside, in cells."""
    x = np.stack(np.meshgrid(*[np.arange(side) - (side - 1) / 2] * 3, indexing="ij"))
    return np.linalg.norm(x, axis=0) - radius


def ball_mesh(side: int = 16, radius: float = 5.0) -> Mesh:
    return mesh_of(ball(side, radius))


def off(mesh: Mesh) -> bytes:
    lines = ["OFF", f"{len(mesh.vertices)} {len(mesh.faces)} 0"]
    lines += [" ".join(map(str, v)) for v in mesh.vertices.tolist()]
    return "\n".join([*lines, *(f"3 {a} {b} {c}" for a, b, c in mesh.faces.tolist()), ""]).encode()


def volume_of(mesh: Mesh) -> float:
    a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6)
