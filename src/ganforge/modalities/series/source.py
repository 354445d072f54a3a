"""Time series from files: rows in order of time, one series or several, the end of each held back.

What can be repaired is repaired and said (`SeriesSet.notes`).

T: rows of a series. C: channels, the columns of numbers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.data.base import HOLDOUT, DataSource
from ganforge.modalities.series import files_of, layout, reading
from ganforge.modalities.series.columns import Found, from_frame

FEWEST_HELD_BACK = 32  # rows of a series
FEWEST_SERIES = 10  # from which whole series are held back where all are short


class SeriesFile(DataSource, kind="series"):
    """Time series from a CSV, TSV, Parquet or ARFF file, from a folder or zip with a file a series, from .ts or .npy:
    a column of times, columns of numbers or words, and perhaps one that names the series."""

    path: str
    """The file or folder."""
    time: str | None = None
    """The column of times; found by default."""
    entity: str | None = None
    """The column that names the series that a row belongs to (a sensor, a stock); found by default."""
    label: str | None = None
    """The column, constant within each series, that conditional models take as the label; found by default."""
    timezone: str | None = None
    """Where clocks showed the times, as Europe/Berlin: with it, the hours that daylight saving repeats or skips are
    told apart, and times become UTC."""
    missing: tuple[float, ...] = ()
    """Numbers that mean that there is no value, such as [0] or [-999]."""
    attributes: tuple[str, ...] = ()
    """Columns, constant within each series, that describe it; found by default."""
    keep: tuple[str, ...] = ()
    """Columns that are learned even if they miss more than half of their values."""
    numbers: tuple[str, ...] = ()
    """Columns of texts such as 12.5% that are numbers however few values they have; found by default, of more than 20
    values."""
    split: Literal["train", "test"] = "train"
    """Which part to take: the beginning of each series, to train on, or its end, which is held back."""
    holdout: float = Field(default=HOLDOUT, ge=0, lt=1)
    """The share of each series that is held back at its end for `ganforge evaluate`; of many short series, the share
    of the series. 0 trains on all."""

    @property
    def held_back(self) -> float:
        return self.holdout

    def open(self) -> SeriesSet:
        path = Path(self.path).expanduser()
        if not path.exists():
            raise UserError(f"data.path={self.path}: no such file or folder", code="data.not_found")
        return self.of(path)

    def of(self, file: Path | reading.Unpacked) -> SeriesSet:
        """The series of a file or folder, or of the content of a file, in the place of `path`."""
        try:
            frame, entity, notes = files_of.load(file, self.path)
        except UserError:
            raise
        except PermissionError:
            raise UserError(f"data {self.path}: permission denied", code="data.permission_denied") from None
        except reading.READ_ERRORS as error:
            raise UserError(
                f"data {self.path}: cannot be read as a table ({' '.join(str(error).split())[:160]})",
                code="data.unreadable",
            ) from None
        said = self.said
        found = from_frame(self.path, frame, replace(said, entity=said.entity or entity), notes)
        digest = files_of.digest(file) if isinstance(file, Path) else ""
        return part_of(set_of(self.path, found, digest), self.split, self.holdout)

    @property
    def said(self) -> layout.Said:
        """What the fields say of the table."""
        return layout.Said(
            self.time, self.entity, self.label, self.timezone, self.missing, self.attributes, self.keep, self.numbers
        )  # fmt: skip


class SeriesSet(Dataset):
    """One or several series of the same channels. An item is a row; `Series.items` cuts windows.

    Attributes:
        series: float64 [T, C] each, by name, in order of time; words as their place among the words of the column,
            missing values filled. missing: bool [T, C] each, where a value was.
        times: datetime64 [T] each; empty without a column of times.
        kind_of: the place of each series in `kinds`, which conditional models take as labels; empty without.
        rows: int64 [T] each, the place of each row in the file.
        attributes: columns that describe series, each with its words (empty of numbers). described: float64 [A] each,
            their values; words as their place.
        columns: the columns that are learned. clock: how rows are stamped, or None.
        entity: the column that names series, or None.
        order: the names of all columns that come back, in the order of the file.
        notes: what was repaired or assumed.
        newest: float64 [C], the last row of the last series, held back or not.
    """

    signal = "series"

    def __init__(self, name: str, found: Found, digest: str, newest: np.ndarray | None = None):
        self.name, self.found, self.digest = name, found, digest
        self.series, self.missing, self.times = found.series, found.missing, found.times
        self.columns, self.clock, self.entity = found.columns, found.clock, found.entity
        self.order, self.notes = found.order, found.notes
        self.kind_of, self.kinds, self.rows = found.kind_of, found.kinds, found.rows
        self.attributes, self.described = found.attributes, found.described
        self.newest = list(found.series.values())[-1][-1] if newest is None else newest
        self.skipped: list[tuple[str, str]] = []
        self.starts = np.cumsum([0, *(len(values) for values in self.series.values())])
        self._rows: Sequence[np.ndarray] = list(self.series.values())

    def __len__(self) -> int:
        return int(self.starts[-1])

    def read(self, index: int) -> np.ndarray:
        k = int(np.searchsorted(self.starts, index, side="right")) - 1
        return self._rows[k][index - self.starts[k]]

    def shapes(self) -> dict[tuple[tuple[int, ...], str], int]:
        return {((len(self.columns),), "float64"): len(self)}


def set_of(name: str, found: Found, digest: str = "") -> SeriesSet:
    return SeriesSet(name, found, digest)


def part_of(whole: SeriesSet, split: str, holdout: float) -> SeriesSet:
    """The beginning of every series, or its end: cut by time before any window is, so that no window is in both.

    Of series that are too short to be cut, the last ones are held back whole.

    Raises:
        UserError: the end is asked for, and nothing is held back.
    """
    lengths = {name: len(values) for name, values in whole.series.items()}
    ends = {name: round(length * holdout) for name, length in lengths.items()}
    by_series = max(ends.values()) < FEWEST_HELD_BACK and len(ends) >= FEWEST_SERIES
    if by_series:
        last = set(list(lengths)[len(lengths) - round(len(lengths) * holdout) :]) if holdout else set()
        cuts = {name: (0 if name in last else length) for name, length in lengths.items()}
    else:
        cuts = {
            name: length - (ends[name] if ends[name] >= FEWEST_HELD_BACK else 0) for name, length in lengths.items()
        }
    held = sum(lengths.values()) - sum(cuts.values())
    if not held and split == "train":
        return whole
    if not held:
        raise UserError(
            f"data {whole.name}: nothing is held back of its {len(whole):,} rows (data.holdout={holdout:g})",
            code="data.split_is_empty",
        )
    found = whole.found.cut(
        {name: slice(cut, None) if split == "test" else slice(0, cut) for name, cut in cuts.items()}
    )
    if split == "train":
        of = f"{sum(cut == 0 for cut in cuts.values()):,} of its {len(cuts):,} series" if by_series else (
            f"{held:,} of its {len(whole):,} rows, the last of each series,")  # fmt: skip
        found.notes.append(f"{of} are held back for evaluation")
    digest = hashlib.sha256(f"{whole.digest} {split} {holdout!r}".encode()).hexdigest()[:16]
    return SeriesSet(whole.name, found, digest, whole.newest)
