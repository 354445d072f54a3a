"""What readers of shapes share: what a file may hold, and the repairs that are made and named."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from ganforge.core.dataset import BadItem
from ganforge.modalities.shape.geometry import Mesh, areas, generator

MOST_POINTS = 200_000
"""Points of a cloud that are kept; of more, as many drawn evenly."""
FEWEST_POINTS = 4

Noted = Callable[[str], None]
"""Takes a sentence about what was repaired."""


class Grid(NamedTuple):
    """Values on a grid, [C, D, H, W]."""

    values: np.ndarray


class Points(NamedTuple):
    """A cloud, float64 [P, 3]; what each point may have besides: a direction of length 1, and a color in 0..1."""

    xyz: np.ndarray
    normals: np.ndarray | None = None
    colors: np.ndarray | None = None


Shape = Grid | Points | Mesh


def content(source: Path | BinaryIO, name: str) -> bytes:
    """All of a file, unpacked if its name ends in .gz; raises `BadItem`."""
    try:
        data = source.read_bytes() if isinstance(source, Path) else source.read()
        return gzip.decompress(data) if name.lower().endswith(".gz") else data
    except (OSError, EOFError, zlib.error) as error:
        raise BadItem(name, f"cannot be read ({error})") from None


def numbers(data: bytes | str, name: str, where: str) -> np.ndarray:
    """Numbers separated by spaces, tabs, commas, semicolons or line ends, float64; raises `BadItem`."""
    text = data.decode("ascii", "replace") if isinstance(data, bytes) else data
    try:
        return np.array(text.replace(",", " ").replace(";", " ").split(), np.float64)
    except ValueError as error:
        raise BadItem(name, f"not a number in its {where} ({error})") from None


def clean_points(found: Any, name: str, note: Noted, normals: Any = None, colors: Any = None) -> Points:
    """The first three columns of numbers [P, 3 or more], without those that are not finite; raises `BadItem`.

    Args:
        normals: [P, 3] of any length. colors: [P, 3] in 0..1 or 0..255.
    """
    xyz = np.asarray(found, np.float64)
    if xyz.ndim != 2 or xyz.shape[1] < 3:
        raise BadItem(name, "holds no points of three coordinates")
    kept = np.arange(len(xyz))
    if len(xyz) > MOST_POINTS:
        note(f"of clouds of more than {MOST_POINTS:,} points, as many are drawn")
        kept = np.sort(generator("points", len(xyz)).choice(len(xyz), MOST_POINTS, replace=False))
    finite = np.isfinite(xyz[kept, :3]).all(1)
    if not finite.all():
        note("points whose coordinates are no finite numbers are left out")
        kept = kept[finite]
    xyz = xyz[kept, :3]
    if len(xyz) < FEWEST_POINTS or not np.ptp(xyz, axis=0).any():
        raise BadItem(name, f"has {len(np.unique(xyz, axis=0))} different points; at least {FEWEST_POINTS} are needed")
    normals, colors = (None if of is None else np.asarray(of, np.float64)[kept] for of in (normals, colors))
    if normals is not None:
        length = np.linalg.norm(normals, axis=1, keepdims=True)
        normals = normals / length if np.isfinite(length).all() and (length > 0).all() else None
    if colors is not None:
        whole = colors.max() > 1
        colors = colors / 255 if whole else colors
        colors = colors if np.isfinite(colors).all() and colors.min() >= 0 and colors.max() <= 1 else None
    return Points(xyz, normals, colors)


def split_features(columns: np.ndarray) -> dict[str, np.ndarray]:
    """What the fourth to sixth number of each point are, where there are six: directions of length 1, or colors."""
    if columns.shape[1] != 6:
        return {}
    rest = columns[:, 3:].astype(np.float64)
    if np.allclose(np.linalg.norm(rest, axis=1), 1, atol=0.02):
        return {"normals": rest}
    return {"colors": rest} if rest.min() >= 0 and rest.max() <= 255 else {}


def clean_mesh(vertices: Any, faces: Any, name: str, note: Noted) -> Mesh:
    """Triangles with an area between vertices that are there and finite; raises `BadItem` where none is left."""
    vertices = np.asarray(vertices, np.float64).reshape(-1, 3)
    faces = np.asarray(faces, np.int64).reshape(-1, 3)
    if not len(faces):
        raise BadItem(name, "an empty mesh: it has no faces")
    there = ((faces >= 0) & (faces < len(vertices))).all(1)
    if not there.all():
        note("faces with vertices that do not exist are left out")
    faces = faces[there]
    finite = np.isfinite(vertices[faces]).all((1, 2))
    if not finite.all():
        note("faces with coordinates that are no finite numbers are left out")
    vertices, faces = np.where(np.isfinite(vertices), vertices, 0.0), faces[finite]
    wide = areas(Mesh(vertices, faces)) > 0
    if not wide.any():
        raise BadItem(name, "an empty mesh: none of its faces has an area")
    used, index = np.unique(faces[wide], return_inverse=True)
    return Mesh(vertices[used], index.reshape(-1, 3))


def fan(polygon: list[int]) -> list[tuple[int, int, int]]:
    """A polygon of vertex numbers as triangles around its first corner."""
    return [(polygon[0], polygon[k], polygon[k + 1]) for k in range(1, len(polygon) - 1)]
