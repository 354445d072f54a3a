"""Rows that a table of series lacks altogether, such as hours without a line: added, with the values left empty; and
given files as their gaps are filled.

A row is added for each time between the first and the last of a series that the usual distance leads to, if all times
of the file lie on that grid. It holds the time as the file writes times, the name of its series, and what is constant
within the series. Where markets are closed nothing is absent: rows of business days are left as they are.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ganforge.core.errors import UserError
from ganforge.core.words import counted
from ganforge.inference.model import Model
from ganforge.modalities.series import layout, melted, reading
from ganforge.modalities.series.clock import STEP
from ganforge.modalities.series.dates import stamped
from ganforge.modalities.series.forecasting import source_for
from ganforge.modalities.series.layout import Layout, Said
from ganforge.modalities.series.reading import Unpacked
from ganforge.modalities.series.tasks.impute import Impute

log = logging.getLogger("ganforge")

MOST = 1.0
"""Added rows for each row of the file, at most: of more, the distance is not that of the data."""


class Completed(NamedTuple):
    """A file with its absent rows: what `reading.load` takes, the number of rows added, and why there are none."""

    file: Path | Unpacked
    added: int
    why_not: str = ""


def prepared(model: Model, data: Path | str, absent_rows: bool = True) -> Completed:
    """A file as its gaps are filled: a melted table wide, and with a row for each time, where the model is of equally
    spaced rows; says what was added, or why not."""
    path, state = Path(data), model.spec.state
    if not isinstance(model.recipe.task, Impute) or not reading.is_table(path):
        return Completed(path, 0)
    if not path.is_file():
        raise UserError(f"--data {data}: no such file", code="data.not_found")
    said, clock = source_for(model, data).said, state.get("clock")
    learned = any(column["name"] == STEP for column in state.get("columns", ()))
    try:
        file = melted.rewritten(path, said)
        if clock is None or learned or not absent_rows:
            return Completed(file, 0)
        found = completed(file, said, clock["step"])
    except reading.READ_ERRORS:  # whatever is wrong with it, the source says so
        return Completed(path, 0)
    if found.added:
        log.warning("data %s: %s added for times that had none", data, counted(found.added, "row"))
    elif found.why_not:
        log.warning("data %s: times without a row are left as they are: %s", data, found.why_not)
    return found


def completed(path: Path | Unpacked, said: Said, step: str) -> Completed:
    """The table of a file, with a row for each time.

    Args:
        step: the usual distance between rows, as a frequency of pandas.
    """
    import pandas as pd

    texts = not path.name.lower().endswith(reading.PARQUET)
    found = layout.find(reading.load(path).rename(columns=str), said)
    if found is None or step == "B":
        return Completed(path, 0)
    frame = reading.load(path, texts=texts).rename(columns=str)
    times = pd.Series(layout.moments(found.times), index=frame.index)
    groups = [frame.index] if found.entity is None else [*frame.groupby(found.entity, sort=False).groups.values()]
    grids = [pd.date_range(times[rows].min(), times[rows].max(), freq=step) for rows in groups]
    absent = [grid.difference(pd.DatetimeIndex(times[rows])) for grid, rows in zip(grids, groups, strict=True)]
    count = sum(map(len, absent))
    if not count:
        return Completed(path, 0)
    if any(len(grid) - len(gone) < len(rows) for grid, gone, rows in zip(grids, absent, groups, strict=True)):
        return Completed(path, 0, f"some times are not a multiple of {step} after the first of their series")
    if count > MOST * len(frame):
        return Completed(path, 0, f"that would be {count:,}, more than the file has")
    if texts and found.format is None and len(found.time) == 1:
        return Completed(path, 0, "the file writes times in several forms, or with a time zone")
    made = [_rows(frame, found, rows, gone) for rows, gone in zip(groups, absent, strict=True) if len(gone)]
    places = _places(times, [(rows, gone) for rows, gone in zip(groups, absent, strict=True) if len(gone)])
    whole = pd.concat([frame, *made], ignore_index=True).iloc[np.argsort(places, kind="stable")]
    return Completed(reading.packed(whole, path), count)


def _rows(frame: Any, found: Layout, rows: Any, gone: Any) -> Any:
    """The absent rows of one series, with empty values."""
    import pandas as pd

    own = frame.loc[rows]
    made = pd.DataFrame(index=range(len(gone)), columns=frame.columns, dtype=object)
    for name in frame.columns:
        values = own[name].unique()
        if name not in found.time and (name == found.entity or (len(values) == 1 and found.entity is not None)):
            made[name] = values[0]
        elif frame[name].dtype != object:
            made[name] = made[name].astype(frame[name].dtype if frame[name].dtype.kind in "Mf" else object)
    if found.format is None and len(found.time) == 1:
        own_type = frame[found.time[0]].dtype
        zoned = gone.tz_localize("UTC") if isinstance(own_type, pd.DatetimeTZDtype) else gone
        made[found.time[0]] = pd.Series(zoned).astype(own_type)
        return made
    for name, values in stamped(pd.Series(gone), found.time, found.format).items():
        made[name] = [_like(frame[name].iloc[0], value) for value in values]
    return made


def _like(example: Any, value: Any) -> Any:
    """A time or a part of one as the file has it: with leading zeros, or as a number."""
    if isinstance(example, str):
        text = str(value)
        return text.zfill(len(example)) if example[:1] == "0" else text
    return int(value)


def _places(times: Any, added: Sequence[tuple[Any, Any]]) -> np.ndarray:
    """A number for each row of the file, then for each added one, by which they are sorted.

    In a file in order of time a row stands where its time belongs, else next to the row of its series before it.
    """
    own = np.arange(len(times), dtype=float)
    found = [own]
    steps = np.diff(times.to_numpy())
    zero = np.timedelta64(0)
    for rows, gone in added:
        if (steps >= zero).all():
            found.append(np.searchsorted(times.to_numpy(), gone.to_numpy()) - 0.5)
            continue
        mine = times[rows].sort_values()
        places = np.searchsorted(mine.to_numpy(), gone.to_numpy())
        before, after = (own[mine.index[places - k]] for k in (1, 0))
        share = np.linspace(0.1, 0.9, len(gone))
        found.append(np.where(before < after, before + share, after + 1 - share))
    return np.concatenate(found)
