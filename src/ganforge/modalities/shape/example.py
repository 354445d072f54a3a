"""Shapes to try things out with: boxes and rings, drawn by a formula."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ganforge.modalities.shape.formats.writing import write_xyz
from ganforge.modalities.shape.geometry import generator, sample_surface
from ganforge.modalities.shape.surface import distance, mesh_of

SIDE, POINTS = 16, 256


def solids(n: int, side: int = SIDE, seed: int = 0) -> list[tuple[str, np.ndarray]]:
    """Boxes and rings of random sizes, as occupied cells bool [side, side, side] with their labels."""
    rng, found = np.random.default_rng(seed), []
    x, y, z = (np.stack(np.meshgrid(*[np.arange(side)] * 3, indexing="ij")) + 0.5) / side * 2 - 1
    for k in range(n):
        if k % 2:
            wide, thick = rng.uniform(0.45, 0.65), rng.uniform(0.2, 0.3)
            found.append(("ring", (np.hypot(x, y) - wide) ** 2 + z**2 < thick**2))
        else:
            a, b, c = rng.uniform(0.3, 0.8, 3)
            found.append(("box", (np.abs(x) < a) & (np.abs(y) < b) & (np.abs(z) < c)))
    return found


def write_volumes(folder: Path, n: int) -> str:
    """An .npy of occupied cells each, in class folders; the path that a recipe's `data` takes."""
    for k, (label, cells) in enumerate(solids(n)):
        (folder / label).mkdir(exist_ok=True)
        np.save(folder / label / f"{k:04d}.npy", cells)
    return str(folder)


def write_clouds(folder: Path, n: int) -> str:
    """An .xyz of points of the surface each, in class folders; the path that a recipe's `data` takes."""

    for k, (label, cells) in enumerate(solids(n)):
        (folder / label).mkdir(exist_ok=True)
        points = sample_surface(mesh_of(distance(cells)), POINTS, generator("example", k))
        write_xyz(points, folder / label / f"{k:04d}.xyz")
    return str(folder)
