"""Points: vectors of a few numbers, in the units of the data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from ganforge.core import media
from ganforge.core.choice import Choice, Machine
from ganforge.core.commands import command
from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.core.language import phrase
from ganforge.core.media import Media
from ganforge.core.plot.charts import frame
from ganforge.core.plot.drawing import Drawing
from ganforge.core.rng import Rng
from ganforge.core.types import Spec
from ganforge.modalities.points import choose, inspect
from ganforge.modalities.points.example import write_example
from ganforge.signals import Exporter, Gallery, Inspection, Nearest, Noun, Signal, Steps, save_array

MOST = 200_000  # maximum number of samples for computing the scale
SIDE = 512  # px of a scatter plot
MARGIN = 36  # px around it, for the numbers
ROOM = 0.1  # of the data's range, left free on each side
INK = np.array([31, 91, 163])
DOT = [(y, x) for y in range(-2, 3) for x in range(-2, 3) if x * x + y * y <= 5]  # px from its center


def write_csv(samples: np.ndarray, path: Path, spec: Spec) -> None:
    """Writes points [N, D], one line each, with the header x0, x1, ..."""
    names = ",".join(f"x{k}" for k in range(samples.shape[1]))
    with path.open("w", encoding="ascii") as file:
        np.savetxt(file, samples, fmt="%.9g", delimiter=",", header=names, comments="")


class Points(Signal, kind="points"):
    """Vectors of numbers. By default the nets see them standardized."""

    former: ClassVar[Mapping[str, str]] = {"standardise": "standardize"}
    noun: ClassVar[Noun] = Noun("sample", "samples", "a set of points")
    metrics: ClassVar[tuple[str, ...]] = ("fd", "kid", "pr", "dc", "nn")
    exporters: ClassVar[Mapping[str, Exporter]] = {".csv": write_csv, ".npy": save_array}
    gallery: ClassVar[Gallery | None] = Gallery(most=2_000, together=True)

    standardize: bool = True
    """Standardize each component of the vectors to mean 0 and standard deviation 1 for the nets."""

    @property
    def data_statistics(self) -> str:
        return phrase("means, standard deviations and bounds of its numbers")

    @classmethod
    def example(cls, folder: Path, n: int = 64) -> Mapping[str, str]:
        return write_example(folder, n)

    @classmethod
    def inspect(cls, dataset: Dataset, limit: int | None = None) -> Inspection:
        return inspect.inspection(dataset, _all(dataset, limit or MOST))

    @classmethod
    def recommend(cls, dataset: Dataset, machine: Machine) -> Choice:
        return choose.choose(dataset, machine)

    @classmethod
    def pack(
        cls, dataset: Dataset, out: Path, *, duplicates: bool = False, force: bool = False, shards: int | None = None
    ) -> list[str]:
        ((width,), _), *_ = dataset.shapes()
        raise UserError(
            f"data {dataset.name}: holds vectors of {width} numbers, but this command reads images. "
            "To train on them: " + command("train", "toy", f"data={dataset.name}"),
            code="data.not_images",
        )

    def spec(self, dataset: Dataset, nearest: Nearest) -> Spec:
        shapes = dataset.shapes()
        if dataset.signal == "table":
            raise UserError(
                f"data {dataset.name}: the points signal needs vectors of numbers, and this set holds the rows of a "
                f"table. Use a recipe for tables, such as ctgan, or data.kind=points data.path={dataset.name}",
                code="data.not_points",
            )
        if len(shapes) != 1 or any(len(shape) != 1 for shape, _ in shapes):
            raise UserError(
                f"data {dataset.name}: the points signal needs vectors, all of one length; this set holds "
                f"{', '.join('×'.join(map(str, shape)) for shape, _ in list(shapes)[:3]) or 'nothing'}. "
                "For images: signal=image, and nets that make images",
                code="data.not_points",
            )
        ((shape, _),) = shapes
        if tuple(nearest(shape)) != shape:  # nets for images raise their own error
            raise UserError(
                f"data {dataset.name}: these nets cannot generate points of {shape[0]} numbers. "
                "Use the recipe toy, or task.generator=mlp task.discriminator=mlp",
                code="nets.not_for_shape",
            )
        x = _all(dataset)  # [N, D]
        mean, std = (x.mean(0), x.std(0)) if self.standardize else (np.zeros(shape), np.ones(shape))
        state = {
            "mean": mean.tolist(),
            "std": np.where(std > 0, std, 1.0).tolist(),
            "low": x.min(0).tolist(),
            "high": x.max(0).tolist(),
        }
        return Spec(shape, len(dataset.classes), tuple(dataset.classes), state)

    def prepare(self, item: np.ndarray, spec: Spec) -> np.ndarray:
        return np.ascontiguousarray(item, np.float32)

    def encode(self, stored: Tensor, spec: Spec, rng: Rng) -> Tensor:
        mean, std = self._scale(stored, spec)
        return (stored.float() - mean) / std

    def decode(self, x: Tensor, spec: Spec) -> np.ndarray:
        """[N, D] → float32 [N, D] in the units of the data."""
        mean, std = self._scale(x, spec)
        return (x.detach().float() * std + mean).cpu().numpy()

    def batch_size(self, spec: Spec) -> int:
        return 4_096

    def render(self, samples: np.ndarray, spec: Spec, columns: int = 8) -> list[Media]:
        """A scatter plot of the first two components over the range of the data; for one component, its density."""
        return [media.png(_plot(samples, spec))]

    def next_steps(self, folder: Path, spec: Spec) -> Steps:
        return [("make more", command("sample", folder, "-n", 1000, "--out", "new.csv"))]

    def write(self, samples: np.ndarray, folder: Path, start: int, spec: Spec) -> list[Path]:
        """Writes one .csv file with one line per sample."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{start:06d}.csv"
        write_csv(samples, path, spec)
        return [path]

    def frame(self, sample: np.ndarray, spec: Spec) -> np.ndarray:
        return _plot(sample[None], spec)

    def _scale(self, x: Tensor, spec: Spec) -> tuple[Tensor, Tensor]:
        mean, std = (torch.tensor(spec.state[name], dtype=torch.float32, device=x.device) for name in ("mean", "std"))
        return mean, std


