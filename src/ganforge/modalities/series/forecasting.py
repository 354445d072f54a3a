"""A trained forecast in use: recent rows in, many paths with their time stamps out, as a table and as a fan.

N: series, M: paths, H: steps, C: columns.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from ganforge.core.errors import UserError
from ganforge.core.plot.charts import padded, ticks, tiled
from ganforge.core.plot.drawing import Drawing
from ganforge.core.plot.text import cut, short
from ganforge.inference.model import Model, load
from ganforge.modalities.series import changes
from ganforge.modalities.series.columns import STEP
from ganforge.modalities.series.files import to_frame
from ganforge.modalities.series.source import SeriesFile, SeriesSet
from ganforge.modalities.series.tasks.forecast import Forecast
from ganforge.modalities.series.windows import gaps_of, rows_of, words_of

PATH, MOST_STEPS = "path", 100_000
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 520, 220, 56, 12, 26, 30
SHOWN_PAST = 3  # times the horizon
BANDS = ((0.1, 0.9, 0.18), (0.25, 0.75, 0.28))


def forecast(
    source: Path | str | Model, data: Path | str, horizon: int | None = None, paths: int = 100, seed: int = 0
) -> Any:
    """Paths that go on from the last row of the data, as a DataFrame: the column `path`, then those of the data.

    Args:
        source: a run of a recipe like `forecast`, its model file, or a loaded model.
        data: a file with the same columns, and at least as many rows as the model needs of the past.
        horizon: steps; by default as many as the model forecasts at once. Beyond that each path goes on from itself.

    Raises:
        UserError: another kind of model, columns that are missing, too few rows, or a number out of range.
    """
    model = source if isinstance(source, Model) else load(source)
    found = paths_of(model, data, horizon, paths, seed)
    return as_frame(model, found)


def paths_of(
    model: Model, data: Path | str, horizon: int | None = None, paths: int = 100, seed: int = 0
) -> dict[str, tuple[np.ndarray, np.ndarray, Any]]:
    """The past [P, C], the paths [M, H, C] and the `Spec.state` that they go on with of each series, by name."""
    task = model.recipe.task
    if not isinstance(task, Forecast):
        raise UserError(
            f"{model.folder}: this model ({model.recipe.name}) makes new series and forecasts none. Train one with: "
            "ganforge train forecast data=FILE",
            code="forecast.not_a_forecast",
        )
    horizon = task.future if horizon is None else horizon
    if not 1 <= horizon <= MOST_STEPS or not 1 <= paths <= 10_000:
        raise UserError(
            f"--horizon {horizon} --paths {paths}: 1 to {MOST_STEPS:,} steps and 1 to 10,000 paths",
            code="forecast.out_of_range",
        )
    spec, bundle = model.spec, model.bundle
    recent = SeriesFile(path=str(data), entity=spec.state["entity"], holdout=0.0).open()
    change = spec.state.get("change", "none")
    before = recent
    recent = fitting(recent if change == "none" else changes.changed(recent, change), model, str(data))
    past, found = task.past_of(spec), {}
    for name, values in recent.series.items():
        rows = rows_of(recent, name, len(values) - past, past)
        x = torch.from_numpy(model.recipe.signal.prepare(rows, spec)).to(bundle.device, bundle.dtype)
        with torch.inference_mode(), bundle.on_trial():
            made = task.paths(bundle.nets, x[None], horizon, paths, seed)[0]
        decoded = model.recipe.signal.decode(made, spec)
        seen = model.recipe.signal.decode(x[None], spec)[0]
        state = spec.state
        if name in recent.times and state["clock"] is not None:
            state = state | {"clock": state["clock"] | {"last": str(recent.times[name][-1])}}
        if change != "none":
            last = {column.name: float(v) for column, v in zip(before.columns, before.series[name][-1], strict=True)}
            state = state | {"levels": [level | {"last": last[level["name"]]} for level in state["levels"]]}
        found[name] = (seen, decoded, state)
    return found


def fitting(recent: SeriesSet, model: Model, name: str) -> SeriesSet:
    """Recent series with the columns of the model, in its order and with its words and flags.

    Raises:
        UserError: columns that are missing, words that the model does not know, or too few rows.
    """
    from dataclasses import replace

    state, need = model.spec.state, model.recipe.task.past_of(model.spec)  # type: ignore[attr-defined]
    there = {column.name: k for k, column in enumerate(recent.columns)}
    wanted = [column["name"] for column in state["columns"]]
    if lost := [column for column in wanted if column not in there and column != STEP]:
        raise UserError(
            f"data {name}: it has no column of values {', '.join(lost[:5])}, which the model forecasts from (it has: "
            f"{', '.join(there)})",
            code="forecast.columns_missing",
        )
    if STEP in wanted and STEP not in there:
        raise UserError(
            f"data {name}: the model was trained on rows at distances that differ, and these are equally spaced",
            code="forecast.equally_spaced",
        )
    longest = max(len(rows) for rows in recent.series.values())
    if longest < need:
        raise UserError(
            f"data {name}: {longest:,} rows, and this model forecasts from the last {need:,}",
            code="forecast.too_few_rows",
        )
    columns, series, missing = [], {}, {}
    gaps = set(gaps_of(state))
    for k, column in enumerate(state["columns"]):
        own = recent.columns[there[column["name"]]]
        if new := set(own.words) - set(words_of(column)):
            raise UserError(
                f"data {name}, column {own.name!r}: the model does not know {sorted(new)[:3]}",
                code="forecast.unknown_words",
            )
        columns.append(replace(own, gaps=k in gaps, words=tuple(words_of(column))))
    for key, rows in recent.series.items():
        if len(rows) < need:
            continue
        parts = []
        for column in state["columns"]:
            at = there[column["name"]]
            values = rows[:, at]
            if words := words_of(column):
                places = np.array([words.index(word) for word in recent.columns[at].words])
                values = places[values.astype(int)].astype(float)
            parts.append(values)
        series[key] = np.stack(parts, 1)
        missing[key] = recent.missing[key][:, [there[column["name"]] for column in state["columns"]]]
    found = replace(recent.found, series=series, missing=missing, columns=tuple(columns))
    return SeriesSet(recent.name, found, recent.digest)


def as_frame(model: Model, found: dict[str, tuple[np.ndarray, np.ndarray, Any]]) -> Any:
    """All paths below each other, a row a step."""
    import pandas as pd

    parts = []
    for name, (_, paths, state) in found.items():
        part = to_frame(paths, type(model.spec)(model.spec.shape, state=state))
        numbers = np.repeat(np.arange(1, len(paths) + 1), paths.shape[1])
        if state["entity"]:
            part[state["entity"]] = name
        else:
            part = part.drop(columns=part.columns[0])
        part.insert(0, _free(PATH, part.columns), numbers)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _free(name: str, taken: Any) -> str:
    while name in taken:
        name += "_"
    return name


def fan(past: np.ndarray, paths: np.ndarray, title: str, real: np.ndarray | None = None) -> Drawing:
    """A fan chart: the past [P], the middle 50 % and 80 % of paths [M, H], their median, and what came, if known."""
    horizon = paths.shape[1]
    past = past[-SHOWN_PAST * horizon :]
    first = len(past)
    edges = np.quantile(paths, [low for low, *_ in BANDS] + [high for _, high, _ in BANDS], axis=0)
    every = [*past[np.isfinite(past)], *edges.ravel(), *(real[np.isfinite(real)] if real is not None else [])]
    low, high = padded([float(v) for v in every])
    drawing = Drawing(WIDTH, HEIGHT, f"forecast of {title}")
    step = (WIDTH - LEFT - RIGHT) / max(first + horizon - 1, 1)

    def at(k: float, value: float) -> tuple[float, float]:
        return LEFT + k * step, HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM)

    drawing.text(LEFT, 16, cut(title, WIDTH - LEFT), style="strong")
    for y in ticks(low, high):
        drawing.line("grid", [at(0, y), at(first + horizon - 1, y)])
        drawing.text(LEFT - 7, at(0, y)[1] + 3.5, short(y), "end")
    for k in range(-first, horizon, max(1, (first + horizon) // 6)):
        drawing.text(at(k + first, low)[0], HEIGHT - BOTTOM + 16, str(k + 1), "middle")
    for b, (_, _, opacity) in enumerate(BANDS):
        for h in range(horizon):
            x, bottom = at(first + h - 0.5, float(edges[b, h]))
            top = at(0, float(edges[b + len(BANDS), h]))[1]
            drawing.rect("c0", x, top, step, bottom - top, opacity)
    lines = [("strong", past, 0), ("c0", np.median(paths, 0), first)] + (
        [("c1", real, first)] if real is not None else []
    )
    for style, values, start in lines:
        points = [at(start + k, float(v)) for k, v in enumerate(values) if np.isfinite(v)]
        drawing.line(style, points, 1.6)
    return drawing


def fans(model: Model, found: dict[str, tuple[np.ndarray, np.ndarray, Any]], most: int) -> Drawing:
    """Fan charts of the columns of numbers, the first series first, two in a row."""
    columns = [
        (k, c["name"]) for k, c in enumerate(model.spec.state["columns"]) if not words_of(c) and c["name"] != STEP
    ]
    drawings = [
        fan(past[:, k], paths[:, :, k], column if len(found) == 1 else f"{name}: {column}")
        for name, (past, paths, _) in found.items()
        for k, column in columns
    ]
    return tiled(drawings[:most], 2)
