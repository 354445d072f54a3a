"""What both signals of shapes share: drawings, pages to turn shapes in, and files.

A sample is drawn by points of its surface in a cube from -1 to 1, z up, with normals where it has an inside.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from ganforge.core import media
from ganforge.core.choice import Choice, Machine
from ganforge.core.commands import command
from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.core.media import Media
from ganforge.core.types import Spec
from ganforge.modalities.shape import choose, drawing, inspect, viewer
from ganforge.modalities.shape.findings import RULES
from ganforge.modalities.shape.formats import writing
from ganforge.modalities.shape.geometry import Mesh
from ganforge.modalities.shape.source import ShapeSet
from ganforge.signals import Gallery, Inspection, Rule, Signal, Steps, Usage

Surface = tuple[np.ndarray, np.ndarray | None]
Axis = Literal["x", "y", "z"]


class Shaped(Signal):
    """Volumes or clouds of points."""

    metrics: ClassVar[tuple[str, ...]] = ("shapes", "nn")
    extractor: ClassVar[str] = "occupancy"
    n_generated: ClassVar[int] = 0
    gallery: ClassVar[Gallery | None] = Gallery(most=32, columns=8)
    rules: ClassVar[Sequence[Rule]] = RULES
    usual_ending: ClassVar[str]
    """Of the files of `write`, and of those that commands suggest."""

    def surface(self, sample: np.ndarray, spec: Spec) -> Surface:
        """Points of one decoded sample's surface [P, 3] in a cube from -1 to 1, z up, and their normals if known."""
        raise NotImplementedError

    def mesh(self, sample: np.ndarray, spec: Spec) -> Mesh:
        """One decoded sample in the units of its file; a mesh without faces is a cloud."""
        raise NotImplementedError

    def default_metrics(
        self, spec: Spec, *, translates: bool, paired: bool, sizes: Sequence[tuple[int, ...]] = ()
    ) -> Sequence[str]:
        return (*self.metrics, "shape_labels") if spec.classes > 1 else self.metrics

    @classmethod
    def inspect(cls, dataset: Dataset, limit: int | None = None) -> Inspection:
        return inspect.inspection(shapes_of(dataset), limit)

    @classmethod
    def recommend(cls, dataset: Dataset, machine: Machine) -> Choice:
        return choose.choose(dataset, machine)

    def render(self, samples: np.ndarray, spec: Spec, columns: int = 8) -> list[Media]:
        surfaces = [self.surface(sample, spec) for sample in samples]
        return [media.png(drawing.sheet(surfaces, columns)), viewer.page(surfaces, columns)]

    def frame(self, sample: np.ndarray, spec: Spec) -> np.ndarray:
        return drawing.large(*self.surface(sample, spec))

    def usage(self, file: str, spec: Spec) -> Usage:
        word = spec.labels[0] if spec.labels else None
        label = "" if word is None else f", label={word!r}"
        asked = () if word is None else ("--label", word)
        form = self.usual_ending.removeprefix(".")
        return Usage(
            f'model = gf.load("{file}")\nshapes = model.sample(8{label})',
            command("sample", file, "-n", 8, *asked, "--out", "shapes/", "--format", form),
        )

    def next_steps(self, folder: Path, spec: Spec) -> Steps:
        form = self.usual_ending.removeprefix(".")
        return [
            ("make more", command("sample", folder, "-n", 8, "--out", "shapes/", "--format", form)),
            ("one scene", command("sample", folder, "-n", 8, "--out", "scene.glb")),
        ]

    def write(self, samples: np.ndarray, folder: Path, start: int, spec: Spec) -> list[Path]:
        return one_by_one(MESH_FILES[self.usual_ending])(samples, folder, start, spec)


def shapes_of(dataset: Dataset) -> ShapeSet:
    """The set of shapes; raises UserError if it is another kind of data."""
    if not isinstance(dataset, ShapeSet):
        raise UserError(
            f"data {dataset.name}: these recipes need shapes: meshes, volumes or clouds", code="data.no_shapes"
        )
    return dataset


def numbered(ending: str, write: Callable[[np.ndarray, Path, Spec], None]) -> Any:
    """A writer of one file per sample."""

    def all_of(samples: np.ndarray, folder: Path, start: int, spec: Spec) -> list[Path]:
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"{start + k:06d}{ending}" for k in range(len(samples))]
        for sample, path in zip(samples, paths, strict=True):
            write(sample, path, spec)
        return paths

    return all_of


def signal_for(spec: Spec) -> Shaped:
    """The signal of a spec, for writers, which get nothing else."""
    found = Signal.kinds["volume" if len(spec.shape) == 4 else "cloud"]()
    assert isinstance(found, Shaped)
    return found


def one_by_one(writer: tuple[str, Callable[[Mesh, Path], None]]) -> Any:
    """A writer of one mesh file per sample."""
    ending, write = writer
    return numbered(ending, lambda sample, path, spec: write(signal_for(spec).mesh(sample, spec), path))


def write_scene(samples: np.ndarray, path: Path, spec: Spec) -> None:
    """The exporter of `.glb`: all samples in rows, in one scene."""
    signal = signal_for(spec)
    meshes = []
    for sample in samples:
        points, faces = signal.mesh(sample, spec)
        half = max(float(np.abs(points).max()), 1e-9) if len(points) else 1.0
        meshes.append(Mesh(points / half, faces))
    writing.write_glb(meshes, path, int(np.ceil(np.sqrt(len(meshes)))))


MESH_FILES: Mapping[str, tuple[str, Callable[[Mesh, Path], None]]] = {
    ".stl": (".stl", writing.write_stl),
    ".obj": (".obj", writing.write_obj),
    ".ply": (".ply", writing.write_ply),
    ".glb": (".glb", lambda mesh, path: writing.write_glb([mesh], path)),
}
