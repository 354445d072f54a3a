"""Shapes as the two signals count them: volumes of one size, and points of a surface.

C channels, S cells a side, P points.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn.functional import adaptive_avg_pool3d, interpolate

from ganforge.core.dataset import BadItem, Dataset
from ganforge.core.errors import UserError
from ganforge.modalities.shape.formats.parts import Grid, Points, Shape
from ganforge.modalities.shape.geometry import Mesh, generator, sample_oriented, upright, voxelized
from ganforge.modalities.shape.source import ShapeSet, compact
from ganforge.modalities.shape.surface import mesh_of

SURVEYED = 256
"""Shapes that sizes and bounds of a set are taken from."""
SOLID = 0.25
"""A coarser cell is solid where this share of it is."""


class View(Dataset):
    """A set of shapes whose items are turned into arrays as a signal sees them."""

    def __init__(self, shapes: ShapeSet):
        self.origin = shapes
        self.name, self.signal, self.labels, self.classes = shapes.name, shapes.signal, shapes.labels, shapes.classes
        self.skipped, self.digest, self.understood = shapes.skipped, shapes.digest, shapes.understood
        self.left_out, self.no_labels = shapes.left_out, shapes.no_labels

    def __len__(self) -> int:
        return len(self.origin)

    def describe(self, index: int) -> str:
        return self.origin.describe(index)

    def identity(self) -> str:
        return self.origin.identity()

    def shapes(self) -> dict[tuple[tuple[int, ...], str], int]:
        return self.origin.shapes()


class Volumes(View):
    """Grids [C, S, S, S] of one size: bool where occupied, else float32."""

    def __init__(self, shapes: ShapeSet, size: int):
        super().__init__(shapes)
        self.size = size

    def read(self, index: int) -> np.ndarray:
        shape, where = self.origin.shape(index), self.describe(index)
        if isinstance(shape, Mesh):
            return voxelized(shape, self.size)[None]
        if isinstance(shape, Points):
            raise BadItem(where, "a cloud of points has no inside; use data.signal=cloud and a recipe for clouds")
        return resized(cubed(compact(shape.values)), self.size)


class Clouds(View):
    """Points [P, 3], z up; of meshes and volumes, points drawn from their surface.

    With features [P, 6]: then three numbers in [-1, 1], a normal or a color.
    """

    def __init__(self, shapes: ShapeSet, points: int, up: str, features: str = "none"):
        super().__init__(shapes)
        self.points, self.up, self.features = points, up, features

    def read(self, index: int) -> np.ndarray:
        shape, where = self.origin.shape(index), self.describe(index)
        if isinstance(shape, Grid):
            values = shape.values[0]
            shape = mesh_of(0.5 - values) if values.dtype == bool or values.min() >= 0 else mesh_of(values)
            if not len(shape.faces):
                raise BadItem(where, "an empty volume: it has no surface")
        if isinstance(shape, Mesh):
            shape = Points(*sample_oriented(shape, self.points, generator("surface", index)))
        xyz = upright(shape.xyz, self.up)
        if self.features == "none":
            return xyz
        found = shape.normals if self.features == "normals" else shape.colors
        if found is None:
            raise BadItem(where, f"its points have no {self.features} (signal.features={self.features})")
        return np.concatenate([xyz, upright(found, self.up) if self.features == "normals" else 2 * found - 1], 1)


def survey(shapes: ShapeSet) -> dict[str, Any]:
    """As `_survey`, which is asked once per set: each recipe that is tried on it asks."""
    if not shapes.facts:
        shapes.facts = _survey(shapes)
    return shapes.facts


def _survey(shapes: ShapeSet) -> dict[str, Any]:
    """What volumes of a set hold: `form` (occupancy, distance or field), `channels`, `side` (the most frequent longest
    side), and of values that are no bits `low` and `high` per channel and `slope`, the change from cell to cell.

    Raises:
        UserError: it holds clouds, or volumes with different channels.
    """
    found = [shape for _, shape in shapes.some(SURVEYED)]
    if any(isinstance(shape, Points) for shape in found):
        raise UserError(
            f"data {shapes.name}: the volume signal needs volumes or meshes, and this set holds clouds of points, "
            "which have no inside. Use a recipe for clouds, such as cloud-small",
            code="data.not_volumes",
        )
    values = [shape.values for shape in found if isinstance(shape, Grid)]
    if not values:
        return {"form": "occupancy", "channels": 1, "side": 0}
    channels = {len(one) for one in values}
    if len(channels) > 1:
        raise UserError(
            f"data {shapes.name}: its volumes have different numbers of channels: "
            f"{', '.join(map(str, sorted(channels)))}",
            code="data.channels_differ",
        )
    sides = sorted(max(one.shape[1:]) for one in values)
    side = max(sides, key=sides.count)
    facts: dict[str, Any] = {"channels": channels.pop(), "side": side}
    if len(values) < len(found) or all(one.dtype == bool or set(np.unique(one)) <= {0, 1} for one in values):
        return facts | {"form": "occupancy"}
    low, high = (np.stack([f(one.reshape(len(one), -1), 1) for one in values]) for f in (np.min, np.max))
    signed = facts["channels"] == 1 and bool(((low < 0) & (high > 0)).mean() > 0.9)
    slope = np.median([_slope(one[0]) for one in values]) if signed else 1.0
    bounds = {"low": low.min(0).astype(float).tolist(), "high": high.max(0).astype(float).tolist()}
    return facts | {"form": "distance" if signed else "field", "slope": float(slope) or 1.0, **bounds}


def _slope(values: np.ndarray) -> float:
    """The median change per cell of a signed field where it crosses 0."""
    steps = np.sqrt(sum(g**2 for g in np.gradient(values.astype(np.float64))))
    near = np.abs(values) <= np.quantile(np.abs(values), 0.2)
    return float(np.median(steps[near]))


def cubed(values: np.ndarray) -> np.ndarray:
    """Volumes [C, D, H, W] with empty cells around the shorter sides, so that all have the longest: [C, S, S, S]."""
    side = max(values.shape[1:])
    pad = [((side - n) // 2, side - n - (side - n) // 2) for n in values.shape[1:]]
    if not any(map(any, pad)):
        return values
    if values.dtype == bool:
        return np.pad(values, [(0, 0), *pad])
    return np.pad(values, [(0, 0), *pad], mode="edge")


def resized(values: np.ndarray, size: int) -> np.ndarray:
    """Cubes [C, S, S, S] at another size: means of cells, or lines between them. Occupied cells stay bool."""
    if values.shape[1] == size:
        return values
    x = torch.from_numpy(np.ascontiguousarray(values, np.float32))[None]
    if size < values.shape[1]:
        x = adaptive_avg_pool3d(x, size)
    else:
        x = interpolate(x, (size,) * 3, mode="trilinear", align_corners=False)
    return x[0].numpy() >= (SOLID if size < values.shape[1] else 0.5) if values.dtype == bool else x[0].numpy()


def kinds(shapes: list[tuple[int, Shape]]) -> dict[str, int]:
    """How many of some shapes are volumes, meshes and clouds."""
    names = {Grid: "volumes", Mesh: "meshes", Points: "clouds"}
    found = [names[type(shape)] for _, shape in shapes]
    return {name: found.count(name) for name in names.values() if name in found}
