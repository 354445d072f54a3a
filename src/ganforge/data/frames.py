"""Writing DataFrames to files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ganforge.core.errors import MissingExtra

if TYPE_CHECKING:
    import pandas as pd


def write_text(frame: pd.DataFrame, path: Path, separator: str = ",") -> None:
    """Writes one line per row, below a header line."""
    frame.to_csv(path, index=False, sep=separator)


def write_parquet(frame: pd.DataFrame, path: Path) -> None:
    """Writes a Parquet file, which keeps the types of columns.

    Raises:
        MissingExtra: pyarrow is not installed.
    """
    try:
        frame.to_parquet(path, index=False)
    except ImportError:
        raise MissingExtra("pyarrow", "tables", "writing a Parquet file") from None
