"""From a field to the mesh of one of its levels, by marching tetrahedra; and the clipped distance of cells to a solid.

Doi & Koide 1991, "An efficient method of triangulating equi-valued surfaces by using tetrahedral cells". Each cube
between eight cell centers is cut into six tetrahedra that share a diagonal, the same way in all cubes, so that no gap
can be between two of them: the mesh is closed, and each edge belongs to two triangles.

field [D, H, W], below the level inside.
"""

from __future__ import annotations

from itertools import permutations

import numpy as np

from ganforge.modalities.shape.geometry import Mesh

CLIP = 3
"""Cells up to which distances are kept."""
NEAR = 1e-3
"""Share of an edge from its ends at which a vertex lies at least, so that no triangle has an area of zero."""
EVEN = [(0, 1, 2, 3), (1, 0, 3, 2), (2, 3, 0, 1), (3, 2, 1, 0)]
"""Even orders of the corners of a tetrahedron, each with another first."""
PAIRS = [(0, 1, 2, 3), (0, 2, 3, 1), (0, 3, 1, 2), (1, 2, 0, 3), (1, 3, 2, 0), (2, 3, 0, 1)]
"""Even orders, each with another pair first."""


def _cases() -> list[tuple[tuple[bool, ...], list[list[tuple[int, int]]]]]:
    """Which corners are inside, and the triangles as three edges each, whose normals point outside."""
    found = []
    for i, j, k, l in EVEN:
        one = tuple(corner == i for corner in range(4))
        edges = [(i, j), (i, k), (i, l)]
        found += [(one, [edges]), (tuple(not corner for corner in one), [edges[::-1]])]
    for i, j, k, l in PAIRS:
        two = tuple(corner in (i, j) for corner in range(4))
        found.append((two, [[(i, k), (i, l), (j, l)], [(i, k), (j, l), (j, k)]]))
    return found


CASES = _cases()


def mesh_of(field: np.ndarray, level: float = 0.0, margin: float | None = None) -> Mesh:
    """The surface at which a field takes a level, in cells: the center of cell (0, 0, 0) is at 0.

    Args:
        margin: the value around the grid; by default as far above the level as any, so that the mesh is closed.
    """
    field = np.asarray(field, np.float64) - level
    field = np.pad(field, 1, constant_values=max(float(np.abs(field).max()), 1e-9) if margin is None else margin)
    field = np.where(np.isfinite(field), field, 1.0)
    inside = field < 0
    shape = np.array(field.shape)
    some = np.zeros(shape - 1, np.int8)  # how many corners of each cube are inside
    for corner in np.ndindex(2, 2, 2):
        some += inside[tuple(slice(c, n - 1 + c) for c, n in zip(corner, shape, strict=True))]
    cubes = np.argwhere((some > 0) & (some < 8))
    strides = np.array([shape[1] * shape[2], shape[2], 1])
    values, within = field.ravel(), inside.ravel()
    triangles: list[np.ndarray] = []  # [n, 3, 2]: the two cells of each edge
    for order in permutations(range(3)):
        steps = np.cumsum(np.eye(3, dtype=int)[list(order)], axis=0)
        corners = (cubes @ strides)[:, None] + np.concatenate([[0], steps @ strides])  # [n, 4]
        mirrored = np.linalg.det(np.eye(3)[list(order)]) < 0
        seen = within[corners]
        for pattern, faces in CASES:
            here = corners[(seen == pattern).all(1)]
            if len(here):
                for face in faces:
                    edges = here[:, np.array(face)]
                    triangles.append(edges[:, ::-1] if mirrored else edges)
    if not triangles:
        return Mesh(np.zeros((0, 3)), np.zeros((0, 3), np.int64))
    ends = np.sort(np.concatenate(triangles).reshape(-1, 2), axis=1)
    keys, index = np.unique(ends[:, 0] * len(values) + ends[:, 1], return_inverse=True)
    first, second = keys // len(values), keys % len(values)
    share = (values[first] / (values[first] - values[second])).clip(NEAR, 1 - NEAR)[:, None]
    places = [np.stack(np.unravel_index(cell, field.shape), 1) for cell in (first, second)]
    vertices = places[0] * (1 - share) + places[1] * share - 1
    return Mesh(vertices, index.reshape(-1, 3).astype(np.int64))


def normals_of(mesh: Mesh) -> np.ndarray:
    """The direction away from the inside at each vertex, of length 1, float64 [V, 3]."""
    a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    across = np.cross(b - a, c - a)
    total = np.zeros_like(mesh.vertices)
    for k in range(3):
        for axis in range(3):
            total[:, axis] += np.bincount(mesh.faces[:, k], across[:, axis], len(total))
    return total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)


def is_closed(mesh: Mesh) -> bool:
    """Whether every edge belongs to two triangles that run along it in opposite directions; not of an empty mesh."""
    edges = mesh.faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)
    count = len(mesh.vertices)
    ahead, back = edges @ [count, 1], edges @ [1, count]
    return len(ahead) > 0 and len(np.unique(ahead)) == len(ahead) and bool((np.sort(ahead) == np.sort(back)).all())


def distance(inside: np.ndarray, clip: int = CLIP) -> np.ndarray:
    """Distance in cells of each cell's center to the border of a solid, negative inside, float32 [..., D, H, W].

    The border is half a cell from the centers next to it; beyond `clip` it is clipped. Exact where it is not, by the
    separable transform of squared distances (Felzenszwalb & Huttenlocher 2012).
    """
    apart = [np.sqrt(_squares(side, clip + 1)) - 0.5 for side in (inside, ~inside)]
    return np.where(inside, -apart[1], apart[0]).clip(-clip, clip).astype(np.float32)


def _squares(found: np.ndarray, reach: int) -> np.ndarray:
    """The squared distance of each cell to the nearest found one, exact up to `reach`."""
    far = np.float32(4 * reach * reach)
    best = np.where(found, np.float32(0), far)
    for axis in (-3, -2, -1):
        before = best
        best = before.copy()
        for step in range(1, reach + 1):
            for way in (step, -step):
                moved = np.roll(before, way, axis)
                edge = np.moveaxis(moved, axis, 0)
                edge[:step] = far if way > 0 else edge[:step]
                if way < 0:
                    edge[-step:] = far
                np.minimum(best, moved + np.float32(step * step), out=best)
    return best
