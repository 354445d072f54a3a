"""Gaps of a file filled by a trained model: what is given comes back as it was, character by character.

L: rows of a series, C: columns, M: fillings, T: steps of a window.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from ganforge.core.errors import UserError
from ganforge.core.plot.charts import tiled
from ganforge.core.plot.drawing import Drawing
from ganforge.core.rng import block_normal
from ganforge.inference.model import Model, load
from ganforge.modalities.series import reading
from ganforge.modalities.series.absent import prepared
from ganforge.modalities.series.charts import filling
from ganforge.modalities.series.clock import STEP
from ganforge.modalities.series.files import typed
from ganforge.modalities.series.filler import Filler
from ganforge.modalities.series.forecasting import fitting, known_rows, opened, source_for
from ganforge.modalities.series.source import SeriesSet
from ganforge.modalities.series.tasks.impute import Impute
from ganforge.modalities.series.windows import rows_of, values_in, words_of

log = logging.getLogger("ganforge")

PATH, LOW, HIGH = "path", "{} (10 %)", "{} (90 %)"
INTERVAL = (0.1, 0.9)
MOST_PATHS = 1_000


@dataclass(frozen=True)
class Filled:
    """A series with its gaps filled.

    Attributes:
        values: float64 [L, C]; where `missing` [L, C] the mean of the fillings, of words the most frequent.
        at: rows and columns of what is filled, int64 [n, 2]. paths: float64 [M, n].
    """

    values: np.ndarray
    missing: np.ndarray
    at: np.ndarray
    paths: np.ndarray


def impute(
    source: Path | str | Model,
    data: Path | str,
    paths: int = 20,
    seed: int = 0,
    every: bool = False,
    absent_rows: bool = True,
) -> Any:
    """A table of time series with its gaps filled, as a DataFrame of texts (of types, where the file has types).

    Args:
        source: a run of a recipe like `impute`, its model file, or a loaded model.
        data: a file with the columns of the training data. What it gives comes back unchanged.
        paths: fillings of each gap. The table holds their mean, and the edges of their middle 80 % in columns of their
            own.
        absent_rows: add a row for each time that has none, as an hour that is missing.
        every: the whole table once for each filling instead, with a column `path`: for multiple imputation.

    Raises:
        UserError: another kind of model, columns that are missing, too few rows, or a number out of range.
    """
    model = source if isinstance(source, Model) else load(source)
    file = prepared(model, data, absent_rows).file
    whole, found = fillings_of(model, data, paths, seed, file)
    return as_table(file, whole, found, every)


def fillings_of(
    model: Model, data: Path | str, paths: int, seed: int, file: Path | reading.Unpacked | None = None
) -> tuple[SeriesSet, dict[str, Filled]]:
    """The series of a file with the columns of the model, and those with gaps filled, by name.

    Args:
        file: what is read in the place of `data`.
    """
    task = model.recipe.task
    if not isinstance(task, Impute):
        raise UserError(
            f"{model.folder}: this model ({model.recipe.name}) fills no gaps. Train one with: ganforge train impute "
            "data=FILE",
            code="impute.not_an_imputer",
        )
    if not 2 <= paths <= MOST_PATHS:
        raise UserError(f"--paths {paths}: 2 to {MOST_PATHS:,} fillings", code="impute.out_of_range")
    if not reading.is_table(Path(data)):
        raise UserError(
            f"--data {data}: gaps are filled in one file, {', '.join((*reading.TEXT, *reading.PARQUET))}",
            code="impute.not_a_table",
        )
    recent = opened(model, data) if file is None else source_for(model, data).of(file)
    whole = fitting(recent, model, str(data), model.spec.shape[1])
    if short := [name for name in recent.series if name not in whole.series and recent.missing[name].any()]:
        log.warning(
            "data %s: %d series have fewer than %d rows, and keep their gaps: %s",
            data, len(short), model.spec.shape[1], ", ".join(short[:5]),
        )  # fmt: skip
    missing = {name: marks for name, marks in whole.missing.items() if marks.any()}
    if not missing:
        raise UserError(f"data {data}: no value is missing in the columns of the model", code="impute.no_gaps")
    return whole, {name: _filled(model, task, whole, name, paths, seed) for name in missing}


def _filled(model: Model, task: Impute, whole: SeriesSet, name: str, paths: int, seed: int) -> Filled:
    """The gaps of one series filled from its beginning to its end."""
    spec, bundle, signal = model.spec, model.bundle, model.recipe.signal
    state, length = spec.state, spec.shape[1]
    G = cast(Filler, bundle.nets["G"])
    missing = whole.missing[name]
    at = np.argwhere(missing)
    place = np.full(missing.shape, -1)
    place[tuple(at.T)] = np.arange(len(at))
    rows = np.hstack([rows_of(whole, name, 0, len(missing)), known_rows(whole, name, state)])
    found = np.empty((paths, len(at)))
    open_ = missing.copy()
    encoded: dict[int, torch.Tensor] = {}  # steps that were filled, of all paths, [M, V]
    for first, keep in pieces(missing, length, task.longest):
        x = torch.from_numpy(signal.prepare(rows[first : first + length], spec)).to(bundle.device, bundle.dtype)
        x = x.expand(paths, -1, -1).clone()
        for step in range(first, first + length):
            if step in encoded:
                x[:, : values_in(state), step - first] = encoded[step]
        given = torch.from_numpy(~open_[first : first + length].T).to(x.device, x.dtype)
        given = G.by_channel(given[None]).expand(paths, -1, -1)
        z = block_normal(seed, f"{name} {first}", 0, paths, G.width).to(x.device, x.dtype)
        with torch.inference_mode(), bundle.on_trial():
            made = task.filled(bundle.nets, x, given, z)
        values = signal.decode(made, spec)
        for step in range(first, keep):
            if missing[step].any() and open_[step].any():
                encoded[step] = made[:, : values_in(state), step - first]
                for column in np.flatnonzero(open_[step]):
                    found[:, place[step, column]] = values[:, step - first, column]
        open_[first:keep] = False
        encoded = {step: h for step, h in encoded.items() if step >= keep - length}
    values = whole.series[name].copy()
    values[tuple(at.T)] = _center(found, [words_of(state["columns"][c]) for _, c in at])
    return Filled(values, missing, at, found)


def pieces(missing: np.ndarray, length: int, longest: int) -> Iterator[tuple[int, int]]:
    """First rows of windows that fill all gaps from left to right, and the row up to which each is kept.

    A gap lies in the middle of its window, as far as the series goes. Of one longer than `longest` the window ends with
    as many steps, and half of them are kept.
    """
    total, done = len(missing), 0
    gaps = np.flatnonzero(missing.any(1))
    while (left := gaps[gaps >= done]).size:
        start = int(left[0])
        run = int(np.argmax(np.diff(np.append(left, total + 2)) > 1)) + 1  # steps of the gap
        before = length - longest if run > longest else (length - run) // 2
        first = max(0, min(start - before, total - length))
        end = first + length
        keep = end
        if end < total and start + run >= end:
            keep = start + max(1, (end - start) // 2)
        elif end < total:  # of a later gap near the end of the window more would be seen from its own
            later = left[(left >= start + run) & (left >= end - length // 4) & (left < end)]
            keep = int(later[0]) if later.size else end
        yield first, keep
        done = keep


def _center(paths: np.ndarray, words: list[Any]) -> np.ndarray:
    """The mean of fillings [M, n], of words the most frequent."""
    center = paths.mean(0)
    for k in (k for k, some in enumerate(words) if some):
        center[k] = np.bincount(paths[:, k].astype(int)).argmax()
    return center


def as_table(path: Path | reading.Unpacked, whole: SeriesSet, found: Mapping[str, Filled], every: bool) -> Any:
    """The file's table with its gaps filled: once with the mean and its interval, or once for each filling."""
    import pandas as pd

    texts = not path.name.lower().endswith(reading.PARQUET)
    point = reading.marks_of(path)[1] if texts else None
    frame = reading.load(path, texts=texts).rename(columns=str)
    columns = [c.name for c in whole.columns if c.name != STEP]
    if every:
        count = len(next(iter(found.values())).paths)
        tables = [_with(frame, whole, found, lambda f, k=k: f.paths[k], point) for k in range(count)]
        for k, table in enumerate(tables):
            table.insert(0, free(PATH, table.columns), k + 1)
        return pd.concat(tables, ignore_index=True)
    table = _with(frame, whole, found, lambda f: f.values[tuple(f.at.T)], point)
    numbers = [k for k, c in enumerate(whole.columns) if not c.words and c.name in columns]
    for k in numbers:
        if not any(f.missing[:, k].any() for f in found.values()):
            continue
        name = whole.columns[k].name
        for form, share in zip((LOW, HIGH), INTERVAL, strict=True):
            edge = np.full(len(frame), np.nan)
            for series, f in found.items():
                mine = f.at[:, 1] == k
                edge[whole.rows[series][f.at[mine, 0]]] = np.quantile(f.paths[:, mine], share, axis=0)
            if whole.columns[k].form:
                edge = typed(edge, vars(whole.columns[k]) | {"last": None})
            elif point is not None:
                edge = [text(v, whole.columns[k].decimals, point) for v in edge]
            table.insert(table.columns.get_loc(name) + 1 + (form is HIGH), free(form.format(name), table.columns), edge)
    return table


