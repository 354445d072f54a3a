"""Series with each entity as one item, described by hand: what differential privacy by entity asks for.

An item is all rows of an entity (a patient, a household, a meter). Each time it is drawn, one window is cut at random
out of it, so an entity adds one window to a step, however long its series is. The guarantee then is for entities:
Poisson sampling draws entities, the clipped gradient is that of an entity's window, and the accounting counts entities.

Nothing is measured. Columns, bounds, frequency and the longest series come from the description (`signal.public`); each
cell is read by itself, and entities do not change how others are read:

    no number, or not in the file   the value of the entity before it; if there is none, the one after; else the middle
    beyond the bounds               the bound            a word that is not listed   as no number
    more rows than `longest`        the first ones       fewer than a window         the last row again

T: `longest`, C: columns.  item float64 [T, C + 1]: values, and in the last column the number of rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np
from pydantic import BeforeValidator, Field, model_validator

from ganforge.core.component import Component
from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError, did_you_mean
from ganforge.core.overrides import from_yaml
from ganforge.data.base import DataSource
from ganforge.modalities.series import files_of, reading
from ganforge.modalities.series.clock import Clock
from ganforge.modalities.series.columns import Column

FEWEST = 2


def wrong(what: str) -> UserError:
    return UserError(f"signal.public: {what}", code="series.wrong_description")


class PublicSeriesColumn(Component):
    """What is known of a column: bounds of numbers, or the words of a category."""

    min: float = 0.0
    """The smallest that there can be. Smaller ones are read as it."""
    max: float = 1.0
    """The largest that there can be. Larger ones are read as it."""
    decimals: int = Field(default=-1, ge=-1, le=9)
    """Digits after the point; -1 for as many as a float has."""
    words: tuple[str, ...] = ()
    """Of a category the words that there can be; empty for numbers."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.words and len(set(self.words)) < 2:
            raise wrong("words: a category needs two different words at least")
        if not self.words and not self.min < self.max:
            raise wrong(f"min: {self.min:g} must be below max: {self.max:g}")
        return self

    def column(self, name: str) -> Column:
        if self.words:
            return Column(name, "str", 0, 0.0, len(self.words) - 1.0, self.words)
        return Column(name, "float64", self.decimals, self.min, self.max)

    def cell(self, text: str) -> float:
        """The value of a cell; NaN where it holds none."""
        if self.words:
            return float(self.words.index(text)) if text in self.words else np.nan
        try:
            value = float(text)
        except ValueError:
            return np.nan
        return min(max(value, self.min), self.max) if value == value else np.nan


class PublicSeries(Component):
    """What is known of series without looking at a row."""

    entity: str
    """The column that names the entity of a row."""
    time: str
    """The column of times; rows of an entity are sorted by it."""
    step: str = "D"
    """The time between rows: D, h, MS, 900s."""
    start: str = "2000-01-01"
    """The time before the first row of a sample, for the time stamps of files."""
    longest: int = Field(ge=4)
    """Rows of an entity that are used at most."""
    columns: dict[str, PublicSeriesColumn]
    """What is known of each column that is learned."""


def _read(value: Any) -> Any:
    return from_yaml(value) if isinstance(value, str) else value


Described = Annotated[PublicSeries, BeforeValidator(_read)]
"""A mapping, or the path of a YAML or JSON file."""


class EntityFile(DataSource, kind="entities"):
    """A CSV, TSV or Parquet file whose rows belong to entities, read as texts: for privacy by entity."""

    path: str
    """The file."""

    def open(self) -> Rows:
        path = Path(self.path).expanduser()
        if not path.is_file():
            raise UserError(f"data.path={self.path}: no such file", code="data.not_found")
        if not reading.is_table(path):
            raise UserError(
                f"data {self.path}: entities are read from one file, {', '.join((*reading.TEXT, *reading.PARQUET))}",
                code="series.not_a_table",
            )
        try:
            return Rows(self.path, reading.load(path, texts=True).rename(columns=str), files_of.digest(path))
        except reading.READ_ERRORS as error:
            raise UserError(
                f"data {self.path}: cannot be read as a table ({' '.join(str(error).split())[:160]})",
                code="data.unreadable",
            ) from None


