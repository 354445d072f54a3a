"""What does not change within a series: its label, and the attributes that describe it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ganforge.core.errors import UserError, did_you_mean
from ganforge.modalities.series.layout import Layout, Said

MOST_WORDS = 20  # of a column, up to which it is a category
MOST_LABELS = 200
WORD_LENGTH = 60


def of_series(
    frame: Any, found: Layout, said: Said, starts: np.ndarray, names: list[str], notes: list[str]
) -> tuple[dict[str, int], tuple[str, ...], list[str]]:
    """The label of each series, the names of labels, and the columns that do not change within a series."""
    if said.label is not None and said.label not in frame.columns:
        raise UserError(
            f"data.label: the data has no column {said.label!r}{did_you_mean(said.label, map(str, frame.columns))}",
            code="column.not_found",
        )
    if found.entity is None:
        return {}, (), []
    first = frame.iloc[starts[:-1]]
    others = [c for c in frame.columns if c not in (*found.time, found.entity)]
    of_row = np.repeat(np.arange(len(names)), np.diff(starts))
    static = []
    for c in others:
        column = frame[c].astype(str).to_numpy()
        constant = (column == column[starts[:-1]][of_row]).all()
        if constant and (c in said.attributes or (len(names) > 1 and first[c].nunique() > 1)):
            static.append(c)
    if said.label is not None and said.label not in (*static, found.entity):
        raise UserError(
            f"data.label={said.label}: this column changes within a series, and a label holds for all of one",
            code="series.label_changes",
        )
    words = [c for c in static if first[c].nunique() <= min(MOST_LABELS, len(names) - 1)]
    label = said.label or (words[0] if words else found.entity)
    values = [str(v) for v in first[label]]
    kinds = tuple(dict.fromkeys(values)) if label == found.entity else tuple(sorted(set(values)))
    if left := [c for c in static if c != label]:
        notes.append(
            f"the same in all rows of a series, and left out: {', '.join(left)} (signal.attributes=true makes them "
            "conditions of forecasts and of filled gaps)"
        )
    if not 2 <= len(kinds) <= MOST_LABELS:
        return {}, (), static
    if label != found.entity:
        notes.append(f"the label of a series is its {label!r}, for conditional models")
    return {name: kinds.index(v) for name, v in zip(names, values, strict=True)}, kinds, static


def attributes(
    first: Any, static: list[str], names: list[str]
) -> tuple[tuple[tuple[str, tuple[str, ...]], ...], dict[str, np.ndarray]]:
    """The name and the words of each column that describes series, and its value of each: words as their place.

    Args:
        first: the first row of each series.
    """
    import pandas as pd

    found, values = [], []
    for c in static:
        if pd.api.types.is_numeric_dtype(first[c].dtype) and not first[c].isna().any():
            found.append((c, ()))
            values.append(first[c].to_numpy(np.float64))
        elif first[c].nunique() <= MOST_WORDS:
            texts = [str(v)[:WORD_LENGTH] for v in first[c]]
            words = tuple(sorted(set(texts)))
            found.append((c, words))
            values.append(np.array([words.index(text) for text in texts], np.float64))
    if not found:
        return (), {}
    return tuple(found), dict(zip(names, np.stack(values, 1), strict=True))
