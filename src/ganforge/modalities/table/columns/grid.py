"""Numbers and dates as exact steps of a grid, and these as numbers in [-1, 1].

Ages come in whole years, prices in cents, times perhaps in minutes: a column is low + step · j, with whole j in
[0, count], wherever that holds for every row. Decoding rounds to it, so precision and bounds come back exactly.

    v = 2 · j / count - 1          without a grid   v = (x - center) / half
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ganforge.core import scratch

if TYPE_CHECKING:
    import pandas as pd

MOST_DECIMALS = 9
EXACT = 2**53  # whole numbers up to here are exact as float64
PROBE = 1_000  # values looked at before the whole column is


def measure(present: pd.Series, kind: str) -> dict[str, Any]:
    """What decoding a column of numbers or dates needs to know, from its values that are not missing.

    Returns:
        "grid": {"low", "step", "decimals"} in whole numbers of 10^-decimals, or None; "range": of the grid's j, or of
        the numbers; "low" and "high" as the user knows them; for dates "unit" and "zone" too.
    """
    facts: dict[str, Any] = {}
    if kind == "datetime":
        facts = {"unit": str(present.dt.unit), "zone": None if present.dt.tz is None else str(present.dt.tz)}
    whole, decimals = _whole(present, kind)
    if whole is None:
        x = present.to_numpy(np.float64)
        low, high = float(x.min()), float(x.max())
        return {"grid": None, "range": [low, high], "low": low, "high": high}
    low, high = whole.min().tolist(), whole.max().tolist()
    if kind == "integer" and high - low >= EXACT:  # no float tells its steps apart
        return {"grid": None, "range": [float(low), float(high)], "low": low, "high": high}
    step = math.gcd(*(np.gcd.reduce(_above(whole[part], low)).tolist() for part in scratch.pieces(len(whole)))) or 1
    grid = {"low": low, "step": step, "decimals": decimals}
    facts |= {"grid": grid, "range": [0, (high - low) // step]}
    if kind == "datetime":
        return facts | {"low": str(present.min()), "high": str(present.max())}
    scale = 10**decimals
    return facts | {"low": low / scale if decimals else low, "high": high / scale if decimals else high}


def to_unit(values: pd.Series, column: dict[str, Any]) -> np.ndarray:
    """A column's values as float64 [N] in [-1, 1]; NaN where they are missing, cut where they leave its bounds."""
    if scratch.is_long(len(values)):
        units = scratch.zeros((len(values),), np.float64)
        for part in scratch.pieces(len(values)):
            units[part] = to_unit(values.iloc[part], column)
        return units
    present = ~values.isna().to_numpy()
    low, high = column["range"]
    v = np.full(len(values), np.nan)
    some: Any = values[present]
    if column["grid"] is None:
        x = some.to_numpy(np.float64)
    else:
        x = _offsets(_steps(some, column), column["grid"]["low"], low, high, column["grid"]["step"])
    # Twice halved: the difference of two bounds may be more than a float can hold.
    v[present] = ((x / 2 - low / 2) / (high / 2 - low / 2)).clip(0, 1) * 2 - 1
    return v


def from_unit(v: np.ndarray, column: dict[str, Any]) -> np.ndarray:
    """Numbers in [-1, 1] (beyond is cut) in the column's units: int64 or float64 [N], of dates int64 in their unit."""
    low, high = column["range"]
    share = (v.clip(-1, 1) + 1) / 2
    x = low * (1 - share) + high * share
    if column["grid"] is None:
        x = x.clip(low, high)
        if column.get("kind") != "integer":
            return x
        low, high = column["low"], column["high"]  # exact, where their floats may be beyond the type
        return np.array([min(max(round(number), low), high) for number in x.tolist()])
    grid = column["grid"]
    steps = np.rint(x).astype(np.int64).clip(int(low), int(high))  # above 2^53 a float64 step is off by one
    if grid["low"] + grid["step"] * int(high) >= 2**63:
        return np.uint64(grid["low"]) + np.uint64(grid["step"]) * steps.astype(np.uint64)
    whole = grid["low"] + grid["step"] * steps
    return whole / 10 ** grid["decimals"] if grid["decimals"] else whole


