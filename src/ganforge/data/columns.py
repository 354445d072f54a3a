"""The columns of a table that describes samples, with what each of them holds.

The table is classified by the opener that knows tables (`Opener.columns`), so that a column beside images counts as
what it would be in a table of its own; `column_files` reads the files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        kind: "category", "boolean", "ordinal", "number", "date", "labels" (lists), "constant", or "many" (texts or keys
            of which few rows share one).
        values: of each row: text, a number (float), a list of texts; None where it is missing.
        notes: how it was read, as sentences without a period.
        of: the column of dates of which these are the years, days of the year or hours; "" of others.
    """

    name: str
    kind: str
    values: list[Any]
    notes: tuple[str, ...] = ()
    of: str = ""


@dataclass(frozen=True)
class Columns:
    """A table.

    Attributes:
        name: the user's name for it.
        each: its columns.
        notes: how the table as a whole was read, as sentences without a period.
        field: of the data source, which names the table, for messages.
    """

    name: str
    each: tuple[Column, ...]
    notes: tuple[str, ...] = ()
    field: str = "labels"

    @property
    def where(self) -> str:
        return f"data.{self.field}={self.name}"

    def __len__(self) -> int:
        """The number of its rows."""
        return len(self.each[0].values) if self.each else 0
