"""What trained models make of a given file of series: their forecast, or their missing values."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ganforge.core.files import atomic_file
from ganforge.core.language import phrase
from ganforge.core.media import Media
from ganforge.core.plot.drawing import Drawing
from ganforge.data import frames
from ganforge.inference.model import Model
from ganforge.modalities.series import absent, forecasting, imputing, reading
from ganforge.modalities.series.tasks.forecast import Forecast
from ganforge.modalities.series.tasks.impute import Impute
from ganforge.signals import FileResult, FileUse, Setting

if TYPE_CHECKING:
    import pandas as pd

READ = (".csv", ".tsv", ".parquet")
SHOWN, CHARTS = 100, 8
"""Rows of a table, and drawings of a chart, that are shown."""
LONGEST = 10_000
"""Steps that a page may ask for."""
FORECAST = """from ganforge.modalities.series.forecasting import forecast

paths = forecast({model!r}, {file!r}{more})  # a DataFrame"""
IMPUTE = """from ganforge.modalities.series.imputing import impute

table = impute({model!r}, {file!r}{more})  # a DataFrame"""


def file_use(model: Model) -> FileUse | None:
    """What a model makes of a file; None of one that only makes new series."""
    task = model.recipe.task
    if isinstance(task, Forecast):
        text = phrase(
            "Takes recent rows with the columns of the training data, at least {n:,} of each series, and makes many "
            "paths that go on from the last row.",
            n=task.past_of(model.spec),
        )
        settings = (
            Setting("horizon", "--horizon", phrase("Steps"), phrase("How far ahead."), task.future, 1, LONGEST),
            Setting("paths", "--paths", phrase("Paths"), phrase("Possible futures of each series."), 100, 1, 1_000),
            Setting("seed", "--seed", phrase("Seed"), phrase("Which paths."), 0),
        )
        return FileUse(
            phrase("Forecast"), text, READ, "forecast", "recent.csv", "fan.csv", FORECAST, partial(forecast, model),
            settings, "fan.svg",
        )  # fmt: skip
    if isinstance(task, Impute):
        text = phrase(
            "Takes rows with gaps and the columns of the training data, at least {n:,} of each series. Every gap is "
            "filled many times; the table holds the mean and the range of the middle 80 %. Given values stay as they "
            "are.",
            n=model.spec.shape[1],
        )
        settings = (
            Setting("paths", "--paths", phrase("Fillings"), phrase("Fillings of each gap."), 20, 2, 1_000),
            Setting("seed", "--seed", phrase("Seed"), phrase("Which fillings."), 0),
        )
        return FileUse(
            phrase("Fill gaps"), text, READ, "impute", "gaps.csv", "filled.csv", IMPUTE, partial(impute, model),
            settings, "gaps.svg",
        )  # fmt: skip
    return None


def forecast(model: Model, data: Path, folder: Path, settings: Mapping[str, Any]) -> FileResult:
    """The paths as a table, and fans of them."""
    found = forecasting.paths_of(model, data, **settings)
    table = forecasting.as_frame(model, found)
    says = phrase(
        "{paths:,} paths of {steps:,} steps; series: {n:,}.",
        paths=settings["paths"], steps=settings["horizon"], n=len(found),
    )  # fmt: skip
    drawing = forecasting.fans(model, found, CHARTS)
    return FileResult(written(table, folder / "forecast.csv"), (says,), drawn(drawing), texts_of(table))


def impute(model: Model, data: Path, folder: Path, settings: Mapping[str, Any]) -> FileResult:
    """The table with its gaps filled, and drawings of the longest ones."""
    rows = absent.prepared(model, data)
    whole, found = imputing.fillings_of(model, data, settings["paths"], settings["seed"], rows.file)
    table = imputing.as_table(rows.file, whole, found, every=False)
    count = sum(len(one.at) for one in found.values())
    says = [phrase("{count:,} missing values filled, {paths:,} times each.", count=count, paths=settings["paths"])]
    if rows.added:
        says.append(phrase("Rows added for times that had none: {n:,}.", n=rows.added))
    made: list[list[int]] = [[] for _ in range(min(SHOWN, len(table)))]
    for series, one in found.items():
        for row, column in one.at.tolist():
            if (place := int(whole.rows[series][row])) < len(made) and whole.columns[column].name in table.columns:
                made[place].append(int(np.flatnonzero(table.columns == whole.columns[column].name)[0]))
    separator = reading.marks_of(data)[0] if data.suffix == ".csv" else ","
    file = written(table, folder / f"filled{data.suffix}", separator)
    drawing = imputing.drawn(whole, found, model.spec.shape[1], CHARTS)
    return FileResult(file, tuple(says), drawn(drawing), texts_of(table), made)


def written(table: pd.DataFrame, path: Path, separator: str = ",") -> Path:
    with atomic_file(path) as file:
        frames.write(table, file, separator)
    return path


def drawn(drawing: Drawing) -> list[Media]:
    return [Media(drawing.svg().encode("utf-8"), "image/svg+xml")]


def texts_of(table: pd.DataFrame) -> list[list[str]]:
    """The header and the first rows."""
    head = table.head(SHOWN)
    texts = head.astype(object).where(head.notna(), "").map(str)
    return [[str(name) for name in texts.columns], *texts.to_numpy().tolist()]
