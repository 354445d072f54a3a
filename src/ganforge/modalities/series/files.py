"""Windows as one table, as the real one is: a row a step, columns in their order, types, precision and time stamps."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ganforge.core.types import Spec
from ganforge.data import frames
from ganforge.signals import Exporter, save_array

SERIES = "series"


def to_frame(samples: np.ndarray, spec: Spec, start: int = 0) -> Any:
    """Windows [N, T, C] below each other, as a DataFrame.

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
    for k, column in enumerate(state["columns"]):
        columns[column["name"]] = _typed(samples[:, :, k].ravel(), column)
    if state["clock"] is not None:
        columns |= _stamps(state["clock"], count, length)
    first = [] if state["entity"] else [_free(SERIES, state["order"])]
    return pd.DataFrame(columns)[[*first, *state["order"]]]


def _free(name: str, taken: list[str]) -> str:
    while name in taken:
        name = f"{name}_"
    return name


def _typed(values: np.ndarray, column: Mapping[str, Any]) -> np.ndarray:
    values = values.clip(column["low"], column["high"])
    if column["decimals"] >= 0:
        values = values.round(column["decimals"])
    if column["dtype"] == "bool":
        return values >= 0.5
    plain = column["dtype"].startswith(("int", "uint", "float32"))  # those of pandas that may miss values: as float64
    return values.astype(column["dtype"] if plain else np.float64)


def _stamps(clock: Mapping[str, Any], count: int, length: int) -> dict[str, Any]:
    import pandas as pd

    times = pd.date_range(pd.Timestamp(clock["last"]), periods=length + 1, freq=clock["step"])[-length:]
    if len(clock["names"]) > 1:
        return {name: np.tile(getattr(times, name.lower()), count) for name in clock["names"]}
    shown = pd.Index([written(time, clock["format"]) for time in times]) if clock["format"] else times
    if clock["format"] == "%Y":
        shown = shown.astype(int)
    return {clock["names"][0]: np.tile(shown.to_numpy(), count)}


def written(time: Any, form: str) -> str:
    """A time in a form of `strftime`, in which `%-d` and `%-m`, which not every system knows, have no leading zero."""
    return time.strftime(form.replace("%-d", str(time.day)).replace("%-m", str(time.month)))


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
