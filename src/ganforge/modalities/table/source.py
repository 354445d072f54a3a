"""Tables: CSV and TSV files of any delimiter and encoding, Parquet and ARFF files, DataFrames in memory.

What can be repaired is repaired and said: `TableSet.notes` of the whole, `TableSet.skipped` of rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from ganforge.core import scratch
from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.core.rng import seed_of
from ganforge.data import arff, dates, long_columns
from ganforge.data.base import HOLDOUT, DataSource
from ganforge.modalities.table.cells import typed
from ganforge.modalities.table.columns.detect import Detected, Hints, detect
from ganforge.modalities.table.given import described
from ganforge.modalities.table.reading import digest, read_parquet, read_text

if TYPE_CHECKING:
    import pandas as pd

TEXT, PARQUET = (".csv", ".tsv", ".csv.gz", ".tsv.gz"), (".parquet", ".pq")
FEWEST_HELD_BACK = 10  # rows; fewer judge nothing, and a table so small needs them all


class TableFile(DataSource, kind="table"):
    """A CSV or TSV file (delimiter and encoding are found), a Parquet or an ARFF file; for more say than `data=FILE`
    gives."""

    path: str
    """The file."""
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    """What stands between the fields of a line; found by default."""
    encoding: str | None = None
    """Of the text, such as utf-8, gb18030 or latin-1; found by default."""
    header: bool = True
    """Whether the first line holds the names of the columns."""
    missing: tuple[str, ...] = ()
    """Texts that stand for a missing value, beside the empty one, NA, NaN, null and the like; such as ["?"]."""
    split: Literal["train", "test"] = "train"
    """Which part to take: the rows to train on, or those that are held back."""
    holdout: float = Field(default=HOLDOUT, ge=0, lt=1)
    """The share of the rows that is held out: `ganforge evaluate` uses rows that were never trained on. 0 trains on
    all."""

    def open(self) -> TableSet:
        return part_of(self.read(), self.split, self.holdout)

    @property
    def held_back(self) -> float:
        return self.holdout

    def read(self) -> TableSet:
        """All rows of the file."""
        path = Path(self.path).expanduser()
        if not path.is_file():
            raise UserError(f"data.path={self.path}: no such file", code="data.not_found")
        try:
            if is_parquet(path):
                return from_frame(self.path, read_parquet(path, self.path), digest=digest(path))
            if arff.is_arff(path):
                with path.open("rb") as file:
                    return from_frame(self.path, arff.table(file, self.path), digest=digest(path))
            frame, notes, skipped = read_text(path, self)
        except PermissionError:
            raise UserError(f"data {self.path}: permission denied", code="data.permission_denied") from None
        return from_frame(self.path, frame, notes, skipped, digest(path))


class FrameData(DataSource, kind="frame"):
    """A pandas DataFrame in memory, made by `FrameData.of(frame)`; a recipe tells its digest, not its rows."""

    digest: str = ""
    """A hash of the content, with which a resumed run identifies its data."""

    @classmethod
    def of(cls, frame: pd.DataFrame, named: bool = True) -> FrameData:
        """The source of a DataFrame, which is copied.

        Args:
            named: tell its digest; not where nothing may be known of its rows.
        """
        import pandas.util

        if not named:
            return cls()._holding(frame)
        hashing: Any = pandas.util
        typed = from_frame("the DataFrame", frame).frame
        rows = hashing.hash_pandas_object(typed, index=False)
        content = hashlib.sha256(repr(list(typed.dtypes.astype(str).items())).encode() + rows.to_numpy().tobytes())
        return cls(digest=content.hexdigest()[:16])._holding(frame)

    def _holding(self, frame: pd.DataFrame) -> FrameData:
        object.__setattr__(self, "_frame", frame.copy())
        return self

    @property
    def discloses(self) -> str:
        return "a digest of its rows" if self.digest else ""

    def undisclosed(self) -> FrameData:
        return FrameData()._holding(vars(self)["_frame"])

    def open(self) -> TableSet:
        frame = getattr(self, "_frame", None)
        if frame is None:
            raise UserError(
                "data: this run was trained on a DataFrame in memory, which is not stored in its recipe. Write "
                "the table to a file and give that: data=table.csv",
                code="data.not_stored",
            )
        found = from_frame("the DataFrame", frame, digest=self.digest)
        found.given = described(frame, found.frame)
        return found


class TableSet(Dataset):
    """A table. An item is one row, as an array of objects.

    Attributes:
        frame: the whole, its columns named by texts and typed as numbers, booleans, dates, categories or texts.
        notes: what was repaired, or found, while reading it.
        detected: how each column is read, as all rows of the whole table say.
        masked_cells: of each column the cells that count as missing although they are not, by their row.
        rows: int64 [len], their places in the whole table, where this is a part of it; else None.
        given: how new rows differ from these, where a caller's DataFrame does (`given.described`).
        nbytes: size in memory.
    """

    signal = "table"

    def __init__(
        self,
        name: str,
        frame: pd.DataFrame,
        notes: list[str],
        skipped: list[tuple[str, str]],
        digest: str = "",
        rows: np.ndarray | None = None,
        detected: Mapping[str, Detected] | None = None,
    ):
        self.name, self.frame, self.notes, self.skipped, self.digest = name, frame, notes, skipped, digest
        self.rows, self.detected = rows, dict(detected or {})
        self.given: dict[str, Any] = {}
        self.masked_cells: dict[str, pd.Series] = {}
        self.nbytes = int(frame.memory_usage(index=False, deep=False).sum())

    def as_written(self) -> pd.DataFrame:
        """The frame with every cell, also those that count as missing because of what other rows hold."""
        frame = self.frame.copy(deep=False)
        for name, cells in self.masked_cells.items():
            column = frame[name].astype(object)
            column.loc[cells.index] = cells
            frame[name] = column
        return frame

    def __len__(self) -> int:
        return len(self.frame)

    def read(self, index: int) -> np.ndarray:
        row = np.empty(self.frame.shape[1], object)
        row[:] = [self.frame.iat[index, k] for k in range(len(row))]
        return row

    def shapes(self) -> dict[tuple[tuple[int, ...], str], int]:
        return {((self.frame.shape[1],), "object"): len(self.frame)}

    def describe(self, index: int) -> str:
        return f"{self.name}, row {(index if self.rows is None else int(self.rows[index])) + 1}"


def part_of(whole: TableSet, split: str, holdout: float) -> TableSet:
    """The rows to train on, or those held back: row k is held back by a draw of its own, the same in every run.

    So an evaluation finds the very rows that no run saw, runs of other seeds can be compared, and rows that are added
    at the end of a file change nothing for those before. Of a table in which fewer than ten rows would be, none are.

    Raises:
        UserError: the held-back part is asked for, and nothing is held back.
    """
    import pandas as pd

    draws = np.random.Generator(np.random.PCG64(seed_of("rows held back")))
    held, kept = scratch.Growing(), scratch.Growing()
    for part in scratch.pieces(len(whole)):
        kept_back = draws.random(part.stop - part.start) < holdout
        held.add(part.start + np.flatnonzero(kept_back))
        kept.add(part.start + np.flatnonzero(~kept_back))
    count = held.count
    if count < FEWEST_HELD_BACK or len(whole) - count < 2:
        if split == "train":
            return whole
        raise UserError(
            f"data {whole.name}: none of its {len(whole):,} rows are held out (data.holdout={holdout:g})",
            code="data.split_is_empty",
        )
    rows = (held if split == "test" else kept).whole(np.int64)
    digest = hashlib.sha256(f"{whole.digest} {split} {holdout!r}".encode()).hexdigest()[:16]
    columns: dict[str, Any] = {str(name): values for name, values in whole.frame.items()}
    frame = frame_of({name: long_columns.taken(values, rows) for name, values in columns.items()})
    notes = list(whole.notes)
    if split == "train":
        notes.append(f"{count:,} of its {len(whole):,} rows are held back for evaluation (data.holdout=0: none)")
    part = TableSet(whole.name, frame, notes, whole.skipped, digest, rows, whole.detected)
    part.masked_cells = {
        name: pd.Series(cells.to_numpy(), np.searchsorted(rows, cells.index), dtype=object)
        for name, found in whole.masked_cells.items()
        if len(cells := found.loc[found.index.isin(rows)])
    }
    return part


def is_table(path: Path) -> bool:
    """Whether a file's name is that of a table."""
    return path.name.lower().endswith((*TEXT, *PARQUET, arff.ENDING))


