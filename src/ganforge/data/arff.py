"""ARFF files: tables with a declaration of each column, as Weka and the UCR and UEA archives have them.

    @relation weather
    @attribute outlook {sunny, 'light rain'}
    @attribute day date "yyyy-MM-dd"
    @attribute temperature numeric
    @data
    sunny, "2024-05-31", 21.5
    ?, "2024-06-01", ?

Source: the format's definition in Weka's manual (Attribute-Relation File Format). SciPy's reader knows no text columns.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, NoReturn

from ganforge.core import scratch
from ganforge.core.errors import UserError
from ganforge.core.extras import need
from ganforge.data import long_columns

if TYPE_CHECKING:
    import pandas as pd

ENDING = ".arff"
QUOTED = r"""'([^'\\]*(?:\\.[^'\\]*)*)'|"([^"\\]*(?:\\.[^"\\]*)*)\""""
VALUE = re.compile(rf"\s*(?:{QUOTED}|([^,]*?))\s*(?:,|$)", re.DOTALL)
DECLARED = re.compile(rf"@attribute\s+(?:{QUOTED}|([^\s{{]+))\s*(.*)", re.DOTALL | re.IGNORECASE)
JAVA = re.compile(r"'([^']*)'|(([A-Za-z])\3*)|([^A-Za-z'])")
ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
NUMBERS = ("numeric", "real", "integer")
ISO = "yyyy-MM-dd'T'HH:mm:ss"
"""Of dates whose form is not declared."""
DATE_CODES = {
    "yyyy": "%Y", "y": "%Y", "yy": "%y", "MM": "%m", "M": "%m", "MMM": "%b", "MMMM": "%B", "dd": "%d", "d": "%d",
    "HH": "%H", "H": "%H", "hh": "%I", "h": "%I", "mm": "%M", "m": "%M", "ss": "%S", "s": "%S", "SSS": "%f", "S": "%f",
    "a": "%p", "EEE": "%a", "EEEE": "%A", "Z": "%z", "X": "%z", "XX": "%z", "XXX": "%z",
}  # fmt: skip
"""Codes of Java's SimpleDateFormat, in which forms of dates are declared."""


@dataclass(frozen=True)
class Attribute:
    """A declared column.

    Attributes:
        kind: "rows" of one whose values are rows of `inner` columns (relational).
        form: of dates, for `strptime`.
    """

    name: str
    kind: Literal["number", "word", "text", "date", "rows"]
    form: str = ""
    inner: tuple[Attribute, ...] = ()


class Arff:
    """An open file: its declarations are read at once, its rows when they are asked for.

    Args:
        file: binary.
        name: the user's name for it, for messages.

    Raises:
        UserError: it is no ARFF file, or its declarations cannot be read.
    """

    def __init__(self, file: IO[bytes], name: str):
        self.name, self.line = name, 0
        self._lines = io.TextIOWrapper(file, encoding="utf-8-sig")
        self.attributes = tuple(self._declared())

    def rows(self) -> Iterator[list[str | None]]:
        """The values of each row as texts without quotes, None where they are missing.

        Raises:
            UserError: a row that does not fit the declarations.
        """
        expected = len(self.attributes)
        for line in self._each_line():
            if line.startswith("{"):
                self._fail("a sparse row ({index value, ...}); only rows with all values are read. Save it in the "
                           "dense form (in Weka: the filter SparseToNonSparse)")  # fmt: skip
            values = self._values(line)
            if len(values) != expected:
                self._fail(
                    f"{len(values)} value{'s' * (len(values) != 1)} where {expected} columns are declared. Is the file "
                    "cut off?"
                )
            yield values

    def _each_line(self) -> Iterator[str]:
        """Lines without comments and empty ones."""
        try:
            for line in self._lines:
                self.line += 1
                if (line := line.strip()) and not line.startswith("%"):
                    yield line
        except UnicodeDecodeError as error:
            self._fail(f"its text is not UTF-8 ({error.reason}). Save it as UTF-8")

    def _declared(self) -> Iterator[Attribute]:
        outer: Attribute | None = None
        inner: list[Attribute] = []
        seen: set[str] = set()
        for line in self._each_line():
            word = line.split(None, 1)[0].lower()
            if word == "@data":
                break
            if word == "@relation":
                continue
            if word == "@end" and outer is not None:
                yield Attribute(outer.name, "rows", inner=tuple(inner))
                outer, inner = None, []
                continue
            if word != "@attribute":
                self._fail(f"{line[:40]!r} is no declaration of an ARFF file (@relation, @attribute, @data)")
            found = self._attribute(line)
            if outer is not None:
                if found.kind == "rows":
                    self._fail("a relational column within another one is not read")
                inner.append(found)
                continue
            if found.name in seen:
                self._fail(f"the column {found.name!r} is declared twice")
            seen.add(found.name)
            if found.kind == "rows":
                outer = found
            else:
                yield found
        else:
            self._fail("no line with @data. Is the file cut off?")
        if outer is not None:
            self._fail(f"the relational column {outer.name!r} has no @end")
        if not seen:
            self._fail("no column is declared before @data")

    def _attribute(self, line: str) -> Attribute:
        found = DECLARED.fullmatch(line)
        if found is None:
            self._fail(f"{line[:60]!r} declares no column: @attribute NAME TYPE")
        one, other, bare, of = found.groups()
        name = bare if bare is not None else _unescaped(one if one is not None else other)
        kind = of.strip().lower()
        if kind.startswith("{"):
            if not kind.endswith("}"):
                self._fail(f"the words of {name!r} end without a closing brace")
            return Attribute(name, "word")
        if kind in NUMBERS:
            return Attribute(name, "number")
        if kind == "string":
            return Attribute(name, "text")
        if kind == "relational":
            return Attribute(name, "rows")
        if kind == "date" or kind.startswith(("date ", "date\t")):
            return Attribute(name, "date", self._form(of.strip()[4:].strip().strip("\"'") if kind != "date" else ISO))
        self._fail(
            f"the column {name!r} is of an unknown type, {of.strip()[:40]!r}. There are numeric, real, integer, "
            "string, date, relational, and {word, word, ...}"
        )

    def _form(self, declared: str) -> str:
        """A form of dates for `strptime`."""
        found = ""
        for part in JAVA.finditer(declared):
            quoted, letters, other = part[1], part[2], part[4]
            if letters and letters not in DATE_CODES:
                self._fail(f"dates of the form {declared!r} are not read, for {letters!r}")
            found += DATE_CODES[letters] if letters else (quoted or other or "").replace("%", "%%")
        return found

    def _values(self, line: str) -> list[str | None]:
        if "'" not in line and '"' not in line:
            parts = line.split(",") if "," in line or len(self.attributes) == 1 else line.split()
            return [None if (part := text.strip()) == "?" else part for text in parts]
        values: list[str | None] = []
        place = 0
        while place <= len(line):
            found = VALUE.match(line, place)
            assert found is not None, "anything is a value"
            one, other, bare = found.groups()
            if bare is None:
                values.append(_unescaped(one if one is not None else other))
            elif bare.startswith(("'", '"')):
                self._fail(f"a quote that is not closed before the next comma: {bare[:40]}. Is the file cut off?")
            else:
                values.append(None if bare == "?" else bare)
            if found.end() == len(line) and not found[0].endswith(","):
                break
            place = found.end()
        return values

    def _fail(self, what: str) -> NoReturn:
        where = f", line {self.line:,}" if self.line else ""
        raise UserError(f"data {self.name}{where}: {what}", code="arff.unreadable")


def is_arff(path: Path) -> bool:
    return path.name.lower().endswith(ENDING)


def table(file: IO[bytes], name: str, rows: int | None = None, texts: bool = False) -> pd.DataFrame:
    """The table of a file, or its first rows: numbers as such, dates as texts of the form 2024-05-31 (13:45:00), all
    else as it is written.

    Args:
        file: binary.
        name: the user's name for it, for messages.
        texts: numbers as they are written, too, and "" where a value is missing.

    Raises:
        UserError: it cannot be read, or its rows hold series (a relational column).
    """
    need("pandas", "a table")
    import pandas as pd

    opened = Arff(file, name)
    if any(one.kind == "rows" for one in opened.attributes):
        raise UserError(
            f"data {name}: each of its rows holds a time series (a relational column), so it is no table of plain "
            "values. Set data.signal=series",
            code="arff.holds_series",
        )
    found = opened.rows()

    def parts() -> Iterator[pd.DataFrame]:
        left = rows
        while part := list(islice(found, scratch.AT_ONCE if left is None else min(left, scratch.AT_ONCE))):
            left = None if left is None else left - len(part)
            columns = zip(opened.attributes, zip(*part, strict=True), strict=True)
            yield pd.DataFrame({one.name: _typed(list(values), one, name, texts) for one, values in columns})

    made = parts()
    first = next(made, None)
    if first is None:
        return pd.DataFrame({one.name: pd.Series([], dtype=object) for one in opened.attributes})
    return long_columns.rows_of(chain((first,), made))


def _typed(values: list[str | None], of: Attribute, name: str, texts: bool) -> pd.Series:
    import pandas as pd

    column = pd.Series(values, dtype=object)
    try:
        if of.kind == "date":
            column = _dates(column, of.form)
        elif of.kind == "number" and not texts:
            numbers: Any = pd.to_numeric(column)
            return numbers if numbers.dtype != object else numbers.astype("float64")
        return column.fillna("") if texts else column
    except ValueError as error:
        what = "numeric" if of.kind == "number" else "a date"
        raise UserError(
            f"data {name}: the column {of.name!r} is declared as {what}, and holds another value "
            f"({' '.join(str(error).split())[:120]})",
            code="arff.unreadable",
        ) from None


def _dates(texts: pd.Series, form: str) -> pd.Series:
    """Dates of a declared form as year-month-day, which needs no declaration."""
    import pandas as pd

    zoned = "%z" in form
    times = pd.to_datetime(texts, format=form, utc=zoned)
    clock = " %H:%M:%S" if re.search("%[HI]", form) else ""
    written = times.dt.strftime(f"%Y-%m-%d{clock}{'.%f' * ('%f' in form)}{'+00:00' * zoned}").astype(object)
    return written.where(times.notna(), None)


def _unescaped(text: str) -> str:
    """A text in quotes without its backslashes."""
    return re.sub(r"\\(.)", lambda found: ESCAPES.get(found[1], found[1]), text, flags=re.DOTALL)
