"""What a column is read as, decided once from all of its values, and said: `look`.

    texts     dates of one form (`dates`), numbers of one form (`amounts`), else texts; nine of ten values decide, and
              what the rest of such a column holds counts as missing
    integers  dates such as 20240531; a mark for missing at the end of a number type (-2^63); else numbers
    any       whether it names its row: a running number, an identifier, a key of 16 digits and more; or has so
              many values that few rows share one, as surnames and keys of other tables do

The result goes with the table into all of its parts, so no part is read in another way than the whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ganforge.core import scratch
from ganforge.core.overrides import assignment
from ganforge.data import amounts, dates, long_columns

if TYPE_CHECKING:
    import pandas as pd

ID_NAME = re.compile(
    r"(?i:(^|[_\s.-])(id|uuid|guid|key|index|nr|no|number|num|row)$|^id[_\s.-]|^unnamed: ?0$)|"
    r"[a-z](Id|ID|Nr|No|Number|Num|Key|Index|Uuid|UUID|Guid|GUID)$"
)
KEY_NAME = re.compile(r"(?i:(^|[_\s.-])(id|uuid|guid|key)$|^id[_\s.-])|[a-z](Id|ID|Key|Uuid|UUID|Guid|GUID)$")
FEW_ROWS = 20  # with fewer, that no two values agree says nothing
NEARLY_ALL = 0.9  # of the values differ: they name their rows, though a few come twice
LONG_RUN = 300  # rows that count up by one: a running number wherever it starts, where fewer may be years
EXACT = 2**53  # whole numbers beyond are no measurements but keys, and no float holds them
MANY = 100  # rows, for nearly all of them to say something; values, to be too many to learn where rows are few
ROWS_A_NAME = 10  # on average: with fewer there is nothing to learn of what goes with one value
FREQUENT = 0.01  # of the rows: a value this frequent can be learned; if half of the rows have one, the column is
REPEATS = 20  # that chance would have made among as many numbers of that range, where there are none
SURE_ROWS = 1_000  # fewer may be distinct by design, as years are
MARKS = {-(2**63), 2**63 - 1, 2**64 - 1, -(2**31), 2**31 - 1}
FAR = 1_000  # times as large as all other values is a mark for missing


@dataclass(frozen=True)
class Detected:
    """What a column is read as.

    Attributes:
        form: in which it writes dates (a `dates` format) or numbers (an `amounts` form); None: it holds its values.
        offset: of dates whose zones differ, the one they are written with.
        names_rows: why its values name their rows, so that there is nothing to learn of them; "" where they do not.
        many: why its values are drawn as often as they occur and not learned: few rows share one; "" where they are.
        exact: whole numbers that a float cannot hold, to be picked and not measured.
        notes: what was converted, dropped or guessed.
    """

    form: str | dict[str, Any] | None = None
    offset: str = ""
    names_rows: str = ""
    many: str = ""
    exact: bool = False
    notes: tuple[str, ...] = ()

    @property
    def as_date(self) -> bool:
        return isinstance(self.form, str)

    @property
    def as_number(self) -> bool:
        return isinstance(self.form, dict)


@dataclass(frozen=True)
class Hints:
    """What other columns say of how a table is written: `day` is "%d" or "%m", whichever stands first in its dates."""

    day: str = ""
    decimal_comma: bool = False


def detect(values: pd.Series, hints: Hints = Hints()) -> tuple[pd.Series, Detected]:
    """A column with what cannot be read taken out, and what it is read as."""
    import pandas as pd

    types = pd.api.types
    kind = values.dtype
    if isinstance(kind, pd.CategoricalDtype):
        return values, Detected(many=_many(long_columns.present_in(values)))
    if types.is_bool_dtype(kind) or types.is_datetime64_any_dtype(kind):
        return values, Detected()
    if types.is_numeric_dtype(kind):
        values, found = _of_numbers(values)
    else:
        values, found = _of_texts(values, hints)
    return values, replace(found, **_rows(values, found))


def _of_texts(values: pd.Series, hints: Hints) -> tuple[pd.Series, Detected]:
    present = long_columns.present_in(values)
    seen = [str(v) for v in present.unique().tolist()]
    if not seen:
        return values, Detected()
    name = repr(values.name)
    date = dates.find(seen, hints.day)
    if date is not None:
        unread = values.notna() & dates.read(values, date.format).isna()
        example = _first(values, values.notna() & ~unread)
        notes = _dropped(name, values.loc[unread], len(present), f"dates such as {example}")
        if date.other:
            notes.append(
                f"column {name}: {example!r} may begin with the day or the month; read as {date.format}. If that is "
                f"wrong: {assignment('signal.formats', str(values.name), date.other)}"
            )
        if "%y" in date.format:
            notes.append(f"column {name}: years of two digits are read as 1969 to 2068 ({date.format})")
        if date.offset:
            notes.append(f"column {name}: its time zones differ; new rows are written in {date.offset}")
        return _without(values, unread), Detected(date.format, date.offset, notes=tuple(notes))
    form = amounts.find(seen, hints.decimal_comma)
    if form is None:
        return values, Detected()
    unread = values.notna() & amounts.read(values, form).isna().to_numpy(dtype=bool)
    notes = _dropped(name, values.loc[unread], len(present), "numbers")
    if not amounts.is_plain(form):
        guess = ". Whether the comma stands before decimals cannot be seen" if form["guessed"] else ""
        example = _first(values, values.notna() & ~unread)
        notes.append(
            f"column {name}: text such as {example!r} is read as numbers ({amounts.said(form)}) and written back so"
            f"{guess}"
        )
    return _without(values, unread), Detected(form, notes=tuple(notes))


def _first(values: pd.Series, wanted: pd.Series) -> str:
    """The first of the wanted values, as text."""
    return str(values.iloc[int(wanted.to_numpy(dtype=bool).argmax())])


def _without(values: pd.Series, unread: pd.Series) -> pd.Series:
    """A column in which the values that cannot be read are missing."""
    if not scratch.is_long(len(values)):
        return values.mask(unread)
    if not unread.any():
        return values
    return long_columns.piecewise(lambda part: part.mask(unread.loc[part.index]), values)


def _of_numbers(values: pd.Series) -> tuple[pd.Series, Detected]:
    present = long_columns.present_in(values)
    if not _whole(present):
        return values, Detected()
    values, notes = _without_marks(values, present)
    present = long_columns.present_in(values)
    if values.dtype.kind in "iu" and len(present) and present.min() >= 10**7 and present.max() <= 10**8:
        form = dates.find([str(v) for v in present.unique().tolist()])
        if form is not None and dates.read(present, form.format).notna().all():
            note = f"column {values.name!r}: numbers such as {present.iloc[0]} are read as dates ({form.format})"
            return values, Detected(form.format, notes=(*notes, note))
    return values, Detected(notes=tuple(notes))


def _without_marks(values: pd.Series, present: pd.Series) -> tuple[pd.Series, list[str]]:
    """The column without numbers at the end of a number type that lie far beyond all others: they mean missing."""
    import pandas as pd

    exact = values.dtype.kind in "iu"
    if not exact:
        present = present.loc[np.isfinite(present.to_numpy(np.float64))]
    ends = {int(present.min()), int(present.max())} if len(present) else set()
    # A float of -2^63 is the same mark; one of 2^63 - 1 was rounded up.
    marks = ends & (MARKS if exact else MARKS | {2**63, 2**64})
    for mark in sorted(marks):
        others = present[present != mark]
        if not len(others) or max(abs(int(others.min())), abs(int(others.max())), 1) * FAR > abs(mark):
            continue
        at = values == mark
        count = int(at.fillna(False).sum())
        kind = (
            values.dtype.name.replace("i", "I").replace("uI", "UI")
            if exact and isinstance(values.dtype, np.dtype)
            else ""
        )
        values = values.astype(kind).mask(at, pd.NA) if kind else values.mask(at)
        note = f"column {values.name!r}: {count:,} values are {mark}, the end of its number type, and count as missing"
        return values, [note]
    return values, []


def _rows(values: pd.Series, found: Detected) -> dict[str, Any]:
    """What a look knows of values that are too many to learn: `names_rows`, `many`, `exact`."""
    present = long_columns.present_in(values)
    n = len(present)
    if n < FEW_ROWS or found.as_date:
        return {}
    numeric: Any = amounts.read(present, found.form) if isinstance(found.form, dict) else present
    distinct = long_columns.distinct(present)
    named = ID_NAME.search(str(values.name)) is not None
    if numeric.dtype.kind not in "iuf":
        if distinct == n:
            return {"names_rows": "no value comes twice"}
        if distinct >= NEARLY_ALL * n and n >= MANY:
            return {"names_rows": f"{distinct:,} of {n:,} values differ"}
        return {"many": _many(present)}
    if not _whole(numeric) or (numeric.dtype.kind == "f" and _largest(numeric) >= 2**63):
        return {}  # numbers so large are measured, in whatever steps a float has there
    if _largest(numeric) >= EXACT and numeric.abs().median() >= EXACT:
        return (
            {"names_rows": "no number comes twice, and no float holds them"}
            if distinct == n
            else {"exact": True, "many": _many(present)}
        )
    if distinct == n and named:
        return {"names_rows": "no number comes twice, and its name says so"}
    if distinct >= NEARLY_ALL * n and n >= MANY and named:
        return {"names_rows": f"{distinct:,} of {n:,} numbers differ, and its name says so"}
    if distinct == n and n == len(values) and _counts_rows(numeric):
        return {"names_rows": "it counts the rows"}
    if distinct == n >= SURE_ROWS and (repeats := _repeats(numeric)) >= REPEATS:
        return {"names_rows": f"no number comes twice, where chance would have repeated some {repeats:,.0f} of them"}
    if KEY_NAME.search(str(values.name)) is not None:
        return {"many": _many(present)}
    return {}


def _many(present: pd.Series) -> str:
    """Why a column of values to pick from is not learned: it has many, and few rows share one; "" where it is."""
    n = len(present)
    counts = present.value_counts().to_numpy()
    distinct = int((counts > 0).sum())
    few_share_one = counts[counts < FREQUENT * n].sum() * 2 > n
    many = distinct > MANY and distinct * ROWS_A_NAME > n and few_share_one
    return f"{distinct:,} values in {n:,} rows" if many else ""


def _repeats(numbers: pd.Series) -> float:
    """How many pairs of equal numbers there would be at least, were they independent: n²/2 over their range.

    An even spread over the range repeats least, so numbers that never repeat were given out, one a row.
    """
    return len(numbers) ** 2 / 2 / (float(numbers.max()) - float(numbers.min()) + 1)


def _largest(numbers: pd.Series) -> float:
    """The largest absolute value."""
    return max(abs(float(numbers.min())), abs(float(numbers.max())))


def _whole(present: pd.Series) -> bool:
    if present.dtype.kind in "iu":
        return True
    return len(present) > 0 and long_columns.every(
        lambda part: bool((np.rint(x := part.to_numpy(np.float64)) == x).all()), present
    )


def _counts_rows(numbers: pd.Series) -> bool:
    """Whether numbers count the rows, as an index that was saved does; years may count up, too, but not from 0."""
    n, first, low, high = len(numbers), float(numbers.iloc[0]), float(numbers.min()), float(numbers.max())
    runs = all(bool((np.diff(numbers.iloc[p].to_numpy(np.float64)) == 1).all()) for p in scratch.overlapping(n))
    if runs and (first in (0, 1) or n >= LONG_RUN):
        return True
    shuffled = high - low + 1 == n
    return bool(shuffled and n >= MANY and (low in (0, 1) or n >= LONG_RUN))


def _dropped(name: str, unread: pd.Series, of: int, what: str) -> list[str]:
    """What is said of values that count as missing, since all the others are something else."""
    if not len(unread):
        return []
    counts = unread.value_counts()
    shown = ", ".join(f"{text!r} ({count:,})" for text, count in counts.head(3).items())
    more = f" and {len(counts) - 3:,} others" if len(counts) > 3 else ""
    return [
        f"column {name} holds {what} but for {len(unread):,} of its {of:,} values, which count as missing: "
        f"{shown}{more}"
    ]
