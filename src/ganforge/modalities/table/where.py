"""What rows are asked for: `education=Bachelors`, `age>40`, `workclass!=Private`, `city=` (missing).

Signs: = (or ==), !=, <, <=, >, >=. Words: `age between 30 and 40` (both included), `education in Bachelors,Masters`,
`education not in ...`, `city is missing`, `city is not missing`. A value is written as the table holds it; in a list
one that holds a comma is quoted: `city in "Paris, TX",Rome`.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ganforge.core.errors import UserError, did_you_mean
from ganforge.core.types import Spec
from ganforge.data import amounts, dates
from ganforge.modalities.table.columns import kinds

if TYPE_CHECKING:
    import pandas as pd

SIGNS = re.compile(r"\s*(>=|<=|!=|==|=|>|<)\s*(.*)", re.DOTALL)
EQUAL = ("=", "==")
LISTED = re.compile(r"\s+(not\s+)?in\s+(.+)", re.DOTALL | re.IGNORECASE)
BETWEEN = re.compile(r"\s+between\s+(.+?)\s+and\s+(.+)", re.DOTALL | re.IGNORECASE)
MISSING = re.compile(r"\s+is\s+(not\s+)?(?:missing|null)\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Clause:
    """One condition on one column.

    Attributes:
        column: as `Spec.state["columns"]` describes it.
        sign: one of = != < <= > >=.
        value: of the column's type; None for missing.
        places: the values of a column that is picked, and where each is; empty for one that is measured.
    """

    column: dict[str, Any]
    sign: str
    value: Any
    places: dict[Any, int]

    def holds(self, rows: pd.DataFrame) -> np.ndarray:
        """Which rows meet it, bool [N]. A missing value meets nothing but the condition for it, and `!=`."""
        values: Any = rows[self.column["name"]]
        missing = values.isna().to_numpy()
        if self.value is None:
            return missing if self.sign == "=" else ~missing
        present = values[~missing]
        if self.column.get("format"):  # dates or numbers that the table holds as text
            present = kinds.as_numbers(present, self.column)
        if self.sign in ("=", "!="):
            found = (present.astype(object) == self.value) == (self.sign == "=")
        elif self.places and not _is_number(self.value):  # an order of its own
            found = self._compare(present.astype(object).map(self.places).astype(float), self.places[self.value])
        else:
            found = self._compare(present, self.value)
        result = np.full(len(values), self.sign == "!=")
        result[~missing] = np.asarray(found, bool)
        return result

    def _compare(self, values: Any, value: Any) -> Any:
        match self.sign:
            case "<":
                return values < value
            case "<=":
                return values <= value
            case ">":
                return values > value
            case _:
                return values >= value


@dataclass(frozen=True)
class AnyOf:
    """Conditions on one column, of which a row meets one."""

    clauses: tuple[Clause, ...]

    def holds(self, rows: pd.DataFrame) -> np.ndarray:
        """Which rows meet one of them, bool [N]."""
        return np.logical_or.reduce([clause.holds(rows) for clause in self.clauses])


def read(texts: Sequence[str], spec: Spec) -> list[Clause | AnyOf]:
    """Conditions from texts, all of which a row is to meet.

    Raises:
        UserError: a column or a value that the table does not have, or a sign that has no meaning for it.
    """
    return [clause for text in texts for clause in _clauses(text, spec)]


def condition_of(clauses: Sequence[Clause | AnyOf], spec: Spec) -> int | None:
    """The rarest of the categories asked for, as its place in the conditional vector; None where none is."""
    best, share = None, np.inf
    for entry in spec.state.get("conditions", []):
        for clause in clauses:
            if isinstance(clause, Clause) and clause.column["name"] == entry["column"] and clause.sign == "=":
                place = clause.column["missing_at"] if clause.value is None else clause.places.get(clause.value)
                place = clause.column["other_at"] if place is None else place
                rows = entry["frequencies"][place] / sum(entry["frequencies"])
                if rows < share:
                    best, share = entry["start"] + place, rows
    return best


def _clauses(text: str, spec: Spec) -> list[Clause | AnyOf]:
    """One condition, or for `between` and `not in` several."""
    on_one_line = {" ".join(c["name"].split()): c for c in spec.state["columns"]}  # of a name with a line break
    columns = on_one_line | {c["name"]: c for c in spec.state["columns"]}
    for name in sorted(columns, key=len, reverse=True):  # a name may hold a sign
        if not text.startswith(name):
            continue
        column, rest = columns[name], text[len(name) :]
        if (found := SIGNS.fullmatch(rest)) is not None:
            sign = "=" if found[1] in EQUAL else found[1]
            return [_typed(text, column, sign, found[2].strip())]
        if (found := MISSING.fullmatch(rest)) is not None:
            return [_typed(text, column, "!=" if found[1] else "=", "(missing)")]
        if (found := BETWEEN.fullmatch(rest)) is not None:
            return [_typed(text, column, ">=", found[1].strip()), _typed(text, column, "<=", found[2].strip())]
        if (found := LISTED.fullmatch(rest)) is not None:
            values = next(csv.reader([found[2]], skipinitialspace=True))
            each = [_typed(text, column, "!=" if found[1] else "=", value.strip()) for value in values]
            return [*each] if found[1] else [AnyOf(tuple(each))]
    name = re.split(r"[<>=!]|\s+(?:not\s+in|in|between|is)\s", text, maxsplit=1)[0].strip()
    if name in columns:
        raise UserError(
            f"where {text!r}: expected column=value, one of the operators != < <= > >=, or one of the words in, "
            "between and is missing",
            code="where.no_comparison",
        )
    raise UserError(
        f"where {text!r}: no column {name!r}{did_you_mean(name, on_one_line)} (columns: {', '.join(on_one_line)})",
        code="column.not_found",
    )


def _typed(text: str, column: dict[str, Any], sign: str, value: str) -> Clause:
    name = column["name"]
    if column["encoding"] == "none":
        raise UserError(
            f"where {text!r}: the column {name!r} is {_an(column['kind'])} and is not learned",
            code="where.column_not_learned",
        )
    if value in ("", "(missing)"):
        if sign not in ("=", "!="):
            raise UserError(
                f"where {text!r}: a missing value cannot be ordered; use = or !=", code="where.operator_not_supported"
            )
        if not column["missing"]:
            raise UserError(
                f"where {text!r}: {name!r} had no missing values in the table this model was trained on",
                code="where.nothing_missing",
            )
        return Clause(column, sign, None, {})
    if column["encoding"] == "onehot":
        return _of_picked(text, column, sign, value)
    wanted: Any = _date(value, column) if column["kind"] == "datetime" else _in_form(value, column)
    if wanted is None:
        kind = "a date" if column["kind"] == "datetime" else "a number"
        raise UserError(
            f"where {text!r}: {value!r} is not {kind}, and {name!r} is {_an(column['kind'])} column",
            code="where.wrong_type",
        )
    low, high = (
        _date(v, column | {"format": None}) if column["kind"] == "datetime" else v
        for v in (column["low"], column["high"])
    )
    never = {"=": wanted < low or wanted > high, "<": wanted <= low, "<=": wanted < low, ">": wanted >= high}
    if never.get(sign, sign == ">=" and wanted > high):
        raise UserError(
            f"where {text!r}: no row can match; {name!r} ranges from {column['low']} to {column['high']}",
            code="where.out_of_range",
        )
    return Clause(column, sign, wanted, {})


def _of_picked(text: str, column: dict[str, Any], sign: str, value: str) -> Clause:
    """A condition on a column whose values are picked."""
    name, special = column["name"], (column["missing_at"], column["other_at"])
    places = {v: k for k, v in enumerate(column["values"]) if k not in special}
    rare = column.get("rare", {}).get("values", [])
    if sign in ("=", "!="):
        known = {str(v): v for v in [*rare, *places]}
        number = _number(value)
        for v in () if value in known or number is None else [*places, *rare]:
            if _is_number(v) and v == number:  # 13.0 for 13
                known[value] = v
        if value not in known:
            shown = ", ".join(list(map(str, places))[:12]) + (f", ... {len(known)} in all" if len(known) > 12 else "")
            raise UserError(
                f"where {text!r}: {name!r} never has the value {value!r}{did_you_mean(value, map(str, known))} "
                f"(known: {shown})",
                code="where.unknown_value",
            )
        return Clause(column, sign, known[value], places)
    if all(_is_number(v) for v in places):
        number = _number(value)
        if number is None:
            raise UserError(
                f"where {text!r}: {value!r} is not a number, and {name!r} is a column of numbers",
                code="where.wrong_type",
            )
        clause = Clause(column, sign, number, places)
        if not any(clause._compare(v, number) for v in [*places, *rare]):
            raise UserError(
                f"where {text!r}: no row can match; {name!r} ranges from {min(places)} to {max(places)}",
                code="where.out_of_range",
            )
        return clause
    if not column.get("ordered"):
        raise UserError(
            f"where {text!r}: {name!r} is {_an(column['kind'])} column, which supports = and != only",
            code="where.operator_not_supported",
        )
    known = {str(v): v for v in places}
    if value not in known:
        raise UserError(
            f"where {text!r}: {name!r} never has the value {value!r} (known: {', '.join(known)})",
            code="where.unknown_value",
        )
    return Clause(column, sign, known[value], places)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _in_form(text: str, column: dict[str, Any]) -> int | float | None:
    """A number as the column writes them, or as any program does; whole ones are exact."""
    import pandas as pd

    form = column.get("format")
    if isinstance(form, dict):
        found = amounts.read(pd.Series([text], dtype=object), form)
        if found.notna()[0]:
            return found.tolist()[0]
    try:
        return int(text)
    except ValueError:
        return _number(text)


def _date(text: str, column: dict[str, Any]) -> Any:
    """A date as the column writes them, or as 2024-05-31."""
    date, zone = dates.stamp(text, column.get("format")), column["zone"]
    if date is None or (zone is None) == (date.tzinfo is None):
        return date
    return date.tz_localize(zone) if zone is not None else date.tz_localize(None)


def _an(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeio" else f"a {kind}"
