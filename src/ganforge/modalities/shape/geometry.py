"""Meshes and clouds of points: sampling of surfaces, fitting to a unit ball or to a grid, solid voxels.

V vertices, F triangles, P points, S cells a side.  vertices [V, 3], faces int64 [F, 3], points [P, 3].
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ganforge.core.rng import seed_of

DENSITY = 30
"""Points per square cell by which a surface is found in a grid: enough to leave no hole."""
MARGIN = 1
"""Empty cells on each side of a mesh in its grid, so that its surface is closed."""


class Mesh(NamedTuple):
    """A surface of triangles: vertices float64 [V, 3], faces int64 [F, 3]."""

    vertices: np.ndarray
    faces: np.ndarray


def generator(*words: int | str) -> np.random.Generator:
    """Random draws that depend on these words only."""
    return np.random.Generator(np.random.PCG64(seed_of(*words)))


def areas(mesh: Mesh) -> np.ndarray:
    """Of each triangle [F]."""
    a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    return 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1)


def sample_surface(mesh: Mesh, count: int, draws: np.random.Generator) -> np.ndarray:
    """Points drawn evenly over the area of a mesh, float64 [count, 3]."""
    return sample_oriented(mesh, count, draws)[0]


def sample_oriented(mesh: Mesh, count: int, draws: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Points drawn evenly over the area of a mesh, and the normals of their triangles, float64 [count, 3] each."""
    sizes = areas(mesh)
    which = np.searchsorted(np.cumsum(sizes), draws.random(count) * sizes.sum(), side="right").clip(0, len(sizes) - 1)
    u, v = draws.random((2, count, 1))
    a, b, c = (mesh.vertices[mesh.faces[which, k]] for k in range(3))
    root = np.sqrt(u)  # even over a triangle
    across = np.cross(b - a, c - a)
    normals = across / np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-300)
    return a * (1 - root) + b * (root * (1 - v)) + c * (root * v), normals


def bounds(points: np.ndarray) -> tuple[np.ndarray, float]:
    """The middle [3] of the box around some points, and the radius of the ball around it that holds them all."""
    middle = (points.min(0) + points.max(0)) / 2
    return middle, float(np.linalg.norm(points - middle, axis=1).max())


def upright(points: np.ndarray, up: str) -> np.ndarray:
    """Points [P, 3] turned so that the axis that is up becomes z; nothing is mirrored."""
    if up == "x":
        return points[:, [1, 2, 0]]
    return np.stack([points[:, 0], -points[:, 2], points[:, 1]], 1) if up == "y" else points


def voxelized(mesh: Mesh, size: int) -> np.ndarray:
    """The cells that a mesh touches or encloses, bool [S, S, S]; its longest side fills all but a cell on each end.

    What cannot be reached from outside is inside, so neither the direction of triangles nor small holes matter. An open
    surface becomes a shell.
    """
    low, high = mesh.vertices.min(0), mesh.vertices.max(0)
    scale = (size - 2 * MARGIN - 1e-3) / float((high - low).max())
    placed = Mesh((mesh.vertices - (low + high) / 2) * scale + size / 2, mesh.faces)
    count = int(areas(placed).sum() * DENSITY) + 1_000
    points = np.concatenate([sample_surface(placed, count, generator("voxels")), placed.vertices])
    shell = np.zeros((size,) * 3, bool)
    shell[tuple(points.astype(int).clip(0, size - 1).T)] = True
    return ~outside(shell)


def outside(shell: np.ndarray) -> np.ndarray:
    """The empty cells that touch the border of the grid through empty cells' faces, bool [D, H, W]."""
    free = np.pad(~shell, 1, constant_values=True)
    reached = np.zeros_like(free)
    for axis in range(3):
        for end in (0, -1):
            reached[(slice(None),) * axis + (end,)] = True
    while True:
        grown = reached.copy()
        for axis in range(3):
            ahead, back = np.moveaxis(grown, axis, 0), np.moveaxis(reached, axis, 0)
            ahead[1:] |= back[:-1]
            ahead[:-1] |= back[1:]
        grown &= free
        if (grown == reached).all():
            return reached[1:-1, 1:-1, 1:-1]
        reached = grown


def parts(inside: np.ndarray) -> np.ndarray:
    """The sizes in cells of the connected parts of a solid bool [D, H, W], largest first; cells touch by faces."""
    number = np.full(inside.shape, -1)
    number[inside] = np.arange(inside.sum())
    edges = []
    for axis in range(3):
        a, b = np.moveaxis(number, axis, 0)[:-1].ravel(), np.moveaxis(number, axis, 0)[1:].ravel()
        both = (a >= 0) & (b >= 0)
        edges.append(np.stack([a[both], b[both]]))
    one, two = np.concatenate(edges, 1)
    label = np.arange(inside.sum())
    while True:  # each cell takes the least label of its neighbors, and of that cell
        least = label.copy()
        np.minimum.at(least, one, label[two])
        np.minimum.at(least, two, label[one])
        least = least[least]
        if (least == label).all():
            return np.sort(np.unique(label, return_counts=True)[1])[::-1]
        label = least
