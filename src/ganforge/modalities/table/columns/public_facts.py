"""What a described column says in `Spec.state["columns"]`: values to pick from, and public bins of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic_core import PydanticCustomError

from ganforge.core.component import Component
from ganforge.modalities.table.columns import modes

if TYPE_CHECKING:
    import pandas as pd

BINS = 10


class PublicColumn(Component, family="column"):
    """What is known of a column of a table without looking at it."""

    def facts(self) -> dict[str, Any]:
        """Its entry in `Spec.state["columns"]`, but for the name."""
        raise NotImplementedError

    def cells(self, values: pd.Series) -> pd.Series:
        """Each cell, by itself, as a value that the column may have; missing where it fits none."""
        raise NotImplementedError


def wrong(message: str) -> PydanticCustomError:
    return PydanticCustomError("component", "{message}", {"message": message})  # type: ignore[arg-type]


def picked(values: Sequence[Any], dtype: str, missing: bool) -> dict[str, Any]:
    """Facts of a column whose values are picked, all as likely as each other."""
    places = [*values, None] if missing else list(values)
    return {
        "dtype": dtype,
        "missing": 1 / len(places) if missing else 0.0,
        "encoding": "onehot",
        "missing_at": len(values) if missing else None,
        "other_at": None,
        "values": places,
        "counts": [1] * len(places),
    }


def stepped(starts: int | Sequence[int], count: int, missing: bool) -> dict[str, Any]:
    """Facts of bins over the whole steps 0..count: how many, or where each begins."""
    even = np.linspace(0, count + 1, min(starts, count + 1), endpoint=False) if isinstance(starts, int) else starts
    begin = np.unique([0, *even]).round().astype(int)
    end = np.append(begin[1:], count + 1)
    return parts((begin + end - 1) / count - 1, (end - begin) / count, missing)


def parts(means: np.ndarray, scales: np.ndarray, missing: bool) -> dict[str, Any]:
    """Facts of bins in [-1, 1] from their middles and half widths, [K] each, all as likely as each other."""
    k = len(means)
    found = {"means": means.tolist(), "scales": scales.tolist(), "weights": [1 / k] * k, "tail": False}
    return {
        "missing": 1 / (k + 1) if missing else 0.0,
        "encoding": "minmax" if k == 1 else "mixture",
        "modes": modes.ONE if k == 1 else found,
    }


def check_bounds(low: float, high: float, bins: int | Sequence[float]) -> None:
    """Raises pydantic's error unless bounds and bins ascend."""
    if not low < high:
        raise wrong("min must be below max")
    if isinstance(bins, int):
        if not 1 <= bins <= 1000:
            raise wrong(f"bins={bins}: it must be from 1 to 1000")
    elif list(bins) != sorted(set(bins)) or not bins or bins[0] < low or bins[-1] >= high:
        raise wrong("bins: a list gives the start of each bin, ascending, from min to below max")


def type_of(values: Sequence[Any], missing: bool) -> str:
    if any(isinstance(v, str) for v in values):
        return "str"
    if any(isinstance(v, float) for v in values):
        return "float64"
    return "Int64" if missing else "int64"
