"""A trained forecast in use: recent rows in, many paths with their time stamps out, as a table and as a fan.

N: series, M: paths, H: steps, C: columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from ganforge.core.errors import UserError
from ganforge.core.plot.charts import tiled
from ganforge.core.plot.drawing import Drawing
from ganforge.inference.model import Model, load
from ganforge.modalities.series import changes, known
from ganforge.modalities.series.charts import fan
from ganforge.modalities.series.clock import STEP
from ganforge.modalities.series.files import to_frame
from ganforge.modalities.series.source import SeriesFile, SeriesSet
from ganforge.modalities.series.tasks.forecast import Forecast
from ganforge.modalities.series.windows import gaps_of, rows_of, words_of

PATH, MOST_STEPS = "path", 100_000


class Paths(NamedTuple):
    """How a series goes on: its past [P, C], paths [M, H, C], the `Spec.state` that they go on with, and the times of
    past and future, [P + H], where rows are at equal distances."""

    past: np.ndarray
    paths: np.ndarray
    state: Mapping[str, Any]
    times: np.ndarray | None


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
) -> dict[str, Paths]:
    """How each series goes on, by name."""
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
    recent = opened(model, data)
    change = spec.state.get("change", "none")
    before = recent
    past, found = task.past_of(spec), {}
    recent = fitting(recent if change == "none" else changes.changed(recent, change), model, str(data), past)
    for name, values in recent.series.items():
        facts = known_rows(recent, name, spec.state, horizon)
        rows = np.hstack([rows_of(recent, name, len(values) - past, past), facts[len(values) - past : len(values)]])
        x = torch.from_numpy(model.recipe.signal.prepare(rows, spec)).to(bundle.device, bundle.dtype)
        ahead = torch.from_numpy(known_channels(facts[len(values) :], spec.state)).to(bundle.device, bundle.dtype)
        with torch.inference_mode(), bundle.on_trial():
            made = task.paths(bundle.nets, x[None], horizon, paths, seed, ahead[None])[0]
        decoded = model.recipe.signal.decode(made, spec)
        seen = model.recipe.signal.decode(x[None], spec)[0]
        state: dict[str, Any] = spec.state
        if name in recent.times and state["clock"] is not None:
            state = state | {"clock": state["clock"] | {"last": str(recent.times[name][-1])}}
        if change != "none":
            last = {column.name: float(v) for column, v in zip(before.columns, before.series[name][-1], strict=True)}
            state = state | {"levels": [level | {"last": last[level["name"]]} for level in state["levels"]]}
        times = None
        if state["clock"] is not None and known.has_calendar(recent):
            times = recent.times[name]
            times = np.concatenate([times[-past:], known.ahead(times, state["clock"], horizon)])
        found[name] = Paths(seen, decoded, state, times)
    return found


def opened(model: Model, data: Path | str) -> SeriesSet:
    """The series of a file, read as the training data was."""
    return source_for(model, data).open()


def source_for(model: Model, data: Path | str) -> SeriesFile:
    """A file as a source that is read as the training data was."""
    state, own = model.spec.state, model.recipe.data
    source = own if isinstance(own, SeriesFile) else SeriesFile(path=str(data))
    names = tuple(one["attribute"] for one in state.get("known", ()) if "attribute" in one)
    return replace(
        source, path=str(data), entity=state["entity"], attributes=names, split="train", holdout=0.0,
        keep=tuple(column["name"] for column in state["columns"]),
        numbers=tuple(column["name"] for column in state["columns"] if not words_of(column)),
    )  # fmt: skip


def known_rows(recent: SeriesSet, name: str, state: Mapping[str, Any], more: int = 0) -> np.ndarray:
    """What is known in advance of all rows of a series and of `more` rows after it, as items hold it, [T + more, ...].

    Raises:
        UserError: the data lacks times or columns that the model depends on, or has words that it does not know.
    """
    length, facts = len(recent.series[name]), state.get("known", ())
    found = [np.zeros((length + more, 0))]
    if facts and state["calendar"]:
        if not known.has_calendar(recent):
            raise UserError(
                f"data {recent.name}: the model depends on the time of each row (signal.calendar), and this data has "
                "no times at equal distances",
                code="forecast.no_times",
            )
        times = recent.times[name]
        times = np.concatenate([times, known.ahead(times, state["clock"], more)])
        found.append(known.local_seconds(times, state["clock"].get("zone"))[:, None])
    there = {column: (k, words) for k, (column, words) in enumerate(recent.attributes)}
    for one in facts:
        if (column := one.get("attribute")) is None:
            continue
        if column not in there:
            raise UserError(
                f"data {recent.name}: it has no column {column!r} that is constant within each series, and the model "
                "depends on it (signal.attributes)",
                code="forecast.columns_missing",
            )
        k, words = there[column]
        value = float(recent.described[name][k])
        if one.get("words"):
            word = words[int(value)] if words else f"{value:g}"
            if word not in one["words"]:
                raise UserError(
                    f"data {recent.name}, column {column!r}: the model does not know {word!r}",
                    code="forecast.unknown_words",
                )
            value = float(one["words"].index(word))
        found.append(np.full((length + more, 1), value))
    return np.hstack(found)


def known_channels(facts: np.ndarray, state: Mapping[str, Any]) -> np.ndarray:
    """Rows of `known_rows` as the nets see them, float32 [Q, T]."""
    found, clock = state.get("known", ()), bool(state.get("calendar"))
    return known.features(facts[:, 0] if clock else None, facts[:, clock:], found).astype(np.float32)


def fitting(recent: SeriesSet, model: Model, name: str, need: int) -> SeriesSet:
    """Recent series with the columns of the model, in its order and with its words and flags; those of fewer than
    `need` rows are left out.

    Raises:
        UserError: columns that are missing, words that the model does not know, or too few rows.
    """
    state = model.spec.state
    there = {column.name: k for k, column in enumerate(recent.columns)}
    wanted = [column["name"] for column in state["columns"]]
    if lost := [column for column in wanted if column not in there and column != STEP]:
        raise UserError(
            f"data {name}: it has no column of values {', '.join(lost[:5])}, which the model was trained on (it has: "
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
            f"data {name}: {longest:,} rows, and this model needs {need:,} of a series",
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


def as_frame(model: Model, found: dict[str, Paths]) -> Any:
    """All paths below each other, a row a step."""
    import pandas as pd

    parts = []
    for name, (_, paths, state, _) in found.items():
        part = to_frame(paths, type(model.spec)(model.spec.shape, state=dict(state)))
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


def fans(model: Model, found: dict[str, Paths], most: int) -> Drawing:
    """Fan charts of the columns of numbers, the first series first, two in a row."""
    columns = [
        (k, c["name"]) for k, c in enumerate(model.spec.state["columns"]) if not words_of(c) and c["name"] != STEP
    ]
    drawings = [
        fan(past[:, k], paths[:, :, k], column if len(found) == 1 else f"{name}: {column}", times=times)
        for name, (past, paths, _, times) in found.items()
        for k, column in columns
    ]
    return tiled(drawings[:most], 2)
