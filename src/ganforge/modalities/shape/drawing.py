"""Shapes drawn from two sides: points of a surface as small discs, the nearest on top, lit from the viewer's left.

P points, in a cube from -1 to 1, z up.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

SIDE = 96
"""px of one view."""
VIEWS = (35.0, 125.0)
"""Degrees around the vertical of the two views."""
TILT = 22.0
"""Degrees from above."""
PAPER, INK = np.array([250.0, 250.0, 250.0]), np.array([70.0, 120.0, 190.0])
LIGHT = np.array([-0.35, -0.65, 0.68])
"""Direction of the light: right, towards the depth, up."""
ZOOM = 0.62


def turned(points: np.ndarray, around: float) -> np.ndarray:
    """Points or directions [P, 3] as seen: to the right, into the depth, up."""
    a, b = np.deg2rad([around, TILT])
    x, y, z = points.T
    right, depth = np.cos(a) * x - np.sin(a) * y, np.sin(a) * x + np.cos(a) * y
    return np.stack([right, np.cos(b) * depth - np.sin(b) * z, np.sin(b) * depth + np.cos(b) * z], 1)


def view(
    points: np.ndarray, normals: np.ndarray | None, around: float, side: int = SIDE, radius: int | None = None
) -> np.ndarray:
    """One view, uint8 [side, side, 3].

    Args:
        normals: directions away from the inside [P, 3]; without them nearer points are darker.
        radius: of the discs, in px; by default large enough to close the surface of a few thousand points.
    """
    image = np.tile(PAPER, (side, side, 1))
    if not len(points):
        return image.astype(np.uint8)
    seen = turned(points, around)
    if normals is None:
        depth = (seen[:, 1] + 1) / 2
        bright = 0.75 + 0.6 * depth.clip(0, 1)
        usual = 1 if len(points) > 500 else 2
    else:
        bright = 0.45 + 0.75 * (turned(normals, around) @ LIGHT).clip(0)
        usual = max(1, round(side / 40))
    radius = usual if radius is None else radius
    colors = (INK * bright[:, None]).clip(0, 245)
    columns, rows = ((1 + ZOOM * at) * side / 2 for at in (seen[:, 0], -seen[:, 2]))
    steps = np.arange(-radius, radius + 1)
    disc = [(r, c) for r in steps for c in steps if r * r + c * c <= radius * radius + 0.5]
    order = np.argsort(-seen[:, 1], kind="stable")  # the farthest first: what is drawn last stays
    rows, columns, colors = rows[order], columns[order], colors[order]
    places = np.stack([np.stack([rows + r, columns + c], 1) for r, c in disc], 1).astype(int)  # [P, discs, 2]
    kept = ((places >= 0) & (places < side)).all(2)
    flat = (places[..., 0] * side + places[..., 1])[kept]
    image.reshape(-1, 3)[flat] = np.repeat(colors, kept.sum(1), axis=0)
    return image.astype(np.uint8)


def sheet(surfaces: Sequence[tuple[np.ndarray, np.ndarray | None]], columns: int, side: int = SIDE) -> np.ndarray:
    """Shapes in rows, each from two sides next to each other, uint8 [H, W, 3]."""
    rows = -(-len(surfaces) // columns)
    image = np.tile(PAPER.astype(np.uint8), (rows * side, columns * 2 * side, 1))
    for k, (points, normals) in enumerate(surfaces):
        top, left = k // columns * side, k % columns * 2 * side
        for n, around in enumerate(VIEWS):
            image[top : top + side, left + n * side : left + (n + 1) * side] = view(points, normals, around, side)
    return image


def large(points: np.ndarray, normals: np.ndarray | None) -> np.ndarray:
    """One shape from one side, larger, uint8 [2·SIDE, 2·SIDE, 3]."""
    return view(points, normals, VIEWS[0], 2 * SIDE)
