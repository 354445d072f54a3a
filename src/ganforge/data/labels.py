"""Conditions of samples from a table: which row belongs to which sample, and which condition each column is.

    pairing   by the column whose texts are most often names of samples: the whole relative path, the name of the file,
              or that name without its ending; without names (an array), row k belongs to sample k
    kinds     as `data.columns` finds them; in addition, texts joined by | or ; are several labels, and numbers in a
              column named angle, rotation, hue, ... that go round are angles

Every decision is a sentence in the reading of the data set, with the field that changes it.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from ganforge.core.conditions import (
    MOST_VALUES,
    Angle,
    Category,
    Condition,
    Conditions,
    Labels,
    Number,
    Ordinal,
    Value,
)
from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError, did_you_mean
from ganforge.core.names import readable
from ganforge.data.columns import Column, Columns

ANGULAR = re.compile(
    r"(?i)(angle|rotation|orientation|azimuth|heading|bearing|direction|yaw|hue|phase|longitude|light)"
)
HOURLY = re.compile(r"(?i)(^|[_\s.-])hours?(_of_day)?$")
GAP = 60.0  # degrees without any value, from which on an angle does not go round
SEPARATORS = re.compile(r"\s*[|;]\s*")
LISTED = 5
"""Names that are listed of those that match nothing."""
IGNORE = "ignore"


@dataclass(frozen=True)
class Choices:
    """What the user decides.

    Attributes:
        columns: those to use; empty: all.
        kinds: of columns, instead of the detected ones.
    """

    columns: tuple[str, ...] = ()
    kinds: Mapping[str, str] = field(default_factory=dict)


def attach(dataset: Dataset, table: Columns, choices: Choices) -> None:
    """Sets the conditions of a data set from a table, and says in its reading how the table was understood.

    Raises:
        UserError: no row belongs to a sample, two rows disagree, a column is not usable, or its kind is unclear.
    """
    rows, names, said = _paired(dataset, table)
    unknown = [name for name in (*choices.columns, *choices.kinds) if name not in {c.name for c in table.each}]
    if unknown:
        known = [column.name for column in table.each]
        raise UserError(
            f"data.labels={table.name}: no column {unknown[0]!r}{did_you_mean(unknown[0], known)} "
            f"(columns: {', '.join(known)})",
            code="data.labels_no_column",
        )
    each: list[Condition] = []
    values: list[list[Value]] = []
    left_out: list[str] = []
    for column in map(_as_lists, table.each):
        kind = choices.kinds.get(column.name, "")
        asked = column.name in choices.columns or kind not in ("", IGNORE)
        if column.name == names or kind == IGNORE or (choices.columns and column.name not in choices.columns):
            continue
        seen = [None if k < 0 else column.values[k] for k in rows.tolist()]
        try:
            condition, found = condition_of(Column(column.name, column.kind, seen, column.notes), kind, table.name)
        except NotUsable as error:
            if asked:
                raise UserError(f"data.labels={table.name}: {error}", code="data.labels_not_usable") from None
            left_out.append(str(error))
            continue
        each.append(condition)
        values.append(found)
    if not each:
        why = f" ({'; '.join(left_out)})" if left_out else ""
        raise UserError(
            f"data.labels={table.name}: none of its columns can be a condition{why}", code="data.labels_not_usable"
        )
    combined = list(zip(*values, strict=True))
    conditions = Conditions(tuple(each)).with_observed(combined)
    dataset.labels, dataset.classes, dataset.no_labels = None, (), ""
    dataset.conditions, dataset.vectors = conditions, conditions.encode(combined)
    notes = [note for column in table.each if column.name in conditions.names for note in column.notes]
    dataset.understood = (
        *dataset.understood, f"conditions from {table.name}: {conditions.said()}",
        *table.notes, *notes, *said, *left_out,
    )  # fmt: skip
    dataset.left_out = dataset.left_out or bool(said or left_out)


# --- which row belongs to which sample


def _paired(dataset: Dataset, table: Columns) -> tuple[np.ndarray, str, list[str]]:
    """The row of each sample, int64 [len], -1 without one; the column of names ("" if rows go by their order); and what
    there is to say."""
    items = [dataset.describe(k) for k in range(len(dataset))]
    best, found = "", 0
    for column in table.each:
        texts = {readable(v.strip()) for v in column.values if isinstance(v, str)}
        count = max(len(texts & set(map(key, items))) for key in KEYS)
        if count > found:
            best, found = column.name, count
    if not found:
        if dataset.in_memory_array is not None and len(table) == len(dataset):
            return np.arange(len(dataset)), "", []
        raise _none_match(dataset, table, items)
    column = next(one for one in table.each if one.name == best)
    names = [readable(v.strip()) if isinstance(v, str) else "" for v in column.values]
    key = max(KEYS, key=lambda key: len(set(names) & set(map(key, items))))
    keys = [key(item) for item in items]
    _refuse_ambiguous(keys, items, set(names), table.name)
    places = _places(names, table)
    rows = np.array([places.get(name, -1) for name in keys], np.int64)
    said = []
    bare = [item for item, row in zip(items, rows, strict=True) if row < 0]
    if bare:
        have = "sample has" if len(bare) == 1 else "samples have"
        said.append(
            f"{len(bare):,} of {len(dataset):,} {have} no row in {table.name}, so that their conditions count as "
            f"unknown: {', '.join(bare[:LISTED])}{_more(bare)}"
        )
    wanted = set(keys)
    spare = [name for name in places if name not in wanted]
    if spare:
        one = "1 row of" if len(spare) == 1 else f"{len(spare):,} rows of"
        said.append(f"{one} {table.name} without a sample left out: {', '.join(spare[:LISTED])}{_more(spare)}")
    return rows, best, said


def _path(item: str) -> str:
    return item


def _file(item: str) -> str:
    return PurePosixPath(item).name


def _stem(item: str) -> str:
    return PurePosixPath(item).stem


KEYS: tuple[Callable[[str], str], ...] = (_path, _file, _stem)
"""How a sample may be named in a table, most exact first."""


def _none_match(dataset: Dataset, table: Columns, items: Sequence[str]) -> UserError:
    texts = next((c for c in table.each if c.kind in ("many", "category")), None)
    there = [str(v) for v in texts.values if v is not None][:3] if texts else []
    here = list(map(str, items[:3]))
    in_table = f"the column {texts.name!r} holds {', '.join(there)}" if texts else "no column holds texts"
    return UserError(
        f"data.labels={table.name}: its {len(table):,} rows name none of the {len(dataset):,} samples of "
        f"{dataset.name}. Samples are named {', '.join(here)}; {in_table}. One column must hold the names of the files",
        code="data.labels_match_nothing",
    )


def _refuse_ambiguous(keys: Sequence[str], items: Sequence[str], named: set[str], table: str) -> None:
    twice = next((key for key, count in Counter(keys).items() if count > 1 and key in named), None)
    if twice is not None:
        both = [item for key, item in zip(keys, items, strict=True) if key == twice][:2]
        raise UserError(
            f"data.labels={table}: the name {twice} is that of several samples ({', '.join(both)}). Name the files in "
            "the table by their paths",
            code="data.labels_ambiguous",
        )


def _places(names: Sequence[str], table: Columns) -> dict[str, int]:
    """The row of each name.

    Raises:
        UserError: two rows of one name differ.
    """
    places: dict[str, int] = {}
    for k, name in enumerate(names):
        if not name:
            continue
        first = places.setdefault(name, k)
        differs = next((c for c in table.each if c.values[first] != c.values[k]), None)
        if differs is not None:
            raise UserError(
                f"data.labels={table.name}: {name} is there twice, in the rows {first + 1} and {k + 1}, with "
                f"{differs.name}={differs.values[first]} and {differs.name}={differs.values[k]}. Keep one of them",
                code="data.labels_duplicate",
            )
    return places


def _more(names: Sequence[str]) -> str:
    return ", …" if len(names) > LISTED else ""


# --- which condition a column is


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
        raise NotUsable(
            f"column {column.name!r} left out: it holds dates; add a column with the number that matters, such as the "
            "hour or the year"
        )
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
    return _ordinal(column) if column.kind == "ordinal" else _number(column)


def _goes_round(x: np.ndarray, period: float) -> bool:
    """Whether the values leave no large gap on the circle."""
    places = np.unique(x % period)
    gaps = np.diff(np.concatenate([places, places[:1] + period]))
    return bool(gaps.max() < GAP)


def _as_lists(column: Column) -> Column:
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
        example = next(v for v in column.values if v is not None and not _is_number(v))
        raise NotUsable(f"column {column.name!r}: {example!r} is not a number") from None
    if not all(v is None or math.isfinite(v) for v in found):
        raise NotUsable(f"column {column.name!r}: some of its numbers are not finite")
    return found


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


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
    ordered = sorted(present, key=float) if all(map(_is_number, present)) else sorted(present)
    return Ordinal(column.name, _checked(column, ordered)), list(texts)


def _in_order(column: Column, values: tuple[str, ...]) -> tuple[Condition, list[Value]]:
    """An ordinal condition of these values."""
    texts = _texts(column)
    other = sorted({t for t in texts if t is not None} - set(values))
    if other:
        raise NotUsable(f"column {column.name!r} also has the values {', '.join(other[:LISTED])}{_more(other)}")
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
}
"""The kinds that `data.column_kinds` may name."""
