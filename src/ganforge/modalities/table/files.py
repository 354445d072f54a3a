"""Rows as one file."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ganforge.core.types import Spec
from ganforge.data import frames
from ganforge.signals import Exporter

if TYPE_CHECKING:
    import pandas as pd


def write_text(samples: pd.DataFrame, path: Path, spec: Spec, separator: str = ",") -> None:
    frames.write_text(samples, path, separator)


def write_parquet(samples: pd.DataFrame, path: Path, spec: Spec) -> None:
    frames.write_parquet(samples, path)


FORMATS: Mapping[str, Exporter] = {
    ".csv": write_text,
    ".tsv": functools.partial(write_text, separator="\t"),
    ".parquet": write_parquet,
}
"""The writers, by the ending of a file's name."""