def is_parquet(path: Path) -> bool:
    return path.name.lower().endswith(PARQUET)


def from_frame(
    name: str,
    frame: pd.DataFrame,
    notes: list[str] | None = None,
    skipped: list[tuple[str, str]] | None = None,
    digest: str = "",
) -> TableSet:
    """A set from a DataFrame, its columns brought to types that a table signal knows.

    Raises:
        UserError: no rows, no columns, or a column that holds lists, complex numbers and the like.
    """
    notes = list(notes or [])
    if frame.shape[1] == 0:
        raise UserError(f"data {name}: it has no columns", code="table.no_columns")
    if len(frame) == 0:
        raise UserError(
            f"data {name}: it has column names ({', '.join(map(str, frame.columns[:5]))}) and no rows",
            code="table.no_rows",
        )
    names = distinct_names([str(n) for n in frame.columns], notes)
    columns = {n: typed(n, frame.iloc[:, k].reset_index(drop=True), name, notes) for k, n in enumerate(names)}
    written = columns
    columns, detected = _detected(columns, notes)
    empty = [repr(n) for n, values in columns.items() if values.isna().all()]
    if empty:
        notes.append(f"every value of {', '.join(empty[:5])} is missing, and will be in new rows")
    table = TableSet(name, frame_of(columns), notes, list(skipped or []), digest, detected=detected)
    gone = {
        n: values[(columns[n].isna() & values.notna()).to_numpy(dtype=bool)]
        for n, values in written.items()
        if values is not columns[n]
    }
    table.masked_cells = {n: cells for n, cells in gone.items() if len(cells)}
    return table


