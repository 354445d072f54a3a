"""Rows as one file."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganforge.core.errors import MissingExtra
from ganforge.core.types import Spec
from ganforge.data import frames
from ganforge.modalities.table import rows
from ganforge.signals import Appender, Exporter

if TYPE_CHECKING:
    import pandas as pd


def write_text(samples: pd.DataFrame, path: Path, spec: Spec, separator: str = ",") -> None:
    frames.write_text(samples, path, separator)


def write_parquet(samples: pd.DataFrame, path: Path, spec: Spec) -> None:
    frames.write_parquet(samples, path)


@contextmanager
def appending_text(path: Path, spec: Spec, separator: str = ",") -> Iterator[Callable[[pd.DataFrame], None]]:
    """What adds rows to a new text file, with identifiers that go on from part to part."""
    written = 0
    with path.open("w", encoding="utf-8", newline="") as file:

        def add(samples: pd.DataFrame) -> None:
            nonlocal written
            part = rows.renumbered(samples, written, spec)
            part.to_csv(file, index=False, sep=separator, header=written == 0)
            written += len(part)

        yield add


@contextmanager
def appending_parquet(path: Path, spec: Spec) -> Iterator[Callable[[pd.DataFrame], None]]:
    """The same of a Parquet file.

    Raises:
        MissingExtra: pyarrow is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise MissingExtra("pyarrow", "tables", "writing a Parquet file") from None
    written, writer = 0, None

    def add(samples: pd.DataFrame) -> None:
        nonlocal written, writer
        part = rows.renumbered(samples, written, spec)
        if writer is None:
            schema = pyarrow.Schema.from_pandas(part, preserve_index=False)
            writer = pyarrow.parquet.ParquetWriter(path, _with_texts(pyarrow, schema))
        writer.write_table(pyarrow.Table.from_pandas(part, writer.schema, preserve_index=False))
        written += len(part)

    try:
        yield add
    finally:
        if writer is not None:
            writer.close()


def _with_texts(pyarrow: Any, schema: Any) -> Any:
    """A schema in which columns that hold nothing in the first part, and so have no type, hold texts."""
    for k, field in enumerate(schema):
        if pyarrow.types.is_null(field.type):
            schema = schema.set(k, field.with_type(pyarrow.string()))
    return schema


APPENDERS: Mapping[str, Appender] = {
    ".csv": appending_text,
    ".tsv": functools.partial(appending_text, separator="\t"),
    ".parquet": appending_parquet,
}
"""Those that add rows part by part, by the ending of a file's name."""
FORMATS: Mapping[str, Exporter] = {
    ".csv": write_text,
    ".tsv": functools.partial(write_text, separator="\t"),
    ".parquet": write_parquet,
}
"""The writers, by the ending of a file's name."""
