"""Files of the UEA and UCR archives, .ts and .arff, as long tables: a row a step of a series.

.ts      a line a series: dimensions between colons, the class last
.arff    a relational column whose inner rows are the dimensions (UEA), or a column for each step, att1 ... attN
         (UCR); the class is another column
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from ganforge.core.errors import UserError
from ganforge.data import arff
from ganforge.data.arff import Arff, Attribute
from ganforge.modalities.series.reading import Unpacked

SERIES, CLASS = "series", "class"
DOT_TS = ".ts"
STEP_NAME = re.compile(r"(att|t|time|step)_?(\d+)", re.IGNORECASE)
FEWEST_STEPS = 8
"""Of columns that are the steps of a series: a few numbered columns are more likely to be a table's."""
OF_ONE_DIMENSION = re.compile(r"Dimension\d+(?=(_TRAIN|_TEST)?\.arff$)", re.IGNORECASE)


def loaded(path: Path | Unpacked, name: str) -> Any | None:
    """The long table of a .ts file or of an .arff file of series; None of any other file.

    Raises:
        UserError: it is one, and cannot be read.
    """
    if path.name.lower().endswith(DOT_TS):
        with path.open("rb") as file:
            return dot_ts(file.read().decode("utf-8"), name)
    if not path.name.lower().endswith(arff.ENDING):
        return None
    with path.open("rb") as file:
        opened = Arff(file, name)
        return _dot_arff(opened) if holds_series(opened.attributes) else None


def is_archive(path: Path | Unpacked) -> bool:
    """Whether a file is one that `loaded` takes, as far as its declarations say.

    Raises:
        UserError: an .arff file whose declarations cannot be read.
    """
    if not path.name.lower().endswith(arff.ENDING):
        return path.name.lower().endswith(DOT_TS)
    with path.open("rb") as file:
        return holds_series(Arff(file, path.name).attributes)


def holds_series(attributes: Sequence[Attribute]) -> bool:
    """Whether each row of an .arff file is a series: in a relational column, or in columns that number its steps."""
    return any(one.kind == "rows" for one in attributes) or _numbered(attributes)


def without_copies(names: list[str]) -> list[str]:
    """The files of an archive without those that repeat others: .arff beside .ts, single dimensions beside all."""
    if any(n.lower().endswith(DOT_TS) for n in names):
        return [n for n in names if not n.lower().endswith(arff.ENDING)]
    return [n for n in names if (whole := OF_ONE_DIMENSION.sub("", n)) == n or whole not in names]


def dot_ts(text: str, name: str) -> Any:
    """A .ts file as a long table.

    Raises:
        UserError: no @data, or lines of different numbers of dimensions.
    """
    head, found, body = text.partition("@data")
    if not found:
        raise UserError(f"data {name}: no @data line, as a .ts file has one", code="series.not_ts")
    labeled = re.search(r"@classLabel\s+true", head, re.IGNORECASE) is not None
    series, labels = [], []
    for line in body.strip().splitlines():
        *channels, label = line.strip().split(":") if labeled else (*line.strip().split(":"), "")
        values = [np.array([float(v) if v != "?" else np.nan for v in channel.split(",")]) for channel in channels]
        table = np.full((max(map(len, values)), len(values)), np.nan)
        for k, channel in enumerate(values):
            table[: len(channel), k] = channel
        series.append(table)
        labels.append(label)
    return _long(series, {CLASS: labels} if labeled else {}, name, "series.not_ts")


def _dot_arff(opened: Arff) -> Any:
    """An .arff file of series as a long table. Steps at the end that miss all values are filling: series differ in
    length."""
    attributes = opened.attributes
    at = [k for k, one in enumerate(attributes) if one.kind == "rows"]
    if len(at) > 1:
        raise UserError(
            f"data {opened.name}: {len(at)} relational columns; one is read, whose rows are the dimensions of a series",
            code="series.not_arff",
        )
    steps = [] if at else [k for k, one in enumerate(attributes) if STEP_NAME.fullmatch(one.name)]
    others = [k for k in range(len(attributes)) if k not in {*at, *steps}]
    series: list[np.ndarray] = []
    labels: dict[str, list[Any]] = {_named(attributes, k): [] for k in others}
    for row in opened.rows():
        if at:
            dimensions = list(_dimensions(opened, row[at[0]] or "", len(attributes[at[0]].inner)))
        else:
            dimensions = [_numbers(opened, [row[k] for k in steps])]
        table = np.stack(dimensions, 1)
        there = np.flatnonzero(~np.isnan(table).all(1))
        series.append(table[: there[-1] + 1 if len(there) else 0])
        for k in others:
            labels[_named(attributes, k)].append(row[k])
    return _long(series, labels, opened.name, "series.not_arff")


def _numbered(attributes: Sequence[Attribute]) -> bool:
    """Whether columns of numbers are called att1, att2, ... in this order, and at most one other holds the class."""
    names = [STEP_NAME.fullmatch(one.name) for one in attributes if one.kind == "number"]
    found = [(one[1].lower(), int(one[2])) for one in names if one is not None]
    others = len(attributes) - len(found)
    if len(found) < FEWEST_STEPS or len(found) < len(names) or others > 1:
        return False
    stem, first = found[0]
    return found == [(stem, first + k) for k in range(len(found))]


def _named(attributes: Sequence[Attribute], k: int) -> str:
    """The column of what describes a series: the class is called so, as in .ts files."""
    return CLASS if k == len(attributes) - 1 and attributes[k].kind in ("word", "text") else attributes[k].name


def _dimensions(opened: Arff, text: str, steps: int) -> Iterator[np.ndarray]:
    """The rows of a relational value."""
    for line in text.strip().split("\n"):
        values = [None if (part := one.strip()) == "?" else part for one in line.split(",")]
        if len(values) != steps:
            _fail(opened, f"a dimension of {len(values)} steps where {steps} are declared. Is the file cut off?")
        yield _numbers(opened, values)


def _numbers(opened: Arff, values: Sequence[str | None]) -> np.ndarray:
    try:
        return np.array([np.nan if value is None else float(value) for value in values])
    except ValueError as error:
        _fail(opened, f"a step that is no number ({error})")


def _fail(opened: Arff, what: str) -> NoReturn:
    raise UserError(f"data {opened.name}, line {opened.line:,}: {what}", code="series.not_arff")


def _long(series: Sequence[np.ndarray], described: dict[str, list[Any]], name: str, code: str) -> Any:
    """Series [T, C] below each other, with a number for each and what describes it."""
    import pandas as pd

    widths = {table.shape[1] for table in series}
    if not series or len(widths) > 1:
        raise UserError(
            f"data {name}: {'no series' if not series else 'the series have different numbers of dimensions'}",
            code=code,
        )
    lengths = [len(table) for table in series]
    found = pd.DataFrame(np.concatenate(series), columns=[f"dim_{k}" for k in range(widths.pop())])
    found.insert(0, SERIES, np.repeat(np.arange(len(series)), lengths))
    return found.assign(**{key: np.repeat(np.array(values, object), lengths) for key, values in described.items()})