def frame_of(columns: dict[str, pd.Series]) -> pd.DataFrame:
    """Columns as a table; long ones, which may be in files, are not copied."""
    import pandas as pd

    long = any(scratch.is_long(len(values)) for values in columns.values())
    return pd.DataFrame(columns, copy=False) if long else pd.DataFrame(columns)


def _detected(columns: dict[str, Any], notes: list[str]) -> tuple[dict[str, Any], dict[str, Detected]]:
    """Columns with what cannot be read taken out, and how each is read: where one alone does not say, as the others."""
    found = {name: detect(values.rename(name)) for name, values in columns.items()}
    forms = [seen.form for _, seen in found.values()]
    sure = [s.form for _, s in found.values() if isinstance(s.form, str) and not any("may begin" in n for n in s.notes)]
    hints = Hints(
        next((day for form in sure if (day := dates.order(form))), ""),
        any(isinstance(form, dict) and form["decimal"] == "," and form["decimals"] for form in forms),
    )
    if hints != Hints():
        found = {name: detect(columns[name].rename(name), hints) for name in columns}
    for _, seen in found.values():
        notes += seen.notes
    return {name: values for name, (values, _) in found.items()}, {name: seen for name, (_, seen) in found.items()}


def distinct_names(names: list[str], notes: list[str]) -> list[str]:
    """Names that are there and differ."""
    result: list[str] = []
    for k, name in enumerate(names):
        clean = name.strip() or f"column {k + 1}"
        if not name.strip():
            notes.append(f"column {k + 1} has no name and is named {clean!r}")
        again = 2
        unique = clean
        while unique in result:
            unique, again = f"{clean}.{again}", again + 1
        if unique != clean:
            notes.append(f"two columns are named {clean!r}; the second one (column {k + 1}) is renamed {unique!r}")
        result.append(unique)
    return result
