"""Which condition a column of a table is: its kind and its values.

Columns are of the kinds that `data.columns` finds. In addition, texts joined by | or ; are several labels, and numbers
in a column named angle, rotation, hue, ... that go round are angles.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from ganforge.core.condition_kinds import MOST_VALUES, Angle, Category, Condition, Labels, Number, Ordinal, Value
from ganforge.core.errors import UserError, did_you_mean
from ganforge.core.words import is_number
from ganforge.data.columns import Column

ANGULAR = re.compile(
    r"(?i)(angle|rotation|orientation|azimuth|heading|bearing|direction|yaw|hue|phase|longitude|light)"
)
HOURLY = re.compile(r"(?i)(^|[_\s.-])hours?(_of_day)?$")
DAILY = re.compile(r"(?i)(day_?of_?(the_)?year|yearday)$")
YEAR = 365.25  # days
GAP = 60.0  # degrees without any value, from which on an angle does not go round
SEPARATORS = re.compile(r"\s*[|;]\s*")
IGNORE = "ignore"
LISTED = 5
"""Names or values that a message lists, at most."""


def listed(names: Sequence[str]) -> str:
    """The first few, and whether there are more: "a, b, c, d, e, …"."""
    return ", ".join(names[:LISTED]) + (", …" if len(names) > LISTED else "")


class NotUsable(Exception):
    """A column cannot be a condition: why, and what to do."""


def condition_of(column: Column, kind: str, table: str) -> tuple[Condition, list[Value]]:
    """A condition and its values from a column.

    Args:
        kind: what the user says it is; empty: as detected.

    Raises:
        NotUsable: it cannot be one. UserError: its kind is unclear, or unknown.
    """
    if "<" in kind:
        return _in_order(column, tuple(part.strip() for part in kind.split("<")))
    if kind:
        if kind not in MAKERS:
            raise UserError(
                f"data.column_kinds.{column.name}={kind}: no such kind{did_you_mean(kind, MAKERS)} "
                f"(known: {', '.join([*MAKERS, IGNORE])}; or values in their order, small<medium<large)",
                code="data.labels_unknown_kind",
            )
        return MAKERS[kind](column)
    if all(value is None for value in column.values):
        raise NotUsable(f"column {column.name!r} left out: it has no values for these samples")
    if column.kind == "constant":
        raise NotUsable(f"column {column.name!r} left out: all its values are the same")
    if column.kind == "date":
        raise NotUsable(f"column {column.name!r} left out: its dates are all the same")
    if column.kind == "labels":
        return _labels(column)
    if column.kind == "many":
        texts = [v for v in column.values if v is not None]
        raise NotUsable(
            f"column {column.name!r} left out: {len(set(map(str, texts))):,} different values in {len(texts):,} rows "
            f"are text or keys, not categories (data.column_kinds.{column.name}=category takes them as such)"
        )
    if column.kind in ("number", "ordinal"):
        return _numeric(column, table)
    return _category(column)


def _numeric(column: Column, table: str) -> tuple[Condition, list[Value]]:
    """A number, unless its name and its range say that it goes round."""
    x = np.array([v for v in column.values if v is not None], np.float64)
    low, high = float(x.min()), float(x.max())
    whole = bool((np.rint(x) == x).all())
    if ANGULAR.search(column.name) and not whole and low >= -math.pi - 0.01 and high <= 2 * math.pi + 0.01 and high > 1:
        raise UserError(
            f"data.labels={table}: the column {column.name!r} ranges from {low:.4g} to {high:.4g}; is it in radians, "
            f"or in degrees? Set data.column_kinds.{column.name}=radians, or =angle (degrees, periodic), or =number",
            code="data.labels_angle_unit",
        )
    if ANGULAR.search(column.name) and low >= -180 and high <= 360 and high - low > 180 and _goes_round(x, 360.0):
        return _periodic(column, 360.0)
    if HOURLY.search(column.name) and low >= 0 and high <= 24 and _goes_round(x * 15, 360.0):
        return _periodic(column, 24.0)
    if DAILY.search(column.name) and low >= 0 and high <= 367 and _goes_round(x * 360 / YEAR, 360.0):
        return _periodic(column, YEAR)
    return _ordinal(column) if column.kind == "ordinal" else _number(column)


def _goes_round(x: np.ndarray, period: float) -> bool:
    """Whether the values leave no large gap on the circle."""
    places = np.unique(x % period)
    gaps = np.diff(np.concatenate([places, places[:1] + period]))
    return bool(gaps.max() < GAP)


def as_lists(column: Column) -> Column:
    """A column of texts that are lists joined by | or ; as lists; an empty text is an empty list."""
    if column.kind not in ("category", "many") or not _joined(column):
        return column
    values = [[] if v is None else [part for part in SEPARATORS.split(v.strip()) if part] for v in column.values]
    return Column(column.name, "labels", values, column.notes)


def _joined(column: Column) -> bool:
    """Whether texts are lists joined by | or ;, of parts that come in several of them."""
    texts = {v for v in column.values if isinstance(v, str)}
    split = [SEPARATORS.split(text) for text in texts]
    parts = Counter(part for one in split for part in set(one) if part)
    return any(len(one) > 1 for one in split) and len(parts) < len(texts) + 2 and max(parts.values(), default=0) > 1


def _floats(column: Column) -> list[float | None]:
    try:
        found = [None if v is None else float(v) for v in column.values]
    except (TypeError, ValueError):
        example = next(v for v in column.values if v is not None and not is_number(v))
        raise NotUsable(f"column {column.name!r}: {example!r} is not a number") from None
    if not all(v is None or math.isfinite(v) for v in found):
        raise NotUsable(f"column {column.name!r}: some of its numbers are not finite")
    return found


def _texts(column: Column) -> list[str | None]:
    return [None if v is None else f"{v:g}" if isinstance(v, float) else str(v) for v in column.values]


def _checked(column: Column, values: Sequence[str]) -> tuple[str, ...]:
    if len(values) > MOST_VALUES:
        raise NotUsable(
            f"column {column.name!r}: {len(values):,} different values are more than {MOST_VALUES:,}, and most come a "
            f"few times only. Group them, or leave the column out (data.column_kinds.{column.name}={IGNORE})"
        )
    if len(values) < 2:
        raise NotUsable(f"column {column.name!r} left out: all its values are the same")
    return tuple(values)


def _category(column: Column) -> tuple[Condition, list[Value]]:
    texts = _texts(column)
    return Category(column.name, _checked(column, sorted({t for t in texts if t is not None}))), list(texts)


def _ordinal(column: Column) -> tuple[Condition, list[Value]]:
    texts = _texts(column)
    present = {t for t in texts if t is not None}
    ordered = sorted(present, key=float) if all(map(is_number, present)) else sorted(present)
    return Ordinal(column.name, _checked(column, ordered)), list(texts)


def _in_order(column: Column, values: tuple[str, ...]) -> tuple[Condition, list[Value]]:
    """An ordinal condition of these values."""
    texts = _texts(column)
    other = sorted({t for t in texts if t is not None} - set(values))
    if other:
        raise NotUsable(f"column {column.name!r} also has the values {listed(other)}")
    return Ordinal(column.name, _checked(column, values)), list(texts)


def _labels(column: Column) -> tuple[Condition, list[Value]]:
    lists = [v if v is None or isinstance(v, list) else [str(v)] for v in column.values]
    found: list[Value] = [None if v is None else tuple(dict.fromkeys(map(str, v))) for v in lists]
    names = sorted({part for value in found if isinstance(value, tuple) for part in value})
    return Labels(column.name, _checked(column, names)), found


def _number(column: Column) -> tuple[Condition, list[Value]]:
    values = _floats(column)
    present = [v for v in values if v is not None]
    if not present or min(present) == max(present):
        raise NotUsable(f"column {column.name!r} left out: all its values are the same")
    return Number(column.name, min(present), max(present)), list(values)


def _periodic(column: Column, period: float) -> tuple[Condition, list[Value]]:
    return Angle(column.name, period), list(_floats(column))


MAKERS: dict[str, Callable[[Column], tuple[Condition, list[Value]]]] = {
    "category": _category,
    "labels": _labels,
    "ordinal": _ordinal,
    "number": _number,
    "angle": lambda column: _periodic(column, 360.0),
    "radians": lambda column: _periodic(column, 2 * math.pi),
    "hours": lambda column: _periodic(column, 24.0),
    "days": lambda column: _periodic(column, YEAR),
}
"""The kinds that `data.column_kinds` may name."""
