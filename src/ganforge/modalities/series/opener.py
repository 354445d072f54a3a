"""Time series at a path: tables whose rows follow each other in time."""

from __future__ import annotations

from pathlib import Path

from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.data.opener import Head, Opener
from ganforge.modalities.series import reading
from ganforge.modalities.series.source import SeriesFile

LOOKED_AT = 2_000
SURE, PERHAPS = 0.97, 0.95  # that of a table is 0.95: a table that may be a series is asked about


class SeriesOpener(Opener, kind="series"):
    """CSV, TSV and Parquet files with a column of dates or times, each once, or once in each series of the file."""

    signal = "series"
    takes = "time series: .csv, .tsv, .parquet with a time column"
    endings = (".csv", ".tsv", ".parquet")

    def claims(self, path: Path, head: Head) -> float:
        if head.store is not None or not reading.is_table(path):
            return 0.0
        try:
            frame = reading.load(path, LOOKED_AT)
            found = reading.find(frame) if len(frame) >= reading.FEWEST else None
        except (UserError, *reading.READ_ERRORS):  # whatever is wrong with it, its opener as a table says so
            return 0.0
        others = 0 if found is None else len(frame.select_dtypes("number").columns.difference([*found.time]))
        if found is None or not others:
            return 0.0
        if found.regular >= reading.REGULAR:
            return SURE
        return PERHAPS if found.ordered else 0.0

    def open(self, path: Path, head: Head, name: str, *, split: str, holdout: float, asked: bool) -> Dataset:
        return SeriesFile(path=name, split="test" if split == "test" else "train", holdout=holdout).open()