def nearest(v: float, present: pd.Series, column: dict[str, Any]) -> float:
    """That of a column's numbers which is at a place in [-1, 1]: without a grid, `from_unit` is off by rounding."""
    x = float(from_unit(np.array([v]), column)[0])
    found = []
    for part in scratch.pieces(len(present)):
        piece = present.iloc[part].to_numpy(np.float64)
        found.append(float(piece[np.abs(piece - x).argmin()]))
    return min(found, key=lambda number: abs(number - x))


def _whole(present: pd.Series, kind: str) -> tuple[np.ndarray | None, int]:
    """The values as whole numbers of 10^-decimals, int64 [N]; None where a float has no such form."""
    found = scratch.Growing()
    if kind == "datetime":
        for part in scratch.pieces(len(present)):
            found.add(_since_epoch(present.iloc[part]))
        return found.whole(np.int64), 0
    if present.dtype.kind in "iu":
        return present.to_numpy(np.uint64 if int(present.max()) >= 2**63 else np.int64), 0
    for decimals in range(MOST_DECIMALS + 1):
        if all(_fits(present.iloc[part], decimals) for part in (slice(PROBE), *scratch.pieces(len(present)))):
            for part in scratch.pieces(len(present)):
                found.add(_in_steps(present.iloc[part], decimals).astype(np.int64))
            return found.whole(np.int64), decimals
    return None, 0


def _in_steps(numbers: pd.Series, decimals: int) -> np.ndarray:
    """Numbers in units of 10^-decimals, rounded, float64 [N]."""
    return np.rint(numbers.to_numpy(np.float64) * 10.0**decimals)


def _fits(numbers: pd.Series, decimals: int) -> bool:
    """Whether numbers have no more decimals than that."""
    k, exact = _in_steps(numbers, decimals), numbers.to_numpy()
    again = (k / 10.0**decimals).astype(exact.dtype) if exact.dtype.kind == "f" else k / 10.0**decimals
    return bool(np.abs(k).max() < EXACT and (again == exact).all())


def _steps(present: pd.Series, column: dict[str, Any]) -> np.ndarray:
    if column["kind"] == "datetime":
        return _since_epoch(present, column["unit"])
    decimals = column["grid"]["decimals"]
    if decimals == 0 and present.dtype.kind in "iu":
        return present.to_numpy(np.uint64 if len(present) and int(present.max()) >= 2**63 else np.int64)
    return np.rint(present.to_numpy(np.float64) * 10.0**decimals)


def _above(whole: np.ndarray, low: int) -> np.ndarray:
    """Whole numbers less the lowest of them, uint64: exact over the whole range of a type, for unsigned ones wrap."""
    return whole.astype(np.uint64) - np.uint64(low % 2**64)


def _offsets(steps: np.ndarray, low: int, first: int, last: int, step: int) -> np.ndarray:
    """How many steps above the lowest numbers lie, float64 [N]; those beyond the bounds are at them."""
    if steps.dtype.kind == "f":
        return (steps - low) / step
    at_most = low + last * step
    kind = np.uint64 if at_most >= 2**63 else steps.dtype
    inside = np.clip(steps, low + first * step, min(at_most, int(np.iinfo(steps.dtype).max))).astype(kind)
    return _above(inside, low) / step


def _since_epoch(present: pd.Series, unit: str | None = None) -> np.ndarray:
    """Dates as int64 [N] in their unit (or another one) since 1970, UTC."""
    if present.dt.tz is not None:
        present = present.dt.tz_convert("UTC").dt.tz_localize(None)
    times = present.to_numpy()
    return (times if unit is None else times.astype(f"datetime64[{unit}]")).astype(np.int64)
