"""Clouds of points: a surface as points in no order.

Each shape is moved and scaled into the unit ball, or all of a set by the same numbers. Of a shape with more points than
a cloud has, others are drawn each time; of one with fewer, some come twice.

N samples, P points.  x [N, 3, P], samples float32 [N, P, 3], z up.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field
from torch import Tensor

from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.core.language import phrase
from ganforge.core.rng import Rng
from ganforge.core.types import Spec
from ganforge.modalities.shape.example import write_clouds
from ganforge.modalities.shape.formats import writing
from ganforge.modalities.shape.formats.parts import Points
from ganforge.modalities.shape.geometry import Mesh, bounds, generator
from ganforge.modalities.shape.signal import (
    MESH_FILES,
    Axis,
    Shaped,
    Surface,
    numbered,
    one_by_one,
    shapes_of,
    write_scene,
)
from ganforge.modalities.shape.source import ShapeSet
from ganforge.modalities.shape.views import SURVEYED, Clouds
from ganforge.signals import Card, Exporter, Nearest, Noun, Writer, save_array

log = logging.getLogger("ganforge")
KEPT = 4
"""Points that are kept of a shape, at most, as a multiple of those of a cloud: more to draw from."""
WEIGHT = 0.3
"""Of normals and colors beside places: a distance of points adds both."""


def parts_of(sample: np.ndarray, spec: Spec) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    """The places [P, 3], normals and colors of a decoded sample, those that it has."""
    features = spec.state.get("features", "none")
    rest = sample[:, 3:]
    return sample[:, :3], rest if features == "normals" else None, rest if features == "colors" else None


class Cloud(Shaped, kind="cloud"):
    """Clouds of the same number of points."""

    noun: ClassVar[Noun] = Noun("cloud", "clouds", "a set of clouds of points")
    array_name: ClassVar[str] = "clouds"
    reads: ClassVar[tuple[str, ...]] = ("volume",)
    usual_ending: ClassVar[str] = ".ply"
    exporters: ClassVar[Mapping[str, Exporter]] = {".npy": save_array, ".glb": write_scene}
    file_formats: ClassVar[Mapping[str, Writer]] = {
        "npy": numbered(".npy", lambda sample, path, spec: save_array(sample, path, spec)),
        "xyz": numbered(".xyz", lambda sample, path, spec: writing.write_xyz(sample, path)),
        "ply": numbered(".ply", lambda sample, path, spec: writing.write_ply_cloud(*parts_of(sample, spec), path)),
        "obj": numbered(".obj", lambda sample, path, spec: writing.write_obj_cloud(*parts_of(sample, spec), path)),
        "glb": one_by_one(MESH_FILES[".glb"]),
    }

    points: int = Field(default=1024, ge=16, le=100_000)
    """Points of a cloud."""
    normalize: Literal["shape", "set", "none"] = "shape"
    """Each shape into the unit ball around the middle of its box (shape), all by the same scale and shift, which
    outputs have as well (set), or as it is (none)."""
    up: Axis = "z"
    """The axis of the data that points up; it becomes z."""
    features: Literal["none", "normals", "colors"] = "none"
    """What each point has besides its place, in ply, obj and arrays of six columns: a normal (of meshes, that of the
    surface) or a color. For recipes with a PointNet, such as cloud-small."""
    drawn: bool = True
    """Draw points again each time; off where real samples are evaluated."""

    @property
    def data_statistics(self) -> str:
        return phrase("the middle and the radius of the set") if self.normalize == "set" else ""

    @classmethod
    def example(cls, folder: Path, n: int = 64) -> str:
        return write_clouds(folder, n)

    def at(self, spec: Spec) -> Self:
        return replace(self, points=spec.shape[1], up=spec.state["up"], features=spec.state.get("features", "none"))

    def deterministic(self) -> Self:
        return replace(self, drawn=False)

    def items(self, dataset: Dataset) -> Dataset:
        return Clouds(dataset, KEPT * self.points, self.up, self.features) if isinstance(dataset, ShapeSet) else dataset

    def spec(self, dataset: Dataset, nearest: Nearest) -> Spec:
        clouds = self.items(dataset)
        if not isinstance(clouds, Clouds):
            shapes_of(dataset)
        assert isinstance(clouds, Clouds)
        shape = (3 if self.features == "none" else 6, self.points)
        near = tuple(nearest(shape))
        if near != shape:
            raise UserError(
                f"data {dataset.name}: these nets cannot make clouds of {self.points} points; the nearest count is "
                f"{near[-1]}: signal.points={near[-1]}",
                code="nets.unreachable_size",
            )
        some = clouds.origin.some(SURVEYED)
        counts = [len(one.xyz) for _, one in some if isinstance(one, Points)]
        usual = int(np.median(counts)) if counts else KEPT * self.points
        if usual < self.points:
            log.warning(
                "data %s: its clouds have %d points at the median, fewer than %d: some come twice (signal.points=%d)",
                dataset.name, usual, self.points, usual,
            )  # fmt: skip
        state: dict[str, Any] = {
            "normalize": self.normalize, "up": self.up, "kept": min(max(usual, self.points), KEPT * self.points),
            "middle": [0.0, 0.0, 0.0], "radius": 1.0,
        }  # fmt: skip
        if self.features != "none":
            state["features"] = self.features
        if self.normalize == "set":
            middle, radius = bounds(np.concatenate([clouds.read(k)[:, :3] for k, _ in some]))
            state |= {"middle": middle.tolist(), "radius": radius}
        return Spec(shape, len(clouds.classes), clouds.classes, state)

    def stored(self, spec: Spec) -> tuple[int, ...]:
        return spec.state["kept"], spec.shape[0]

    def prepare(self, item: np.ndarray, spec: Spec) -> np.ndarray:
        """A cloud [P', 3 or 6] in the unit ball, with as many points as are kept."""
        middle, radius = np.array(spec.state["middle"]), spec.state["radius"]
        if spec.state["normalize"] == "shape":
            middle, radius = bounds(item[:, :3])
        kept, draws = spec.state["kept"], generator("kept", len(item))
        order = [draws.permutation(len(item)) for _ in range(-(-kept // len(item)))]
        found = item[np.concatenate(order)[:kept]]
        return np.concatenate([(found[:, :3] - middle) / radius, WEIGHT * found[:, 3:]], 1).astype(np.float32)

    def encode(self, stored: Tensor, spec: Spec, rng: Rng) -> Tensor:
        count = spec.shape[1]
        if self.drawn and stored.shape[1] > count:
            chosen = rng.uniform("points", stored.shape[:2]).to(stored.device).argsort(1)[:, :count, None]
            stored = stored.gather(1, chosen.expand(-1, -1, stored.shape[2]))
        return stored[:, :count].float().transpose(1, 2).contiguous()

    def decode(self, x: Tensor, spec: Spec) -> np.ndarray:
        """Places, then normals of length 1 or colors in 0..1, float32 [N, P, 3 or 6]."""
        found = x.detach().float().cpu().transpose(1, 2).contiguous().numpy()
        places = found[..., :3] * np.float32(spec.state["radius"]) + np.array(spec.state["middle"], np.float32)
        rest = found[..., 3:] / np.float32(WEIGHT)
        if spec.state.get("features") == "normals":
            rest = rest / np.maximum(np.linalg.norm(rest, axis=-1, keepdims=True), 1e-9)
        elif spec.state.get("features") == "colors":
            rest = (rest.clip(-1, 1) + 1) / 2
        return np.concatenate([places, rest], -1).astype(np.float32)

    def describe(self, spec: Spec) -> str:
        return phrase("a cloud of {count} points", count=spec.shape[1])

    def card(self, spec: Spec) -> Card:
        return Card(phrase("clouds of {count} points", count=spec.shape[1]))

    def mesh(self, sample: np.ndarray, spec: Spec) -> Mesh:
        return Mesh(sample[:, :3], np.zeros((0, 3), np.int64))

    def surface(self, sample: np.ndarray, spec: Spec) -> Surface:
        places, normals, _ = parts_of(sample, spec)
        return (places - np.array(spec.state["middle"], np.float32)) / np.float32(spec.state["radius"]), normals
