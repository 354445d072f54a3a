"""Volumes: occupied cells, distances to a surface or other fields, on a cubic grid.

    occupancy   0 and 1, and meshes: the nets see the distance to the surface in cells, negative inside, clipped
    distance    signed distances, negative inside: scaled to cells and clipped
    field       anything else: scaled by the bounds of the data; a mesh is where it is above their middle

Distances are smooth, and their zero lies between cells, so that meshes are smooth too; the sign of each cell is exactly
that of the data.

N samples, C channels, S cells a side.  x [N, C, S, S, S] in [-1, 1], samples float32 [N, S, S, S], or [N, C, S, S, S].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.core.language import phrase
from ganforge.core.rng import Rng
from ganforge.core.types import Batch, Spec
from ganforge.modalities.shape import images
from ganforge.modalities.shape.example import write_volumes
from ganforge.modalities.shape.formats import writing
from ganforge.modalities.shape.geometry import Mesh, upright
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
from ganforge.modalities.shape.surface import CLIP, distance, mesh_of, normals_of
from ganforge.modalities.shape.views import Volumes, survey
from ganforge.signals import Card, Exporter, Nearest, Noun, Writer

LARGEST = 32
"""Cells of a side where nobody says otherwise."""


def solid(sample: np.ndarray, state: Mapping[str, Any]) -> np.ndarray:
    """The first channel of a decoded sample as a field that is negative inside, [S, S, S]."""
    field = sample[0] if sample.ndim == 4 else sample
    return state["level"] - field if state["form"] == "field" else field


def in_form(samples: np.ndarray, spec: Spec) -> np.ndarray:
    """Decoded samples as the data held them: 0 and 1 where it held occupied cells."""
    return (samples < 0).astype(np.uint8) if spec.state["form"] == "occupancy" else samples


def save_volumes(samples: np.ndarray, path: Path, spec: Spec) -> None:
    """The exporter of `.npy`."""
    with path.open("wb") as file:
        np.save(file, in_form(samples, spec), allow_pickle=False)


def half_hidden(x: Tensor, rng: Rng) -> Tensor:
    """Volumes [N, C, S, S, S] without one of their halves: there, cells are 1, as far outside as can be."""
    half = x.shape[2] // 2
    way = rng.integers("hidden", (len(x), 1, 1, 1, 1), 6).to(x.device)
    place = torch.arange(x.shape[2], device=x.device)
    hidden = torch.zeros_like(x[:, :1], dtype=torch.bool)
    for axis in range(3):
        along = place.view([-1 if k == axis else 1 for k in range(3)])
        hidden |= ((way == 2 * axis) & (along < half)) | ((way == 2 * axis + 1) & (along >= half))
    return torch.where(hidden, torch.ones_like(x), x)


class Volume(Shaped, kind="volume"):
    """Volumes of one size: occupied cells, meshes, signed distances, or fields of one or several channels."""

    noun: ClassVar[Noun] = Noun("volume", "volumes", "a set of volumes")
    array_name: ClassVar[str] = "volumes"
    reads: ClassVar[tuple[str, ...]] = ("cloud",)
    metrics: ClassVar[tuple[str, ...]] = ("shapes", "solids", "nn")
    usual_ending: ClassVar[str] = ".stl"
    exporters: ClassVar[Mapping[str, Exporter]] = {".npy": save_volumes, ".glb": write_scene}
    file_formats: ClassVar[Mapping[str, Writer]] = {
        "npy": numbered(".npy", lambda sample, path, spec: save_volumes(sample, path, spec)),
        "binvox": numbered(
            ".binvox", lambda sample, path, spec: writing.write_binvox(solid(sample, spec.state) < 0, path)
        ),
        **{ending.removeprefix("."): one_by_one(writer) for ending, writer in MESH_FILES.items()},
    }

    size: int | None = Field(default=None, ge=8, le=256)
    """Cells of a side; by default the most frequent of the data, at most 32. Meshes become volumes of this size."""
    form: Literal["auto", "occupancy", "distance", "field"] = "auto"
    """What the values are: occupied cells (0 and 1), signed distances (negative inside), or any field; auto detects."""
    clip: float = Field(default=CLIP, gt=0)
    """Cells up to which distances are kept."""
    up: Axis = "z"
    """The axis that points up: it stands in drawings, and turns are around it."""
    augment: Literal["none", "mirror", "turns"] = "none"
    """Show volumes mirrored from left to right (mirror), or turned about the vertical by 90° as well (turns)."""
    hidden: Literal["none", "half"] = "none"
    """Hide a part of each volume, for recipes that complete them: half of it, beyond a plane through the middle across
    one of the axes, drawn again each time. What is hidden is empty."""
    image: int = Field(default=0, ge=0, le=512)
    """For recipes that make volumes of images: px a side of an image of each volume, seen from a side that is drawn
    again each time; 0: none."""
    drawn: bool = True
    """Draw mirrors and turns; off where real samples are evaluated."""

    @property
    def data_statistics(self) -> str:
        return phrase("bounds of its values, if they are no bits")

    @classmethod
    def example(cls, folder: Path, n: int = 64) -> str:
        return write_volumes(folder, n)

    def at(self, spec: Spec) -> Self:
        return replace(self, size=spec.shape[1], form=spec.state["form"], hidden=spec.state.get("hidden", "none"),
                       image=spec.state.get("image", 0))  # fmt: skip

    def deterministic(self) -> Self:
        return replace(self, drawn=False)

    def items(self, dataset: Dataset) -> Dataset:
        if not isinstance(dataset, ShapeSet):
            return dataset
        return Volumes(dataset, self.size or min(survey(dataset)["side"] or LARGEST, LARGEST))

    def spec(self, dataset: Dataset, nearest: Nearest) -> Spec:
        volumes = self.items(dataset)
        if not isinstance(volumes, Volumes):
            shapes_of(dataset)
        assert isinstance(volumes, Volumes)
        facts = survey(volumes.origin)
        form = facts["form"] if self.form == "auto" else self.form
        if form != "occupancy" and "low" not in facts:
            raise UserError(
                f"data {dataset.name}: signal.form={form} needs values other than 0 and 1, which this set holds",
                code="data.only_bits",
            )
        shape = (1 if form == "occupancy" else facts["channels"], *(volumes.size,) * 3)
        near = tuple(nearest(shape))
        if near[0] != shape[0] or len(set(near[1:])) > 1 or (self.size and near != shape):
            raise UserError(
                f"data {dataset.name}: these nets cannot make volumes of {shape[0]} channels and {volumes.size} cells "
                f"a side; the nearest is {near[0]} channels and {near[1]} cells: signal.size={near[1]}",
                code="nets.unreachable_size",
            )
        volumes.size = near[1]
        state: dict[str, Any] = {"form": form, "clip": self.clip, "up": self.up, "hidden": self.hidden}
        if self.image:
            state["image"] = self.image
        if form == "distance":
            state["slope"] = facts["slope"] * facts["side"] / near[1]  # a coarser cell is wider
        if form == "field":
            low, high = facts["low"], [b if b > a else a + 1 for a, b in zip(facts["low"], facts["high"], strict=True)]
            state |= {"low": low, "high": high, "level": (low[0] + high[0]) / 2}
        return Spec(near, len(volumes.classes), volumes.classes, state)

    def prepare(self, item: np.ndarray, spec: Spec) -> np.ndarray:
        """A volume as the nets see it, float16 in [-1, 1]."""
        state = spec.state
        if state["form"] == "occupancy":
            inside = item[:1] if item.dtype == bool else item[:1] > 0.5
            scaled = distance(inside, int(np.ceil(state["clip"]))) / state["clip"]
        elif state["form"] == "distance":
            scaled = item / (state["slope"] * state["clip"])
        else:
            low, high = (np.array(state[end], np.float32).reshape(-1, 1, 1, 1) for end in ("low", "high"))
            scaled = (item - low) / (high - low) * 2 - 1
        return np.ascontiguousarray(np.clip(scaled, -1, 1), np.float16)

    def encode(self, stored: Tensor, spec: Spec, rng: Rng) -> Tensor:
        x = stored.float()
        if self.augment == "none" or not self.drawn:
            return x
        axes = [axis for axis in range(3) if "xyz"[axis] != spec.state["up"]]
        mirrored = rng.uniform("mirror", (len(x), 1, 1, 1, 1)) < 0.5
        x = torch.where(mirrored, x.flip(2 + axes[0]), x)
        if self.augment == "mirror":
            return x
        turns = rng.integers("turns", (len(x), 1, 1, 1, 1), 4)
        for k in range(1, 4):
            x = torch.where(turns == k, torch.rot90(x, k, [2 + axis for axis in axes]), x)
        return x

    def batch(self, stored: Tensor, labels: Tensor | None, spec: Spec, rng: Rng) -> Batch:
        """`x`, and `extra["source"]`: the visible part where one is hidden, or an image."""
        x = self.encode(stored, spec, rng)
        extra = {} if self.hidden == "none" else {"source": half_hidden(x, rng)}
        if self.image:
            field = -x if spec.state["form"] == "field" else x
            angle = rng.uniform("angle", (len(x),), high=360.0).to(x.device)
            extra = {"source": images.views(field.to(angle.dtype), angle, self.image, "xyz".index(spec.state["up"]))}
        return Batch(x, labels if spec.for_nets.classes else None, extra)

    def has_sources(self, spec: Spec) -> bool:
        return self.hidden != "none"

    def sources(self, batch: Batch, spec: Spec) -> np.ndarray:
        return self.decode(batch.extra["source"], spec)

    def default_metrics(
        self, spec: Spec, *, translates: bool, paired: bool, sizes: Sequence[tuple[int, ...]] = ()
    ) -> Sequence[str]:
        if translates or paired:
            return ("completed", "solids")
        return super().default_metrics(spec, translates=translates, paired=paired, sizes=sizes)

    def decode(self, x: Tensor, spec: Spec) -> np.ndarray:
        """Distances in cells for occupied cells, else values in the units of the data."""
        x, state = x.detach().float().clamp(-1, 1).cpu(), spec.state
        if state["form"] == "field":
            low, high = (torch.tensor(state[end]).view(-1, 1, 1, 1) for end in ("low", "high"))
            x = low + (x + 1) / 2 * (high - low)
        else:
            x = x * (state["clip"] * state.get("slope", 1.0))
        return (x[:, 0] if x.shape[1] == 1 else x).contiguous().numpy()

    def batch_size(self, spec: Spec) -> int:
        return max(1, 64 * 32**3 // spec.shape[1] ** 3)

    def describe(self, spec: Spec) -> str:
        known = {"size": "×".join(map(str, spec.shape[1:])), "channels": spec.shape[0]}
        if spec.shape[0] > 1:
            return phrase("a volume of {size} cells with {channels} channels", **known)
        return phrase("a volume of {size} cells", **known)

    def card(self, spec: Spec) -> Card:
        return Card(phrase("volumes of {size} cells", size="×".join(map(str, spec.shape[1:]))))

    def mesh(self, sample: np.ndarray, spec: Spec) -> Mesh:
        """In cells, from the middle of the grid; z up."""
        field = solid(sample, spec.state)
        vertices, faces = mesh_of(field)
        return Mesh(upright(vertices - (field.shape[0] - 1) / 2, spec.state["up"]), faces)

    def surface(self, sample: np.ndarray, spec: Spec) -> Surface:
        mesh = self.mesh(sample, spec)
        return mesh.vertices / (spec.shape[1] / 2), normals_of(mesh)
