"""DataFrames as files, and how files of numbers separate and write them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ganforge.core.errors import MissingExtra

if TYPE_CHECKING:
    import pandas as pd

NO_COMMAS = (";", "\t", "|")
ALIKE = 0.9  # of the lines; a few may be cut short
DECIMAL_COMMA = re.compile(r"\d,(?:\d{1,2}|\d{4,})(?![\d,])")  # a comma between thousands has three digits after it


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


def write(frame: pd.DataFrame, path: Path, separator: str = ",") -> None:
    """Writes .parquet, .tsv, or else text with this separator.

    Raises:
        MissingExtra: pyarrow is not installed.
    """
    if path.suffix.lower() == ".parquet":
        write_parquet(frame, path)
    else:
        write_text(frame, path, "\t" if path.suffix.lower() == ".tsv" else separator)


def separators(lines: Iterable[str]) -> tuple[str, str]:
    """The delimiter and the decimal sign of a text file of numbers, from its first lines."""
    lines = [line for line in lines if line.strip()]
    delimiter = next((one for one in NO_COMMAS if lines and _splits_alike(lines, one)), ",")
    comma = delimiter != "," and any(DECIMAL_COMMA.search(line) for line in lines)
    return delimiter, "," if comma else "."


def _splits_alike(lines: list[str], delimiter: str) -> bool:
    """Whether nearly all lines have as many fields as the first, and more than one."""
    often = lines[0].count(delimiter)
    return often > 0 and sum(line.count(delimiter) == often for line in lines) >= ALIKE * len(lines)
