"""Time series as a signal: windows of a few channels, scaled, and back to rows with time stamps.

N: samples, T: steps of a window, C: columns, K: channels (`windows`).  item float64 [T, C + flags], x float32
[N, K, T].
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import ClassVar, Literal, Self

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from ganforge.core import media, scratch
from ganforge.core.choice import Choice, Machine
from ganforge.core.commands import command
from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.core.language import joined, listed, phrase
from ganforge.core.media import Media
from ganforge.core.rng import Rng
from ganforge.core.types import Spec
from ganforge.data.memory import memory_budget
from ganforge.modalities.series import changes, choose, drawing, entities, inspect, known, scaling, windows
from ganforge.modalities.series.entities import Described, Entities, Rows
from ganforge.modalities.series.example import write_example
from ganforge.modalities.series.files import FORMATS, write_text
from ganforge.modalities.series.source import SeriesSet
from ganforge.modalities.series.windows import Windows
from ganforge.signals import Card, Exporter, Gallery, Inspection, Nearest, Noun, Signal, Steps, Usage

log = logging.getLogger("ganforge")


class Series(Signal, kind="series"):
    """Windows of time series. The end of every series is held back before windows are cut."""

    noun: ClassVar[Noun] = Noun("window", "windows", "a set of time series")
    metrics: ClassVar[tuple[str, ...]] = (
        "series",
        "spectrum",
        "context_fd",
        "forecast_usefulness",
        "discriminative",
    )
    exporters: ClassVar[Mapping[str, Exporter]] = FORMATS
    gallery: ClassVar[Gallery | None] = Gallery(most=32, columns=4)
    n_generated: ClassVar[int] = 0
    privacy_hint: ClassVar[str] = (
        "Describe columns and entities by what is known without looking at the rows: signal.public=FILE.yaml"
    )

    window: int = Field(default=24, ge=0)
    """Steps of a window; 0 takes each series whole, whatever its length, and learns where it ends."""
    stride: int = Field(default=1, ge=1)
    """Steps from one window to the next; 1 takes all windows, that of `window` none that overlap."""
    scaling: Literal["auto", "minmax", "quantile", "standard", "lambert"] = "auto"
    """How values are scaled: to the range of the data (minmax), by their quantiles to a normal distribution, this for
    the channels with heavy tails alone (auto); for returns, without bounds, to mean 0 and variance 1 (standard), or to
    a normal distribution by Lambert's W (lambert)."""
    change: Literal["none", "difference", "log"] = "none"
    """What of the values is learned: they themselves, their differences from row to row, or those of their logarithms
    (the returns of prices). Files hold levels again, which go on from the last real ones."""
    calendar: bool = False
    """Whether forecasts and filled gaps depend on the hour, the day of the week and the time of the year, as far as the
    distance of rows has them and the training series hold them twice."""
    attributes: bool = False
    """Whether forecasts and filled gaps depend on what describes a series: the columns that do not change within it."""

    conditions: tuple[str, ...] = ()
    """What windows can be asked for, of conditional models (task.conditional=true): columns that do not change within a
    series, and hour, weekday or month, of the first row of a window. In place of the label."""
    public: Described | None = None
    """For privacy by entity: columns, bounds and frequency as they are known without looking at a row, as a mapping or
    the path of a YAML or JSON file. Nothing is measured then, and a sample of the data is an entity, not a window."""

    @property
    def data_statistics(self) -> str:
        return "" if self.public is not None else phrase("bounds and quantiles of its columns")

    @classmethod
    def example(cls, folder: Path, n: int = 64) -> str:
        return write_example(folder, n)

    @classmethod
    def inspect(cls, dataset: Dataset, limit: int | None = None) -> Inspection:
        return inspect.inspection(dataset)

    @classmethod
    def recommend(cls, dataset: Dataset, machine: Machine) -> Choice:
        return choose.choose(dataset, machine)

    def default_metrics(
        self, spec: Spec, *, translates: bool, paired: bool, sizes: Sequence[tuple[int, ...]] = ()
    ) -> Sequence[str]:
        if translates:
            return ("imputation",) if spec.state.get("fills") else ("forecast",)
        return (*self.metrics, "finance") if spec.state.get("change") == "log" else self.metrics

    def at(self, spec: Spec) -> Self:
        return self if self.window == 0 else replace(self, window=spec.shape[1])

    def items(self, dataset: Dataset) -> Dataset:
        if isinstance(dataset, Rows) and self.public is not None:
            return Entities(dataset, self.public)
        if isinstance(dataset, Rows) or (self.public is not None and not isinstance(dataset, Entities)):
            raise UserError(
                f"data {dataset.name}: privacy by entity takes both: the data as data.kind=entities data.path=FILE, "
                "and what is known of it as signal.public=FILE.yaml",
                code="series.not_described",
            )
        if not isinstance(dataset, SeriesSet):
            return dataset
        moved = dataset if self.change == "none" else changes.changed(dataset, self.change)
        return Windows(moved, self.window, self.stride, dataset, self.calendar, self.attributes, self.conditions)

    def spec(self, dataset: Dataset, nearest: Nearest) -> Spec:
        dataset = self.items(dataset)
        if isinstance(dataset, Entities):
            return self._described(dataset, nearest)
        if not isinstance(dataset, Windows):
            raise UserError(
                f"data {dataset.name}: the series signal needs time series: a CSV, TSV or Parquet file with a column "
                "of times. A file without one, whose rows are in order of time: data.signal=series",
                code="data.not_a_series",
            )
        for note in dataset.notes:
            log.warning("data %s: %s", dataset.name, note)
        whole = dataset.whole
        state = {
            "columns": [asdict(column) | {"words": list(column.words)} for column in whole.columns],
            "scales": [
                {} if column.words else scaling.fit(_present(whole, k), self.scaling)
                for k, column in enumerate(whole.columns)
            ],
            "clock": None if whole.clock is None else asdict(whole.clock) | {"names": list(whole.clock.names)},
            "entity": whole.entity,
            "order": list(whole.order),
            "ends": dataset.ends,
            "change": self.change,
            "levels": changes.levels_of(dataset.levels) if self.change != "none" else [],
        }
        if facts := known.described(whole, dataset.calendar, dataset.attributes):
            state |= {"known": facts, "calendar": dataset.calendar}
        for wanted, there, what in (
            (self.calendar, dataset.calendar, "calendar=true: no column of times with rows at equal distances"),
            (self.attributes, dataset.attributes, "attributes=true: no columns that describe series"),
        ):
            if wanted and not there:
                log.warning("data %s: signal.%s; it has no effect", dataset.name, what)
        shape = (windows.channels(state) + windows.known_in(state), dataset.window)
        reached = tuple(nearest(shape))
        if dataset.ends and reached[0] == shape[0] and reached[1] > shape[1]:
            dataset.window, shape = reached[1], reached
        if reached != shape:
            raise UserError(
                f"data {dataset.name}: these nets cannot make windows of {shape[1]} steps and {shape[0]} channels. Use "
                "the recipe series-small",
                code="nets.not_for_shape",
            )
        return Spec(shape, len(dataset.classes), tuple(dataset.classes), state)

    def _described(self, dataset: Entities, nearest: Nearest) -> Spec:
        """The spec of entities, from their description alone."""
        for field, wrong in (
            ("window", not 4 <= self.window <= dataset.public.longest),
            ("change", self.change != "none"),
            ("calendar", self.calendar),
            ("attributes", self.attributes),
            ("conditions", bool(self.conditions)),
            ("scaling", self.scaling not in ("auto", "minmax")),
        ):
            if wrong:
                raise UserError(
                    f"signal.{field}: with signal.public, windows of 4 to {dataset.public.longest} rows (longest) of "
                    "the values themselves are learned, within their bounds; leave it at its default",
                    code="series.not_with_public",
                )
        state = dict(entities.state_of(dataset.public))
        shape = (windows.channels(state), self.window)
        if tuple(nearest(shape)) != shape:
            raise UserError(f"data {dataset.name}: these nets make no windows of this shape", code="nets.not_for_shape")
        return Spec(shape, state=state)

    def stored(self, spec: Spec) -> tuple[int, ...]:
        return (spec.shape[0] + 1, spec.state["longest"]) if self.public is not None else spec.shape

    def prepare(self, item: np.ndarray, spec: Spec) -> np.ndarray:
        if self.public is not None:
            channels = windows.to_channels(item[:, :-1], spec.state)
            return np.concatenate([channels, item[None, :, -1].astype(np.float32)])
        return windows.to_channels(windows.as_long(item, spec), spec.state)

    def prepare_all(self, dataset: Dataset, spec: Spec) -> np.ndarray | None:
        """All windows as a view of their prepared series, so that overlapping ones take no memory of their own; of
        several series a copy, as long as it fits."""
        if not isinstance(dataset, Windows) or dataset.ends:
            return None
        if len(dataset.names) > 1 and 4 * len(dataset) * math.prod(spec.shape) > memory_budget(torch.device("cpu")):
            return None
        parts = []
        for name in dataset.names:
            length = len(dataset.whole.series[name])
            if length >= dataset.window:
                kept = scratch.zeros((spec.shape[0] * length,), np.float32).reshape(spec.shape[0], length)
                for part in scratch.pieces(length):
                    kept[:, part] = self.prepare(dataset.rows(name, part.start, part.stop - part.start), spec)
                views = np.lib.stride_tricks.sliding_window_view(kept, dataset.window, axis=1, writeable=True)
                parts.append(views.swapaxes(0, 1)[:: dataset.stride])  # [N, K, T]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def encode(self, stored: Tensor, spec: Spec, rng: Rng) -> Tensor:
        if self.public is not None:
            stored = windows.cut(stored, spec.shape[1], rng)
        return windows.noisy(stored, spec.state, rng)

    def decode(self, x: Tensor, spec: Spec) -> np.ndarray:
        """[N, K, T] → float64 [N, T, C] in the units of the data, within its bounds; NaN for what is missing."""
        return windows.to_values(x.detach().double().cpu().numpy(), spec.state)

    def describe(self, spec: Spec) -> str:
        known = {"steps": spec.shape[1], "count": len(spec.state["columns"])}
        if spec.state.get("ends"):
            return phrase("a series of up to {steps} steps; columns: {count}", **known)
        return phrase("a window of {steps} steps; columns: {count}", **known)

    def card(self, spec: Spec) -> Card:
        names = listed([column["name"] for column in spec.state["columns"]], 30)
        return Card(
            phrase("time series of {steps} steps", steps=spec.shape[1]),
            (phrase("Columns: {names}.", names=names),),
            missing=("marginal",),
        )

    def usage(self, file: str, spec: Spec) -> Usage:
        return Usage(
            f'model = gf.load("{file}")\n'
            f"windows = model.sample(1000)  # float64 [1000, {spec.shape[1]}, {len(spec.state['columns'])}]",
            command("sample", file, "-n", 1000, "--out", "synthetic.csv"),
        )

    def next_steps(self, folder: Path, spec: Spec) -> Steps:
        return [("make more", command("sample", folder, "-n", 1000, "--out", "synthetic.csv"))]

    def batch_size(self, spec: Spec) -> int:
        return 1_024

    def render(self, samples: np.ndarray, spec: Spec, columns: int = 8) -> list[Media]:
        """A line plot a window, every column over its own range in the data."""
        low, high = (np.array([column[end] for column in spec.state["columns"]]) for end in ("low", "high"))
        names = joined([column["name"] for column in spec.state["columns"][: len(drawing.COLORS)]])
        said = phrase("{count} windows: {names}", count=len(samples), names=names)
        return [media.png(drawing.plots(samples, low, high, columns), said)]

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


def _present(whole: SeriesSet, column: int) -> np.ndarray:
    """The values of a column that are there, of all series, float64 [M]."""
    found = scratch.Growing()
    for name, values in whole.series.items():
        for part in scratch.pieces(len(values)):
            found.add(values[part, column][~whole.missing[name][part, column]])
    return found.whole(np.float64)
