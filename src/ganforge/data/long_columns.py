"""Columns of long tables, kept in files (`core.scratch`) and worked on in pieces."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import IO, TYPE_CHECKING, Any, Protocol

import numpy as np

from ganforge.core import scratch
from ganforge.core.scratch import Growing, is_long, pieces

if TYPE_CHECKING:
    import pandas as pd


def joined(parts: Iterable[pd.Series]) -> pd.Series:
    """Pieces of one column below each other, numbered from 0; in a file where they are long.

    Raises:
        TypeError: they are of types that have no type in common.
    """
    parts = iter(parts)
    first = next(parts)
    column = _builder(first)
    column.add(first)
    for part in parts:
        column.add(part)
    return column.whole().rename(first.name)


def rows_of(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Parts of one table below each other, numbered from 0; in files where they are long.

    Raises:
        TypeError: parts of a column are of types that have no type in common.
    """
    import pandas as pd

    parts = iter(parts)
    first = next(parts)
    columns = [_builder(first.iloc[:, k]) for k in range(first.shape[1])]
    count = 0
    for part in itertools.chain((first,), parts):
        for k, column in enumerate(columns):
            column.add(part.iloc[:, k])
        count += len(part)
    if count == len(first):
        return first.reset_index(drop=True)
    found = pd.DataFrame({k: column.whole() for k, column in enumerate(columns)}, copy=False)
    found.columns = first.columns
    return found


def _builder(first: pd.Series) -> _Column:
    """What joins the pieces of a column like the first one."""
    import pandas as pd

    kind = first.dtype
    if isinstance(kind, np.dtype) and kind.kind in "biufM":
        return _Plain(kind)
    if str(kind) in _MASKED:
        return _Masked(str(kind))
    if isinstance(kind, pd.CategoricalDtype):
        return _Codes(kind)
    return _Texts() if is_mapped_text(kind) else _Objects()


class _Column(Protocol):
    """Pieces of a column."""

    def add(self, part: pd.Series) -> None: ...
    def whole(self) -> pd.Series: ...


class _Plain:
    """Numbers, truth values and dates as NumPy has them; of numbers of several types in one that holds all."""

    def __init__(self, kind: np.dtype):
        self.kind, self.values = kind, Growing()

    def add(self, part: pd.Series) -> None:
        if not isinstance(part.dtype, np.dtype) or (part.dtype.kind in "bM") != (self.kind.kind in "bM"):
            raise TypeError(f"{part.dtype} below {self.kind}")
        self.kind = np.promote_types(self.kind, part.dtype)  # raises TypeError for texts below numbers
        self.values.add(part.to_numpy())

    def whole(self) -> pd.Series:
        import pandas as pd

        return pd.Series(self.values.whole(self.kind), copy=False)


_MASKED = {
    name.replace("i", "I").replace("uI", "UI"): name
    for name in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
} | {"boolean": "bool"}
"""The types of pandas that keep apart where a value is missing, and those of their values."""


class _Masked:
    """Integers and truth values that may be missing."""

    def __init__(self, kind: str):
        self.kind, self.values, self.gone = np.dtype(_MASKED[kind]), Growing(), Growing()

    def add(self, part: pd.Series) -> None:
        self.values.add(part.to_numpy(self.kind, na_value=self.kind.type(0)))
        self.gone.add(part.isna().to_numpy())

    def whole(self) -> pd.Series:
        return masked(self.values.whole(self.kind), self.gone.whole(bool))


def masked(values: np.ndarray, gone: np.ndarray) -> pd.Series:
    """Integers or truth values [N], missing where `gone` [N] is true, as a column that shares their memory."""
    import pandas as pd

    array: Any = pd.arrays.BooleanArray if values.dtype == bool else pd.arrays.IntegerArray
    return pd.Series(array(values, gone), copy=False)


class _Codes:
    """A pandas categorical: all pieces have the same categories."""

    def __init__(self, kind: Any):
        self.kind, self.codes, self.type = kind, Growing(), np.dtype(np.int8)

    def add(self, part: pd.Series) -> None:
        if part.dtype != self.kind:
            raise TypeError(f"{part.dtype} below {self.kind}")
        codes = part.cat.codes.to_numpy()
        self.type = codes.dtype
        self.codes.add(codes)

    def whole(self) -> pd.Series:
        import pandas as pd

        made: Any = pd.Categorical.from_codes(self.codes.whole(self.type), dtype=self.kind)  # type: ignore[call-overload]
        return pd.Series(made)


