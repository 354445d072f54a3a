"""Which columns of a table are learned: numbers, words, and texts that are numbers; the others are named."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from ganforge.core import scratch
from ganforge.core.errors import UserError
from ganforge.data import amounts, long_columns
from ganforge.modalities.series import doubts, labels
from ganforge.modalities.series.layout import Said

MOSTLY_MISSING = 0.5  # of a column's values, from which it is left out


def learned_columns(
    name: str, values: Any, said: Said, starts: np.ndarray, notes: list[str]
) -> tuple[Any, dict[str, Mapping[str, Any]]]:
    """Columns of numbers as float64, of words as categories, and how numbers are written that no program reads; other
    columns are left out and named."""
    import pandas as pd

    kept, forms = {}, {}
    for c in values.columns:
        column = values[c]
        if (read := _from_texts(c, column, notes, c in said.numbers)) is not None:
            column, form = read
            if not amounts.is_plain(form):
                forms[c] = form
        number = pd.api.types.is_numeric_dtype(column.dtype)
        if number and not pd.api.types.is_bool_dtype(column.dtype):
            column = column.astype(column.dtype if not column.isna().any() else np.float64)
            column = long_columns.piecewise(functools.partial(_without, [*said.missing, np.inf, -np.inf]), column)
        if column.isna().mean() > MOSTLY_MISSING and c not in said.keep:
            continue
        if number:
            if len(column) > len(starts) + 1 and _counts(column, starts):
                continue  # a running number of the rows
            kept[c] = column
        elif column.nunique() <= labels.MOST_WORDS and not pd.api.types.is_datetime64_any_dtype(column.dtype):
            kept[c] = column.astype("string").str.slice(0, labels.WORD_LENGTH).astype("category")
    if left := [c for c in values.columns if c not in kept]:
        notes.append(f"not learned, for they hold no numbers, few values, or a running number: {', '.join(left)}")
    if not any(c for c in kept if not isinstance(kept[c].dtype, pd.CategoricalDtype)):
        raise UserError(f"data {name}: it has no column of numbers beside the time", code="series.no_numbers")
    found = pd.DataFrame(kept, copy=not scratch.is_long(len(values)))
    return found.drop(columns=doubts.report(found, starts, notes)), forms


def holds_numbers(column: Any) -> bool:
    """Whether a column holds numbers, or many texts that are numbers."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column.dtype):
        return not pd.api.types.is_bool_dtype(column.dtype) and bool(column.notna().any())
    return _form_of(column) is not None


def _form_of(column: Any, known: bool = False) -> dict[str, Any] | None:
    """How the texts of a column write numbers; None of a column of anything else.

    Args:
        known: it holds numbers; else few texts are words, such as grades.
    """
    import pandas as pd

    if not (pd.api.types.is_object_dtype(column.dtype) or pd.api.types.is_string_dtype(column.dtype)):
        return None
    texts = [text for text in column.dropna().unique() if isinstance(text, str) and text.strip()]
    return amounts.find(texts) if len(texts) > (0 if known else labels.MOST_WORDS) else None


def _from_texts(name: str, column: Any, notes: list[str], known: bool) -> tuple[Any, dict[str, Any]] | None:
    """A column of texts, of which nine of ten different ones are numbers, as numbers, and how they are written; None of
    any other column."""
    form = _form_of(column, known)
    if form is None:
        return None
    read = amounts.read(column, form).astype(np.float64).set_axis(column.index)
    others = Counter(column[read.isna() & column.notna()])
    if others:
        shown = ", ".join(f"{text!r} ({count:,})" for text, count in others.most_common(3))
        notes.append(f"column {name!r} holds numbers; {others.total():,} other values count as missing: {shown}")
    if not amounts.is_plain(form):
        notes.append(f"column {name!r}: texts are read as numbers ({amounts.said(form)})")
    return read, form


def _without(absent: list[float], values: Any) -> Any:
    return values.where(~values.isin(absent))


def _counts(column: Any, starts: np.ndarray) -> bool:
    """Whether a column goes up by one from row to row of every series."""
    for part in scratch.overlapping(len(column)):
        steps = np.diff(column.iloc[part].to_numpy(np.float64, na_value=np.nan)) == 1
        begins = starts[1:-1] - 1 - part.start
        steps[begins[(begins >= 0) & (begins < len(steps))]] = True
        if not steps.all():
            return False
    return True