def _all(dataset: Dataset, most: int = MOST) -> np.ndarray:
    """The samples, or at most `most` evenly spaced ones, float64 [N, D]."""
    chosen = np.linspace(0, len(dataset) - 1, min(len(dataset), most)).round().astype(int)
    if (array := dataset.in_memory_array) is not None:
        return array[chosen].astype(np.float64)
    return np.stack([dataset.read(int(k)) for k in chosen]).astype(np.float64)


def _plot(samples: np.ndarray, spec: Spec) -> np.ndarray:
    """Samples [N, D] as dots, darker where they overlap, uint8 [SIDE, SIDE, 3]."""
    low, high = (np.asarray(spec.state[name], np.float64)[:2] for name in ("low", "high"))
    room = ROOM * np.where(high > low, high - low, 1.0)
    low, high = low - room, high + room
    x = np.nan_to_num(samples[:, :2].astype(np.float64), nan=np.inf)
    if x.shape[1] == 1:
        x, low, high = _with_density(x[:, 0], low[0], high[0])
    inner = SIDE - 2 * MARGIN
    ink = np.zeros((inner, inner))
    place = np.clip((x - low) / (high - low), -1, 2) * (inner - 1)  # far outside stays outside, and fits an integer
    columns, rows = np.rint(place[:, 0]).astype(int), inner - 1 - np.rint(place[:, 1]).astype(int)
    for dy, dx in DOT:
        r, c = rows + dy, columns + dx
        seen = (r >= 0) & (r < inner) & (c >= 0) & (c < inner)
        np.add.at(ink, (r[seen], c[seen]), 1)
    strength = 0.8 if len(samples) < 100 else 0.35
    opacity = 1 - (1 - strength) ** ink[..., None]
    drawing = Drawing(SIDE, SIDE)
    drawing.pixels(MARGIN, MARGIN, np.rint(255 + (INK - 255) * opacity).astype(np.uint8))
    frame(drawing, (MARGIN, MARGIN, SIDE - MARGIN, SIDE - MARGIN), low.tolist(), high.tolist())
    return np.asarray(drawing.image())


def _with_density(x: np.ndarray, low: float, high: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numbers [N] as points [N, 2], whose height is the density in 100 bins of the range; and the axes."""
    cells = np.clip((x - low) / (high - low) * 100, 0, 99).astype(int)
    share = np.bincount(cells, minlength=100) / len(x)
    top = max(float(share.max()) * 1.1, 0.02)
    return np.stack([x, share[cells]], axis=1), np.array([low, 0.0]), np.array([high, top])