def is_mapped_text(kind: Any) -> bool:
    """Whether columns of a type can stay in a file: texts as pandas 3 has them, where PyArrow is installed."""
    import pandas as pd

    return isinstance(kind, pd.StringDtype) and kind.storage == "pyarrow" and kind == "str"


class _Texts:
    """Texts, in an Arrow file."""

    def __init__(self) -> None:
        self.file: IO[bytes] | None = None
        self.writer: Any = None
        self.kept: list[pd.Series] = []  # in memory, until they are long
        self.count = 0

    def add(self, part: pd.Series) -> None:
        import pyarrow as pa

        if not is_mapped_text(part.dtype):
            raise TypeError(f"{part.dtype} below texts")
        self.kept.append(part)
        self.count += len(part)
        if not is_long(self.count):
            return
        with scratch.reported():
            if self.file is None:
                self.file = scratch.file()
                self.writer = pa.ipc.new_file(self.file, pa.schema([("column", pa.large_string())]))
            for some in self.kept:
                array: Any = pa.array(some)
                array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
                self.writer.write_batch(pa.record_batch([array.cast(pa.large_string())], ["column"]))
        self.kept = []

    def whole(self) -> pd.Series:
        import pandas as pd
        import pyarrow as pa

        if self.file is None:
            return (
                pd.concat(self.kept, ignore_index=True) if len(self.kept) > 1 else self.kept[0].reset_index(drop=True)
            )
        with scratch.reported():
            self.writer.close()
            self.file.flush()
        content = pa.py_buffer(np.memmap(self.file, np.uint8, "r"))
        kind: Any = pd.StringDtype("pyarrow", na_value=np.nan)
        return pd.Series(pd.array(pa.ipc.open_file(content).read_all().column(0), dtype=kind))


class _Objects:
    """Everything else, in memory."""

    def __init__(self) -> None:
        self.parts: list[pd.Series] = []

    def add(self, part: pd.Series) -> None:
        if self.parts and (part.dtype == object) != (self.parts[0].dtype == object):
            raise TypeError(f"{part.dtype} below {self.parts[0].dtype}")
        self.parts.append(part)

    def whole(self) -> pd.Series:
        import pandas as pd

        return pd.concat(self.parts, ignore_index=True)


def piecewise(function: Callable[[pd.Series], pd.Series], values: pd.Series) -> pd.Series:
    """A function of every piece of a column, together; it must give the same for a piece as within the whole. What is
    shorter than the column is numbered from 0."""
    if not is_long(len(values)):
        return function(values)
    found = joined(function(values.iloc[part]) for part in pieces(len(values)))
    return found.set_axis(values.index) if len(found) == len(values) else found


def taken(values: pd.Series, rows: np.ndarray) -> pd.Series:
    """The rows [M] of a column, numbered from 0."""
    if not is_long(len(rows)):
        return values.iloc[rows].reset_index(drop=True)
    return joined(values.iloc[rows[part]] for part in pieces(len(rows)))


def present_in(values: pd.Series) -> pd.Series:
    """The values that are not missing; of a long column with row numbers from 0."""
    if not is_long(len(values)):
        return values.dropna()
    if not any(values.iloc[part].isna().any() for part in pieces(len(values))):
        return values
    return joined(values.iloc[part].dropna() for part in pieces(len(values)))


def distinct(present: pd.Series) -> int:
    """How many different values a column without missing ones has."""
    kind = _MASKED.get(str(present.dtype), present.dtype)
    if not is_long(len(present)) or not isinstance(kind, (str, np.dtype)) or np.dtype(kind).kind not in "iufM":
        return int(present.nunique())
    found = scratch.in_order(present.to_numpy(np.dtype(kind)))
    return 1 + sum(int((found[p][1:] != found[p][:-1]).sum()) for p in scratch.overlapping(len(found)))


def every(condition: Callable[[pd.Series], bool], values: pd.Series) -> bool:
    """Whether a condition holds for each piece of a column."""
    return all(condition(values.iloc[part]) for part in pieces(len(values)))
