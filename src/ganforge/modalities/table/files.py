"""Rows as one file."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ganforge.core.errors import MissingExtra
from ganforge.core.types import Spec
from ganforge.signals import Exporter

if TYPE_CHECKING:
    import pandas as pd


def write_text(samples: pd.DataFrame, path: Path, spec: Spec, separator: str = ",") -> None:
    """Rows as text, a line each under a line of names."""
    samples.to_csv(path, index=False, sep=separator)


def write_parquet(samples: pd.DataFrame, path: Path, spec: Spec) -> None:
    """Rows as a Parquet file, which keeps the types of columns."""
    try:
        samples.to_parquet(path, index=False)
    except ImportError:
        raise MissingExtra("pyarrow", "tables", "writing a Parquet file") from None


FORMATS: Mapping[str, Exporter] = {
    ".csv": write_text,
    ".tsv": functools.partial(write_text, separator="\t"),
    ".parquet": write_parquet,
}
"""The writers, by the ending of a file's name."""
