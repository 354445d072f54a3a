"""Columns described by hand, from what is known of them before anybody looks at a row.

What a table signal measures (bounds, categories, how often each occurs) is in every model file, and no noise covers it.
With a description nothing is measured: the spec is a function of the description and the names of the columns alone.

And each cell is read by itself, whatever the rest of its column holds. That asks for more than it seems: the reader of
a file takes a column for numbers or for text by looking at all of it, so one row could change what the others are. So
every cell is first brought to one form (`key`): 1, 1.0, "1" and " 1.00" are the same, and so are true and "TRUE".

A cell that fits nothing stops no run, for that would tell of it. Numbers and dates beyond the bounds are cut to them.
A value that is not listed becomes `other` where there is one; else it counts as missing, as does what is no number in a
column of numbers. Where none may be missing such a cell is left blank: all its numbers in the encoded row are 0.

Numbers are seen within public bins: a bin is a mode (as `modes` has them) and the place within it.

    bin [a, b) of whole steps 0..count    mean = (a + b − 1)/count − 1    scale = (b − a)/count    in [-1, 1]
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Self

import numpy as np
from pydantic import BeforeValidator, Field, model_validator

from ganforge.core.errors import UserError, did_you_mean
from ganforge.core.overrides import from_yaml
from ganforge.modalities.table.columns.public_cells import EXACT, each, key, numbers
from ganforge.modalities.table.columns.public_facts import (
    BINS,
    PublicColumn,
    check_bounds,
    parts,
    picked,
    stepped,
    type_of,
    wrong,
)  # fmt: skip

if TYPE_CHECKING:
    import pandas as pd


def _no_truth(value: Any) -> Any:
    if isinstance(value, bool):
        raise wrong(
            f"{value} among the values: YAML reads yes, no, on and off as truth values. Put them in quotes, or set "
            "kind: boolean"
        )
    return str(value) if isinstance(value, datetime.date) else value


Value = Annotated[int | float | str, BeforeValidator(_no_truth)]


class Categorical(PublicColumn, kind="categorical"):
    """One of some values."""

    values: tuple[Value, ...] = Field(min_length=1)
    """What the cells may hold: texts or numbers."""
    other: Value | None = None
    """What values that are not listed become; by default they count as missing."""
    missing: bool = False
    """Whether cells may be empty."""

    @model_validator(mode="after")
    def _differ(self) -> Self:
        listed = self._listed()
        for k, value in enumerate(listed):
            if key(value) in (None, *(key(v) for v in listed[:k])):
                raise wrong(f"values: {value!r} is listed twice or is empty (1, 1.0 and '1' are the same here)")
        if len(listed) + self.missing < 2:
            raise wrong("values: a column with a single value is a constant. Set kind: constant")
        return self

    def facts(self) -> dict[str, Any]:
        listed = self._listed()
        return self._picked(listed, type_of(listed, self.missing))

    def cells(self, values: pd.Series) -> pd.Series:
        known = {key(v): v for v in self._listed()}
        return each(values, lambda text: known.get(text, self.other))

    def _listed(self) -> list[Any]:
        """The values, all of one type, what others become at the end."""
        told = [*self.values, *([] if self.other is None or self.other in self.values else [self.other])]
        if any(isinstance(v, str) for v in told):
            return list(map(str, told))
        return [float(v) for v in told] if any(isinstance(v, float) for v in told) else told

    def _picked(self, listed: Sequence[Any], dtype: str) -> dict[str, Any]:
        return {"kind": self.kind, **picked(listed, dtype, self.missing)}


class Ordinal(Categorical, kind="ordinal"):
    """One of some values that have an order: listed from the lowest to the highest."""

    def facts(self) -> dict[str, Any]:
        return super().facts() | {"ordered": True}


class Boolean(PublicColumn, kind="boolean"):
    """True or false."""

    missing: bool = False
    """Whether cells may be empty."""

    def facts(self) -> dict[str, Any]:
        dtype = "boolean" if self.missing else "bool"
        return {"kind": "boolean", **picked([False, True], dtype, self.missing)}

    def cells(self, values: pd.Series) -> pd.Series:
        known = {"false": False, "0": False, "true": True, "1": True}
        return each(values, lambda text: known.get(text))


class Integer(PublicColumn, kind="integer"):
    """Whole numbers."""

    min: int = Field(ge=-EXACT, le=EXACT)
    """The smallest that there can be. Smaller ones are read as it."""
    max: int = Field(ge=-EXACT, le=EXACT)
    """The largest that there can be. Larger ones are read as it."""
    bins: int | tuple[int, ...] = Field(default=BINS)
    """Parts that the nets see a number in: how many of equal width, or where each begins, as in [0, 1, 1000]."""
    missing: bool = False
    """Whether cells may be empty."""

    @model_validator(mode="after")
    def _ascend(self) -> Self:
        check_bounds(self.min, self.max, self.bins)
        return self

    def facts(self) -> dict[str, Any]:
        count = self.max - self.min
        starts = self.bins if isinstance(self.bins, int) else [start - self.min for start in self.bins]
        return {
            "kind": "integer",
            "dtype": "Int64" if self.missing else "int64",
            "grid": {"low": self.min, "step": 1, "decimals": 0},
            "range": [0, count],
            "low": self.min,
            "high": self.max,
            **stepped(starts, count, self.missing),
        }

    def cells(self, values: pd.Series) -> pd.Series:
        return numbers(values).round().clip(self.min, self.max)


class Continuous(PublicColumn, kind="continuous"):
    """Numbers of any kind."""

    min: float
    """The smallest that there can be. Smaller ones are read as it."""
    max: float
    """The largest that there can be. Larger ones are read as it."""
    decimals: int | None = Field(default=None, ge=0, le=9)
    """Decimals that they are written with; by default as many as a float has."""
    bins: int | tuple[float, ...] = Field(default=BINS)
    """Parts that the nets see a number in: how many of equal width, or where each begins, as in [0, 0.1, 5]."""
    missing: bool = False
    """Whether cells may be empty."""

    @model_validator(mode="after")
    def _ascend(self) -> Self:
        check_bounds(self.min, self.max, self.bins)
        if self.decimals is not None and max(abs(self.min), abs(self.max)) * 10**self.decimals > EXACT:
            raise wrong(f"decimals: {self.decimals} are more than a float can represent for numbers this large")
        if self.decimals is not None and self._whole(self.min) == self._whole(self.max):
            raise wrong(f"decimals: with {self.decimals} of them, min and max are the same number")
        return self

    def facts(self) -> dict[str, Any]:
        known = {"kind": "continuous", "dtype": "float64", "low": self.min, "high": self.max}
        if self.decimals is None:
            return {**known, "grid": None, "range": [self.min, self.max], **self._unstepped()}
        low, count = self._whole(self.min), self._whole(self.max) - self._whole(self.min)
        starts = self.bins if isinstance(self.bins, int) else [self._whole(start) - low for start in self.bins]
        grid = {"low": low, "step": 1, "decimals": self.decimals}
        return {**known, "grid": grid, "range": [0, count], **stepped(starts, count, self.missing)}

    def cells(self, values: pd.Series) -> pd.Series:
        return numbers(values).clip(self.min, self.max)

    def _whole(self, x: float) -> int:
        return round(x * 10 ** (self.decimals or 0))

    def _unstepped(self) -> dict[str, Any]:
        if isinstance(self.bins, int):
            edges = np.linspace(-1, 1, self.bins + 1)
        else:
            told = sorted({self.min, *self.bins, self.max})
            edges = np.array([2 * ((x / 2 - self.min / 2) / (self.max / 2 - self.min / 2)) - 1 for x in told])
        return parts((edges[:-1] + edges[1:]) / 2, np.diff(edges) / 2, self.missing)


class Constant(PublicColumn, kind="constant"):
    """The same value in every row; it is not learned, and what the table holds is not looked at."""

    value: bool | int | float | str | None = None
    """That value; by default none."""

    def facts(self) -> dict[str, Any]:
        dtype = (
            "bool" if isinstance(self.value, bool) else "object" if self.value is None else type_of([self.value], False)
        )
        return {"kind": "constant", "dtype": dtype, "missing": 0.0, "encoding": "none", "value": self.value}

    def cells(self, values: pd.Series) -> pd.Series:
        return values


class Identifier(PublicColumn, kind="identifier"):
    """Another value in every row (a key, a name): not learned and not looked at; made rows are numbered."""

    first: int = 1
    """The number of the first made row."""

    def facts(self) -> dict[str, Any]:
        known = {"kind": "identifier", "dtype": "int64", "missing": 0.0, "encoding": "none"}
        return {**known, "style": "number", "next": self.first}

    def cells(self, values: pd.Series) -> pd.Series:
        return values


# --- descriptions


def _read(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return from_yaml(value)
    except UserError as error:
        raise UserError(f"signal.public: {error}", code=error.code) from None


Described = Annotated[dict[str, PublicColumn], BeforeValidator(_read)]
"""Column → what is known of it; a text is the path of a YAML or JSON file that says so."""


def described(public: Mapping[str, PublicColumn], names: Sequence[str]) -> list[dict[str, Any]]:
    """What a description knows of each column of a table: its `Spec.state["columns"]`."""
    for name in names:
        if name not in public:
            raise UserError(
                f"signal.public: the column {name!r} is not described{did_you_mean(name, public)}. Describe "
                f"it, as `{{kind: integer, min: 0, max: 120}}`; or, to leave it out of training, as `constant` or "
                "`identifier`",
                code="column.not_described",
            )
    for name in public:
        if name not in names:
            raise UserError(
                f"signal.public: the table has no column {name!r}{did_you_mean(name, names)} "
                f"(its columns: {', '.join(names)})",
                code="column.not_found",
            )
    return [{"name": name, **public[name].facts()} for name in names]
