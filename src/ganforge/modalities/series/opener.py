"""Time series at a path: tables whose rows follow each other in time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.data.opener import Head, Opener
from ganforge.data.store import Store
from ganforge.data.zip_store import ZipStore
from ganforge.modalities.series import archives, files_of, layout, learned, melted, reading
from ganforge.modalities.series.layout import Said
from ganforge.modalities.series.source import SeriesFile

LOOKED_AT = 2_000
SHORTEST = 8
"""Rows at equal distances that are no accident: two are always so."""
SURE, PERHAPS = 0.97, 0.95  # that of a table is 0.95: a table that may be a series is asked about


class SeriesOpener(Opener, kind="series"):
    """CSV, TSV, Parquet and ARFF files with a column of dates or times, each once, or once in each series of the file;
    files of archives, whose rows are series."""

    signal = "series"
    takes = "time series: .csv, .tsv, .parquet, .arff with a time column, a folder or zip of them, .ts"
    endings = (".csv", ".tsv", ".parquet", ".arff", ".ts")

    def claims(self, path: Path, head: Head) -> float:
        if path.suffix.lower() == ".ts" and b"@" in head.start:
            return SURE
        store = head.store or (ZipStore(path) if head.start.startswith(b"PK") and files_of.is_zip(path) else None)
        if store is not None:
            return self._claims_files(store)
        if path.suffix.lower() == ".npy":
            try:
                return 0.01 if np.load(path, mmap_mode="r", allow_pickle=False).ndim == 3 else 0.0
            except (OSError, ValueError, EOFError):  # damaged, or objects: its opener as images says so
                return 0.0
        if not reading.is_table(path):
            return 0.0
        frame: Any = ()
        try:
            if archives.is_archive(path):
                return SURE
            frame = reading.load(path, LOOKED_AT).rename(columns=str).drop_duplicates(ignore_index=True)
            found = layout.find(frame)
            if found is None and (wide := melted.widened(frame, Said(), [])) is not None:
                frame, found = wide, layout.find(wide)
            few_twice = found is None and len(frame) >= layout.FEWEST and layout.nearly(frame)
        except UserError as error:  # whatever is wrong with it, its opener as a table says so
            return SURE if error.code == "series.ambiguous_zone" and len(frame) >= layout.FEWEST else 0.0
        except reading.READ_ERRORS:
            return 0.0
        numbers = [c for c in frame.columns if learned.holds_numbers(frame[c])]
        if few_twice:
            return SURE if numbers else 0.0  # opening it says which rows
        if found is None or not set(numbers).difference(found.time):
            return 0.0
        if found.regular >= layout.REGULAR:
            return SURE if len(frame) >= layout.FEWEST else PERHAPS if len(frame) >= SHORTEST else 0.0
        return PERHAPS if found.ordered and len(frame) >= layout.FEWEST else 0.0

    def _claims_files(self, store: Store) -> float:
        """A folder that holds at least two tables, or a file of an archive, and little else."""
        names = [n for n in store.names() if not Path(n).name.startswith(".")]
        tables = files_of.tables_in(store)
        if not tables or 2 * len(tables) < len(names):
            return 0.0
        if any(n.lower().endswith(archives.DOT_TS) for n in tables):
            return SURE
        try:
            if archives.is_archive(files_of.opened(store, tables[0])):
                return SURE
            frame = reading.load(files_of.opened(store, tables[0]), LOOKED_AT)
            found = layout.find(frame)
        except (UserError, *reading.READ_ERRORS):
            return 0.0
        return SURE if len(tables) > 1 and found is not None and found.entity is None else 0.0

    def open(self, path: Path, head: Head, name: str, *, split: str, holdout: float, asked: bool) -> Dataset:
        return SeriesFile(path=name, split="test" if split == "test" else "train", holdout=holdout).open()