def _with(frame: Any, whole: SeriesSet, found: Mapping[str, Filled], chosen: Any, point: str | None) -> Any:
    """The table with values in its gaps.

    Args:
        chosen: of a filled series the values at its gaps, [n].
        point: the decimal point of a table of texts; None of one with types.
    """
    table = frame.copy()
    for k, column in enumerate(whole.columns):
        if column.name == STEP:
            continue
        for series, f in found.items():
            mine = f.at[:, 1] == k
            if not mine.any():
                continue
            rows = whole.rows[series][f.at[mine, 0]]
            values = typed(chosen(f)[mine], vars(column) | {"dtype": "float64"})
            place = table.columns.get_loc(column.name)
            if point is not None and not column.form:
                values = [text(v, column.decimals, point) for v in values]
            elif point is None and not column.words and not column.form:
                table[column.name] = table[column.name].astype("float64")
            table.iloc[rows, place] = values
    return table


def text(value: Any, decimals: int, point: str) -> str:
    """A value as files write it, with the digits of its column; empty where there is none."""
    if isinstance(value, str):
        return value
    if np.isnan(value):
        return ""
    return (repr(float(value)) if decimals < 0 else f"{value:.{decimals}f}").replace(".", point)


def free(name: str, taken: Any) -> str:
    while name in taken:
        name += "_"
    return name


