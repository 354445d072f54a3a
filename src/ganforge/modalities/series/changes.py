"""Changes from row to row in place of levels: differences, or log returns of prices, and back to levels.

    difference  r_t = v_t − v_{t−1}          log  r_t = ln v_t − ln v_{t−1}

Windows then hold changes, in samples and in figures; files hold levels again, which go on from the last real ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from ganforge.core.errors import UserError
from ganforge.modalities.series.clock import STEP
from ganforge.modalities.series.source import SeriesSet

KINDS = ("none", "difference", "log")


def changed(whole: SeriesSet, how: str) -> SeriesSet:
    """The series with changes in place of their columns of numbers; each is a row shorter.

    Raises:
        UserError: values that are not above 0 have no logarithm, or no series has two rows.
    """
    at = [k for k, c in enumerate(whole.columns) if not c.words and c.name != STEP]
    low = {c.name: c.low for k, c in enumerate(whole.columns) if k in at}
    if how == "log" and (bad := [name for name, value in low.items() if value <= 0]):
        raise UserError(
            f"data {whole.name}: signal.change=log takes logarithms, and {', '.join(bad[:5])} has values that are not "
            "above 0. Use signal.change=difference, or leave those columns out of the file",
            code="series.not_positive",
        )
    series, missing = {}, {}
    for name, rows in whole.series.items():
        if len(rows) < 2:
            continue
        moved = rows[1:].copy()
        levels = np.log(rows[:, at]) if how == "log" else rows[:, at]
        moved[:, at] = np.diff(levels, axis=0)
        series[name], missing[name] = moved, whole.missing[name][1:]
    if not series:
        raise UserError(f"data {whole.name}: no series has two rows", code="series.shorter_than_window")
    every = np.concatenate(list(series.values()))
    columns = tuple(
        replace(c, dtype="float64", decimals=-1, low=float(every[:, k].min()), high=float(every[:, k].max()))
        if k in at else c
        for k, c in enumerate(whole.columns)
    )  # fmt: skip
    times = {name: stamps[1:] for name, stamps in whole.times.items() if name in series}
    rows = {name: at[1:] for name, at in whole.rows.items() if name in series}
    kind_of = {name: whole.kind_of[name] for name in series if name in whole.kind_of}
    notes = [*whole.notes, f"learned as {'log returns' if how == 'log' else 'differences'} from row to row"]
    found = replace(
        whole.found, series=series, missing=missing, columns=columns, times=times, rows=rows, kind_of=kind_of,
        notes=notes,
    )  # fmt: skip
    return SeriesSet(whole.name, found, f"{whole.digest} {how}")


def levels_of(whole: SeriesSet) -> list[dict[str, Any]]:
    """What levels need to come back: each column as it is, and its newest value, which may be held back from training:
    samples are stamped from the newest row on."""
    pairs = zip(whole.columns, whole.newest, strict=True)
    return [asdict(column) | {"words": list(column.words), "last": float(value)} for column, value in pairs]


def restored(samples: np.ndarray, state: Mapping[str, Any]) -> np.ndarray:
    """Samples of changes [N, T, C] as levels that go on from the last real ones."""
    values = samples.copy()
    for k, level in enumerate(state["levels"]):
        if level["words"] or level["name"] == STEP:
            continue
        total = np.nancumsum(samples[..., k], axis=1)
        values[..., k] = level["last"] * np.exp(total) if state["change"] == "log" else level["last"] + total
        values[..., k][np.isnan(samples[..., k])] = np.nan
    return values
