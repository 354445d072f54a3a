"""Tables at a path: files whose name says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ganforge.data.columns import Columns
from ganforge.data.given import Given
from ganforge.data.opener import Head, Opener
from ganforge.modalities.table import described
from ganforge.modalities.table.source import FrameData, TableFile, TableSet, is_table


class TableOpener(Opener, kind="table"):
    """CSV, TSV, Parquet and ARFF files."""

    signal = "table"
    takes = "a table: .csv, .tsv, .parquet, .arff"
    endings = (".csv", ".tsv", ".parquet", ".arff")

    def claims(self, path: Path, head: Head) -> float:
        return 0.95 if head.store is None and is_table(path) else 0.0

    def open(self, path: Path, head: Head, name: str, *, split: str, holdout: float, asked: bool) -> TableSet:
        part = "test" if split in ("test", "val") else "train"
        return TableFile(path=name, split=part, holdout=0.0 if split == "all" else holdout).open()

    def columns(self, table: Any, name: str) -> Columns | None:
        return described.columns(table, name) if not isinstance(table, Path) or is_table(table) else None

    def source_of(self, given: Given) -> FrameData | None:
        frame = given.samples
        if type(frame).__module__.split(".")[0] in ("pyarrow", "polars", "datasets") and hasattr(frame, "to_pandas"):
            frame = frame.to_pandas()
        if type(frame).__module__.split(".")[0] != "pandas" or not hasattr(frame, "columns"):
            return None
        return FrameData.of(frame)
