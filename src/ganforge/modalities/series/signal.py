"""Time series as a signal: windows of a few channels, scaled, and back to rows with time stamps.

N: samples, T: steps of a window, C: channels.  item float64 [T, C], x float32 [N, C, T].
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import Field
from torch import Tensor

from ganforge.core import media
from ganforge.core.choice import Choice, Machine
from ganforge.core.commands import command
from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.core.language import phrase
from ganforge.core.media import Media
from ganforge.core.rng import Rng
from ganforge.core.types import Spec
from ganforge.modalities.series import choose, drawing, inspect, scaling
from ganforge.modalities.series.example import write_example
from ganforge.modalities.series.files import FORMATS, write_text
from ganforge.modalities.series.source import SeriesSet, Windows
from ganforge.signals import Card, Exporter, Gallery, Inspection, Nearest, Noun, Signal, Steps, Usage

log = logging.getLogger("ganforge")


class Series(Signal, kind="series"):
    """Windows of time series. The end of every series is held back before windows are cut."""

    noun: ClassVar[Noun] = Noun("window", "windows", "a set of time series")
    metrics: ClassVar[tuple[str, ...]] = ("series", "discriminative", "predictive")
    exporters: ClassVar[Mapping[str, Exporter]] = FORMATS
    gallery: ClassVar[Gallery | None] = Gallery(most=32, columns=4)
    n_generated: ClassVar[int] = 0

    window: int = Field(default=24, ge=4)
    """Steps of a window."""
    stride: int = Field(default=1, ge=1)
    """Steps from one window to the next; 1 takes all windows, that of `window` none that overlap."""
    scaling: Literal["auto", "minmax", "quantile"] = "auto"
    """How values are scaled: to the range of the data (minmax), by their quantiles to a normal distribution, or this
    for the channels with heavy tails alone (auto)."""

    @property
    def data_statistics(self) -> str:
        return phrase("bounds and quantiles of its columns")

    @classmethod
    def example(cls, folder: Path, n: int = 64) -> str:
        return write_example(folder, n)

    @classmethod
    def inspect(cls, dataset: Dataset, limit: int | None = None) -> Inspection:
        return inspect.inspection(dataset)

    @classmethod
    def recommend(cls, dataset: Dataset, machine: Machine) -> Choice:
        return choose.choose(dataset, machine)

    def at(self, spec: Spec) -> Self:
        return replace(self, window=spec.shape[1])

    def items(self, dataset: Dataset) -> Dataset:
        return Windows(dataset, self.window, self.stride) if isinstance(dataset, SeriesSet) else dataset

    def spec(self, dataset: Dataset, nearest: Nearest) -> Spec:
        if isinstance(dataset, SeriesSet):
            dataset = self.items(dataset)
        if not isinstance(dataset, Windows):
            raise UserError(
                f"data {dataset.name}: the series signal needs time series: a CSV, TSV or Parquet file with a column "
                "of times. A file without one, whose rows are in order of time: data.signal=series",
                code="data.not_a_series",
            )
        for note in dataset.notes:
            log.warning("data %s: %s", dataset.name, note)
        whole = dataset.whole
        shape = (len(whole.columns), self.window)
        if tuple(nearest(shape)) != shape:
            raise UserError(
                f"data {dataset.name}: these nets cannot make windows of {shape[1]} steps and {shape[0]} columns. Use "
                "the recipe series-small",
                code="nets.not_for_shape",
            )
        values = np.concatenate(list(whole.series.values()))  # [M, C]
        state = {
            "columns": [asdict(column) for column in whole.columns],
            "scales": [scaling.fit(values[:, k], self.scaling) for k in range(values.shape[1])],
            "clock": None if whole.clock is None else asdict(whole.clock),
            "entity": whole.entity,
            "order": list(whole.order),
        }
        return Spec(shape, state=state)

    def prepare(self, item: np.ndarray, spec: Spec) -> np.ndarray:
        """[T, C] → float32 [C, T], scaled."""
        rows = [scaling.scaled(item[:, k], scale) for k, scale in enumerate(spec.state["scales"])]
        return np.stack(rows).astype(np.float32)

    def encode(self, stored: Tensor, spec: Spec, rng: Rng) -> Tensor:
        return stored

    def decode(self, x: Tensor, spec: Spec) -> np.ndarray:
        """[N, C, T] → float64 [N, T, C] in the units of the data, within its bounds."""
        made = x.detach().double().cpu().numpy()
        columns = spec.state["columns"]
        parts = [
            scaling.restored(made[:, k], scale).clip(columns[k]["low"], columns[k]["high"])
            for k, scale in enumerate(spec.state["scales"])
        ]
        return np.stack(parts, axis=2)

    def describe(self, spec: Spec) -> str:
        return f"a window of {spec.shape[1]} steps of {spec.shape[0]} column{'s' * (spec.shape[0] != 1)}"

    def card(self, spec: Spec) -> Card:
        names = ", ".join(column["name"] for column in spec.state["columns"][:30])
        return Card(
            phrase("time series of {steps} steps", steps=spec.shape[1]),
            (phrase("Columns: {names}.", names=names),),
            missing=("marginal",),
        )

    def usage(self, file: str, spec: Spec) -> Usage:
        return Usage(
            f'model = gf.load("{file}")\n'
            f"windows = model.sample(1000)  # float64 [1000, {spec.shape[1]}, {spec.shape[0]}]",
            command("sample", file, "-n", 1000, "--out", "synthetic.csv"),
        )

    def next_steps(self, folder: Path, spec: Spec) -> Steps:
        return [("make more", command("sample", folder, "-n", 1000, "--out", "synthetic.csv"))]

    def batch_size(self, spec: Spec) -> int:
        return 1_024

    def render(self, samples: np.ndarray, spec: Spec, columns: int = 8) -> list[Media]:
        """A line plot a window, every column over its own range in the data."""
        low, high = (np.array([column[end] for column in spec.state["columns"]]) for end in ("low", "high"))
        names = ", ".join(column["name"] for column in spec.state["columns"][: len(drawing.COLORS)])
        return [media.png(drawing.plots(samples, low, high, columns), f"{len(samples)} windows: {names}")]

    def frame(self, sample: np.ndarray, spec: Spec) -> np.ndarray:
        low, high = (np.array([column[end] for column in spec.state["columns"]]) for end in ("low", "high"))
        return drawing.plots(sample[None], low, high, 1)

    def write(self, samples: np.ndarray, folder: Path, start: int, spec: Spec) -> list[Path]:
        """One .csv file a window, numbered."""
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"{start + k:06d}.csv" for k in range(len(samples))]
        for path, sample in zip(paths, samples, strict=True):
            write_text(sample[None], path, spec)
        return paths