def drawn(whole: SeriesSet, found: Mapping[str, Filled], length: int, most: int) -> Drawing:
    """The longest gaps of columns of numbers with what is around them, two in a row."""
    gaps = []
    for series, f in found.items():
        for k, column in enumerate(whole.columns):
            if column.words or column.name == STEP:
                continue
            rows = f.at[f.at[:, 1] == k, 0]
            for run in np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1) if len(rows) else ():
                gaps.append((len(run), series, k, int(run[0])))
    drawings = []
    for size, series, k, start in sorted(gaps, key=lambda gap: -gap[0])[:most]:
        f, around = found[series], max(length // 2, size // 4)
        part = slice(max(0, start - around), min(len(f.values), start + size + around))
        asked = f.missing[part, k]
        paths = np.zeros((len(f.paths), len(asked)))
        mine = (f.at[:, 1] == k) & (f.at[:, 0] >= part.start) & (f.at[:, 0] < part.stop)
        paths[:, f.at[mine, 0] - part.start] = f.paths[:, mine]
        times = whole.times[series][part] if series in whole.times else None
        name = whole.columns[k].name
        title = name if whole.entity is None else f"{series}: {name}"
        window = np.where(asked, np.nan, f.values[part, k])
        drawings.append(filling(window, paths, asked, title, times))
    return tiled(drawings, 2)
