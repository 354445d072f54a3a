"""Windows as one table, as the real one is: a row a step, columns in their order, types, precision and time stamps."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ganforge.core.types import Spec
from ganforge.data import amounts, frames
from ganforge.modalities.series import changes
from ganforge.modalities.series.clock import STEP
from ganforge.modalities.series.dates import stamped
from ganforge.signals import Exporter, save_array

SERIES = "series"


def to_frame(samples: np.ndarray, spec: Spec, start: int = 0) -> Any:
    """Windows [N, T, C] below each other, as a DataFrame; of whole series the rows up to their end.

    The column that named the real series, or a new first column, numbers them. Every window is stamped from the step
    after the last real row on: a time that no real row has.
    """
    import pandas as pd

    state = spec.state
    count, length, _ = samples.shape
    names = (
        [f"{SERIES} {k + 1}" for k in range(start, start + count)] if state["entity"] else range(start, start + count)
    )
    columns: dict[str, Any] = {state["entity"] or _free(SERIES, state["order"]): np.repeat(np.array(names), length)}
    steps = None
    if state.get("levels"):
        samples = changes.restored(samples, state)
    for k, column in enumerate(state.get("levels") or state["columns"]):
        if column["name"] == STEP:
            steps = samples[:, :, k]
        else:
            columns[column["name"]] = typed(samples[:, :, k].ravel(), column)
    if state["clock"] is not None:
        columns |= _stamps(state["clock"], count, length, steps)
    first = [] if state["entity"] else [_free(SERIES, state["order"])]
    frame: Any = pd.DataFrame(columns)[[*first, *(c for c in state["order"] if c != STEP)]]
    if state.get("ends"):
        frame = frame[~np.isnan(samples).all(2).ravel()].reset_index(drop=True)
    return frame


def _free(name: str, taken: list[str]) -> str:
    while name in taken:
        name = f"{name}_"
    return name


def typed(values: np.ndarray, column: Mapping[str, Any]) -> np.ndarray:
    missing = np.isnan(values)
    if column.get("words"):
        words = np.array([*column["words"], None], dtype=object)
        return words[np.where(missing, len(words) - 1, values).astype(int)]
    if "last" not in column:  # levels that go on from the last real ones may leave the bounds of the data
        values = values.clip(column["low"], column["high"])
    if column["decimals"] >= 0:
        values = values.round(column["decimals"])
    if column.get("form"):
        texts = np.array(amounts.write(values[~missing], dict(column["form"]), None), dtype=object)
        found = np.full(len(values), None, dtype=object)
        found[~missing] = texts
        return found
    if column["dtype"] == "bool" and not missing.any():
        return values >= 0.5
    plain = column["dtype"].startswith(("int", "uint", "float32"))  # those of pandas that may miss values: as float64
    return values.astype(column["dtype"] if plain and not missing.any() else np.float64)


def _stamps(clock: Mapping[str, Any], count: int, length: int, steps: np.ndarray | None) -> dict[str, Any]:
    """The columns of times. steps: seconds since the row before, [N, T], where these are learned."""
    import pandas as pd

    last = pd.Timestamp(clock["last"])
    if steps is None:
        times = pd.date_range(last, periods=length + 1, freq=clock["step"])[-length:]
        every = pd.Series(np.tile(times.to_numpy(), count))
    else:
        seconds = np.nan_to_num(steps).clip(0).round().cumsum(1).ravel()
        every = pd.Series(last + pd.to_timedelta(seconds, unit="s"))
    return stamped(every, clock["names"], clock["format"])


def write_text(samples: np.ndarray, path: Path, spec: Spec, separator: str = ",") -> None:
    frames.write_text(to_frame(samples, spec), path, separator)


def write_parquet(samples: np.ndarray, path: Path, spec: Spec) -> None:
    frames.write_parquet(to_frame(samples, spec), path)


FORMATS: Mapping[str, Exporter] = {
    ".csv": write_text,
    ".tsv": functools.partial(write_text, separator="\t"),
    ".parquet": write_parquet,
    ".npy": save_array,
}