class Rows(Dataset):
    """The rows of a table as texts."""

    signal = "series"

    def __init__(self, name: str, frame: Any, digest: str):
        self.name, self.frame, self.digest, self.skipped = name, frame, digest, []

    def __len__(self) -> int:
        return len(self.frame)

    def shapes(self) -> dict[tuple[tuple[int, ...], str], int]:
        return {((len(self.frame.columns),), "object"): len(self)}


class Entities(Dataset):
    """The entities of a table, in the order in which they are first named."""

    signal = "series"

    def __init__(self, whole: Rows, public: PublicSeries):
        self.name, self.digest, self.skipped, self.public = whole.name, whole.digest, [], public
        frame = whole.frame
        for name in (public.entity, public.time, *public.columns):
            if name not in frame.columns:
                raise UserError(
                    f"signal.public: the data has no column {name!r}{did_you_mean(name, map(str, frame.columns))}",
                    code="column.not_found",
                )
        self.items = [item_of(part, public) for _, part in by_entity(frame, public)]
        if len(self.items) < FEWEST:
            raise UserError(
                f"data {whole.name}: {len(self.items)} entities in the column {public.entity!r}. The guarantee hides "
                "whether an entity is in the data, so it says nothing of a single series: data of several entities "
                "(patients, households, meters) is needed",
                code="privacy.one_entity",
            )

    def __len__(self) -> int:
        return len(self.items)

    def read(self, index: int) -> np.ndarray:
        return self.items[index]

    def shapes(self) -> dict[tuple[tuple[int, ...], str], int]:
        return {((self.public.longest, len(self.public.columns) + 1), "float64"): len(self)}


def by_entity(frame: Any, public: PublicSeries) -> list[tuple[str, Any]]:
    """The rows of each entity in order of time; rows that name none are left out."""
    frame = frame.astype(str)
    named = frame[public.entity].str.strip()
    frame = frame[named != ""]
    return [(str(name), part) for name, part in frame.groupby(named[named != ""], sort=False)]


def item_of(part: Any, public: PublicSeries) -> np.ndarray:
    """The rows of one entity, from it alone."""
    import pandas as pd

    times = pd.to_datetime(part[public.time], errors="coerce", format="mixed", utc=True).to_numpy()
    part = part.iloc[np.argsort(times, kind="stable")].iloc[: public.longest]
    found = np.zeros((public.longest, len(public.columns) + 1))
    found[:, -1] = len(part)
    for k, (name, column) in enumerate(public.columns.items()):
        values = np.array([column.cell(text.strip()) for text in part[name]])
        middle = 0.0 if column.words else (column.min + column.max) / 2
        known = np.flatnonzero(~np.isnan(values))
        if len(known):
            before = np.searchsorted(known, np.arange(len(values)), "right") - 1
            values = values[known[before.clip(0)]]
        else:
            values = np.full(len(values), middle)
        found[:, k] = np.pad(values, (0, public.longest - len(values)), mode="edge")
    return found


def state_of(public: PublicSeries) -> Mapping[str, Any]:
    """`Spec.state`, from the description alone."""
    columns = [column.column(name) for name, column in public.columns.items()]
    return {
        "columns": [asdict(column) | {"words": list(column.words)} for column in columns],
        "scales": [{} if column.words else {"low": column.low, "high": column.high} for column in columns],
        "clock": asdict(Clock((public.time,), public.start, public.step, None)) | {"names": [public.time]},
        "entity": public.entity,
        "order": [public.entity, public.time, *public.columns],
        "ends": False,
        "change": "none",
        "levels": [],
        "longest": public.longest,
    }
