"""Reads tables that describe samples: CSV, TSV, Parquet, JSON lines, and the one-dimensional arrays of an .npz file."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ganforge.core.errors import UserError
from ganforge.data import opener as openers
from ganforge.data.columns import Column, Columns
from ganforge.registry import load_all

LINES = (".jsonl", ".ndjson")


def read(path: Path, name: str, field: str = "labels") -> Columns:
    """The columns of a file: CSV, TSV, Parquet, JSON lines, or the one-dimensional arrays of an .npz file.

    Args:
        name: the user's name for it. field: of the data source, which names it.

    Raises:
        UserError: there is no such file, or it cannot be read.
    """
    where = f"data.{field}={name}"
    if not path.is_file():
        raise UserError(f"{where}: no such file", code="data.labels_not_found")
    if path.suffix.lower() in LINES:
        return of_records(_lines(path, where), name)
    if path.suffix.lower() == ".npz":
        return of_arrays(_arrays(path, where), name)
    found = _asked(path, name)
    if found is None:
        raise UserError(
            f"{where}: not a table. Expected .csv, .tsv, .parquet, .jsonl, or an .npz of columns",
            code="data.labels_not_a_table",
        )
    return found


def of_records(records: Sequence[Mapping[str, Any]], name: str) -> Columns:
    """The columns of records, one per row; what a record lacks is missing. Lists are several labels."""
    names = list(dict.fromkeys(str(key) for record in records for key in record))
    return of_arrays({key: [record.get(key) for record in records] for key in names}, name)


def of_arrays(columns: Mapping[str, Sequence[Any]], name: str) -> Columns:
    """Columns of one length, in memory."""
    import pandas as pd

    lists = {key: values for key, values in columns.items() if any(isinstance(v, list) for v in values)}
    nested = [key for key, values in columns.items() if any(isinstance(v, dict) for v in values)]
    plain = {key: values for key, values in columns.items() if key not in lists and key not in nested}
    notes = [f"{', '.join(nested)} left out, which holds objects"] if nested else []
    found = _asked(pd.DataFrame(plain), name) if plain else Columns(name, ())
    assert found is not None, "no opener knows tables"
    labels = [Column(key, "labels", [_texts(v) for v in values]) for key, values in lists.items()]
    return Columns(name, (*found.each, *labels), (*found.notes, *notes))


def _texts(value: Any) -> list[str] | None:
    if value is None:
        return None
    return [str(one) for one in (value if isinstance(value, list) else [value])]


def _asked(table: Any, name: str) -> Columns | None:
    """What the first opener says that knows tables."""
    load_all()
    return next((found for one in openers.openers() if (found := one.columns(table, name)) is not None), None)


def _lines(path: Path, where: str) -> list[dict[str, Any]]:
    try:
        texts = path.read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise UserError(f"{where}: JSON is UTF-8, and this file is not ({error})",
                        code="data.labels_unreadable") from None  # fmt: skip
    records = []
    for number, text in enumerate(texts, 1):
        if text.strip():
            records.append(record_of(text, f"{where}, line {number}"))
    if not records:
        raise UserError(f"{where}: the file is empty", code="data.labels_unreadable")
    return records


def record_of(text: str | bytes, where: str) -> dict[str, Any]:
    """The object that a JSON text holds.

    Raises:
        UserError: it is not JSON, or not an object.
    """
    try:
        found = json.loads(text)
    except ValueError as error:
        raise UserError(f"{where}: not JSON ({error})", code="data.labels_unreadable") from None
    if not isinstance(found, dict):
        raise UserError(f'{where}: expected an object such as {{"color": "red"}}', code="data.labels_unreadable")
    return found


def _arrays(path: Path, where: str) -> dict[str, list[Any]]:
    """The one-dimensional arrays of the most frequent length."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
    except (ValueError, OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise UserError(
            f"{where}: cannot be read as arrays ({str(error)[:120]})", code="data.labels_unreadable"
        ) from None
    columns = {key: array for key, array in arrays.items() if array.ndim == 1}
    most = max((len(array) for array in columns.values()), default=0)
    if not most:
        raise UserError(
            f"{where}: none of its arrays ({', '.join(arrays)}) has one axis, with a value per sample",
            code="data.labels_not_a_table",
        )
    return {key: array.tolist() for key, array in columns.items() if len(array) == most}
