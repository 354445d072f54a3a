"""Conditions of samples from a table, by the row that belongs to each sample.

    pairing   by the column whose texts are most often names of samples: the whole relative path, the name of the file,
              or that name without its ending; without names (an array), row k belongs to sample k
    kinds     by `data.column_conditions`

Every decision is a sentence in the reading of the data set, with the field that changes it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import numpy as np

from ganforge.core.condition_kinds import Condition, Value
from ganforge.core.conditions import Conditions
from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError, did_you_mean
from ganforge.core.names import readable
from ganforge.data.column_conditions import IGNORE, NotUsable, as_lists, condition_of, listed
from ganforge.data.columns import Column, Columns


@dataclass(frozen=True)
class Choices:
    """What the user decides.

    Attributes:
        columns: those to use; empty: all.
        kinds: of columns, instead of the detected ones.
    """

    columns: tuple[str, ...] = ()
    kinds: Mapping[str, str] = field(default_factory=dict)


def attach(dataset: Dataset, table: Columns, choices: Choices, in_order: bool = False) -> None:
    """Sets the conditions of a data set from a table, and says in its reading how the table was understood.

    Args:
        in_order: row k belongs to sample k, whatever the texts of the table.

    Raises:
        UserError: no row belongs to a sample, two rows disagree, a column is not usable, or its kind is unclear.
    """
    rows, names, said = (np.arange(len(dataset)), "", []) if in_order else paired(dataset, table)
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
    dates = {column.of for column in table.each if column.of}
    for column in map(as_lists, table.each):
        kind = choices.kinds.get(column.name, "")
        if column.name in dates and not kind:
            continue  # its parts are conditions
        chosen = column.name in choices.columns or (column.of and column.of in choices.columns)
        asked = chosen or kind not in ("", IGNORE)
        ignored = IGNORE in (kind, choices.kinds.get(column.of))
        if column.name == names or ignored or (choices.columns and not chosen):
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


def paired(dataset: Dataset, table: Columns) -> tuple[np.ndarray, str, list[str]]:
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
    _refuse_ambiguous(keys, items, set(names), table.where)
    places = _places(names, table)
    rows = np.array([places.get(name, -1) for name in keys], np.int64)
    said = []
    bare = [item for item, row in zip(items, rows, strict=True) if row < 0]
    if bare:
        have = "sample has" if len(bare) == 1 else "samples have"
        said.append(
            f"{len(bare):,} of {len(dataset):,} {have} no row in {table.name}, so that their conditions count as "
            f"unknown: {listed(bare)}"
        )
    wanted = set(keys)
    spare = [name for name in places if name not in wanted]
    if spare:
        one = "1 row of" if len(spare) == 1 else f"{len(spare):,} rows of"
        said.append(f"{one} {table.name} without a sample left out: {listed(spare)}")
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
        f"{table.where}: its {len(table):,} rows name none of the {len(dataset):,} samples of "
        f"{dataset.name}. Samples are named {', '.join(here)}; {in_table}. One column must hold the names of the files",
        code="data.labels_match_nothing",
    )


def _refuse_ambiguous(keys: Sequence[str], items: Sequence[str], named: set[str], table: str) -> None:
    twice = next((key for key, count in Counter(keys).items() if count > 1 and key in named), None)
    if twice is not None:
        both = [item for key, item in zip(keys, items, strict=True) if key == twice][:2]
        raise UserError(
            f"{table}: the name {twice} is that of several samples ({', '.join(both)}). Name the files in "
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
                f"{table.where}: {name} is there twice, in the rows {first + 1} and {k + 1}, with "
                f"{differs.name}={differs.values[first]} and {differs.name}={differs.values[k]}. Keep one of them",
                code="data.labels_duplicate",
            )
    return places
