"""Rows of a table as the floats that are kept of them, and encoded rows as a table again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ganforge.core.types import Spec
from ganforge.data import amounts, dates
from ganforge.modalities.table.columns import categories, grid, identifiers, kinds, modes, quantiles

if TYPE_CHECKING:
    import pandas as pd


def stored(frame: Any, spec: Spec) -> np.ndarray:
    """Rows of a table as float32 [N, S]."""
    return packed(
        len(frame),
        lambda column: categories.codes(frame[column["name"]], column),
        lambda column: grid.to_unit(kinds.as_numbers(frame[column["name"]], column), column),
        spec,
    )


def packed(
    n: int,
    codes: Callable[[dict[str, Any]], np.ndarray],
    units: Callable[[dict[str, Any]], np.ndarray],
    spec: Spec,
) -> np.ndarray:
    """`n` rows as float32 [n, S].

    Args:
        codes: of a column that is picked, the place of each value [n], as `categories.codes` has it.
        units: of a column of numbers, float64 [n] in [-1, 1], as `grid.to_unit` has them.
    """
    columns = spec.state["columns"]
    picked = [c for c in columns if c["encoding"] == "onehot"]
    numeric = [c for c in columns if "modes" in c]
    c, m = len(picked), len(numeric)
    kept = np.empty((n, c + 2 * m), np.float32)
    for k, column in enumerate(picked):
        kept[:, k] = codes(column)
    for k, column in enumerate(numeric):
        v = units(column)
        if column["encoding"] == "quantile":
            v = quantiles.encode(v, column["knots"])
        kept[:, c + k] = v
        kept[:, c + m + k] = np.nan_to_num(v - kept[:, c + k])
    return kept


def decoded(rows: np.ndarray, spec: Spec) -> pd.DataFrame:
    """Encoded rows, float32 [N, D], as a DataFrame with the columns, types, precision and bounds of the real table."""
    import pandas as pd

    parts = {(block["column"], block["role"]): block for block in spec.state["blocks"]}
    series: dict[str, pd.Series] = {}
    for column in spec.state["columns"]:
        name = column["name"]
        block = {
            role: _part(rows, parts[name, role]) for role in ("value", "mode", "category") if (name, role) in parts
        }
        if column["kind"] == "identifier":
            series[name] = restore(identifiers.make(column, 0, len(rows)), column)
        elif column["kind"] == "constant":
            series[name] = restore([column["value"]] * len(rows), column)
        elif column["kind"] == "name":
            series[name] = restore(categories.draw_rare(rows, column), column)
        elif "category" in block:
            series[name] = _picked(block["category"].argmax(1), rows, column)
        else:
            series[name] = _measured(block["value"][:, 0], block.get("mode"), column)
    return pd.DataFrame(series, index=pd.RangeIndex(len(rows)))


def renumbered(samples: pd.DataFrame, start: int, spec: Spec) -> pd.DataFrame:
    """The same rows, with the identifiers of the rows from `start` on."""
    found = [c for c in spec.state["columns"] if c["kind"] == "identifier"]
    made = {c["name"]: restore(identifiers.make(c, start, len(samples)), c) for c in found}
    return samples.assign(**made) if made else samples


def restore(values: Any, column: dict[str, Any]) -> pd.Series:
    """Values, None where missing, as a column of the real one's type."""
    import pandas as pd

    dtype = column["dtype"]
    if column["kind"] == "identifier" and isinstance(values, np.ndarray):
        return _of_numbers(values, dtype)
    if dtype == "category":
        return pd.Series(pd.Categorical(values, categories=column["categories"], ordered=column["ordered"]))
    series = pd.Series(values, dtype=object)
    if dtype == "str" and int(pd.__version__.split(".")[0]) < 3:
        return series  # trained with pandas 3, used with pandas 2, which has no such type
    return series.astype(dtype)


def _of_numbers(values: np.ndarray, dtype: str) -> pd.Series:
    """Numbers as a column of a type, or of a wider one where some are beyond it."""
    import pandas as pd

    series = pd.Series(values)
    if values.dtype == object:  # beyond every type
        return series
    plain = np.dtype(dtype.lower())
    if (
        plain.kind in "iu"
        and len(values)
        and not np.iinfo(plain).min <= values.min() <= values.max() <= np.iinfo(plain).max
    ):
        return series.astype("Int64" if dtype[0].isupper() else values.dtype)
    return series.astype(dtype)


def _part(rows: np.ndarray, block: dict[str, Any]) -> np.ndarray:
    return rows[:, block["start"] : block["start"] + block["width"]]


def _picked(places: np.ndarray, rows: np.ndarray, column: dict[str, Any]) -> pd.Series:
    """The values at some places of a category block."""
    values, other = list(column["values"]), column["other_at"]
    if other is None:
        return restore(values, column).take(places).reset_index(drop=True)
    values[other] = column["rare"]["values"][0]  # of the right type; each is drawn below
    series = restore(values, column).take(places).reset_index(drop=True)
    of_bucket = np.flatnonzero(places == other)
    if len(of_bucket):
        series.iloc[of_bucket] = restore(categories.draw_rare(rows[of_bucket], column), column).to_numpy()
    return series


def _measured(value: np.ndarray, mode: np.ndarray | None, column: dict[str, Any]) -> pd.Series:
    """Numbers or dates from their place in a mode [N] and the modes [N, K or K + 1]."""
    import pandas as pd

    found = column["modes"]
    which = np.zeros(len(value), np.int64) if mode is None else mode.argmax(1)
    missing = which == len(found["means"])
    which = np.where(missing, 0, which)
    # The same float32 numbers that encoding used.
    means, scales = (np.array(found[name], np.float32).astype(np.float64)[which] for name in ("means", "scales"))
    v = means + scales * value.clip(-1, 1).astype(np.float64)
    # A mode of one number is that number, wherever in it a net puts the row: its width is there for rounding alone.
    # A range of two close numbers is wider, by as little as half a step of the grid.
    v = np.where(np.asarray(modes.of_one_number(found))[which], np.asarray(found["means"])[which], v)
    if column["encoding"] == "quantile":
        v = quantiles.decode(v, column["knots"])
    x = grid.from_unit(v, column)
    for k, number in enumerate(found.get("exact", [])):
        if number is not None:
            x[which == k] = number
    form = column.get("format")
    if isinstance(form, dict):
        decimals = None if column["grid"] is None else column["grid"]["decimals"]
        told = amounts.write(x, form, decimals)
        return restore([None if gone else text for text, gone in zip(told, missing, strict=True)], column)
    if column["kind"] != "datetime":
        series = pd.Series(x).astype(column["dtype"])
        return series.mask(pd.Series(missing)) if missing.any() else series
    times = pd.Series(x.astype(f"datetime64[{column['unit']}]"))
    if column["zone"] is not None:
        times = times.dt.tz_localize("UTC").dt.tz_convert(column["zone"])
    times = times.mask(pd.Series(missing))
    if form is None:
        return times.astype(column["dtype"])
    texts = dates.write(times, form, column.get("offset", ""))
    if "int" in column["dtype"].lower():  # 20240531
        texts = [None if text is None else int(text) for text in texts]
    return restore(texts, column)
