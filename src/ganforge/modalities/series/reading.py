"""Files of tables of time series: their rows and columns, as pandas has them."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from itertools import islice
from pathlib import Path
from typing import Any

from ganforge.core import scratch
from ganforge.core.extras import need
from ganforge.data import arff, long_columns
from ganforge.data.frames import separators

TEXT, PARQUET = (".csv", ".tsv", ".csv.gz", ".tsv.gz"), (".parquet", ".pq")
HEAD = 100  # lines that show how numbers are written
READ_ERRORS = (ValueError, OSError, EOFError, zlib.error, csv.Error)


class Unpacked:
    """The content of a file in a zip, with what `load` asks of a path."""

    def __init__(self, name: str, content: bytes):
        self.name, self.suffix, self.content = name, Path(name).suffix, content

    def open(self, mode: str = "rb") -> io.BytesIO:
        return io.BytesIO(self.content)


def is_table(path: Path) -> bool:
    return path.name.lower().endswith((*TEXT, *PARQUET, arff.ENDING))


def marks_of(path: Path | Unpacked) -> tuple[str, str]:
    """What separates values in a file of text, and its decimal point."""
    if path.name.lower().endswith(arff.ENDING):
        return ",", "."
    with path.open("rb") as file:
        lines = gzip.GzipFile(fileobj=file) if path.suffix == ".gz" else file
        return separators(line.decode("utf-8-sig") for line in [lines.readline(), *islice(lines, HEAD)])


def load(path: Path | Unpacked, rows: int | None = None, texts: bool = False) -> Any:
    """The table of a file, or its first rows.

    Args:
        texts: all values as they are written.

    Raises:
        READ_ERRORS: it cannot be read.
    """
    need("pandas", "a table of time series")
    import pandas as pd

    if path.name.lower().endswith(PARQUET):
        need("pyarrow", "reading a Parquet file")
        if rows is None:
            return pd.read_parquet(path if isinstance(path, Path) else path.open())
        return _first_of_parquet(path, rows)
    if path.name.lower().endswith(arff.ENDING):
        with path.open("rb") as opened:
            return arff.table(opened, path.name, rows, texts)
    delimiter, decimal = marks_of(path)

    def read(**how: Any) -> Any:
        return pd.read_csv(
            file, sep=delimiter, decimal=decimal, encoding="utf-8-sig", skipinitialspace=True,
            compression="gzip" if path.suffix == ".gz" else None,
            dtype=str if texts else None, keep_default_na=not texts, **how,
        )  # fmt: skip

    with path.open("rb") as file:
        if rows is not None:
            return read(nrows=rows)
        try:
            return long_columns.rows_of(read(chunksize=scratch.AT_ONCE))
        except TypeError:  # a column is of numbers in one part and of texts in another
            file.seek(0)
            return read()


def packed(frame: Any, like: Path | Unpacked) -> Unpacked:
    """A table as the content of a file of the same kind as another: of text with the same separator."""
    content, name = io.BytesIO(), like.name.removesuffix(".gz")
    if like.name.lower().endswith(PARQUET):
        frame.to_parquet(content, index=False)
    else:
        frame.to_csv(content, sep=marks_of(like)[0], index=False)
        name = f"{name}.csv" if name.lower().endswith(arff.ENDING) else name
    return Unpacked(name, content.getvalue())


def _first_of_parquet(path: Path | Unpacked, rows: int) -> Any:
    """The first rows of a Parquet file, without those that follow."""
    import pyarrow as pa
    import pyarrow.parquet

    with path.open("rb") as opened:
        file = pyarrow.parquet.ParquetFile(opened)
        batch = next(file.iter_batches(rows), None)
        return (file.schema_arrow.empty_table() if batch is None else pa.Table.from_batches([batch])).to_pandas()
