"""Records of files of molecules: SMILES a line, tables with a column of SMILES, SDF and MOL files."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence

from ganforge.core.errors import UserError
from ganforge.data.files_at import ending_of
from ganforge.modalities.molecule import chem
from ganforge.modalities.molecule.cleaning import Record
from ganforge.modalities.text.reading import unpacked

LINES, TABLES, BLOCKS = (".smi", ".smiles", ".can"), (".csv", ".tsv"), (".sdf", ".sd", ".mol")
PLAIN = (*LINES, *BLOCKS)
"""The endings of files of molecules and nothing else."""
NAMED = re.compile(r"(?i)(canonical|isomeric|std|standardized)?[ _.-]*smiles?([ _.-]*(string|code))?")
FIELD = re.compile(r"^>.*?<([^>\n]+)>[^\n]*\n(.*?)(?:\n\s*\n|\Z)", re.MULTILINE | re.DOTALL)
LONGEST = 5_000
"""Characters of a SMILES; longer lines are no molecules."""
PROBED = 50


def text_of(data: bytes, name: str) -> str:
    """The text of a file, unpacked where it is gzip.

    Raises:
        UserError: it is damaged or binary.
    """
    data = unpacked(data, name)
    if b"\0" in data[:65_536]:
        raise UserError(
            f"data {name}: binary data, not molecules. Molecules are read from .smi, .sdf, .mol and .csv files",
            code="molecule.binary",
        )
    return data.decode("utf-8-sig", "replace").replace("\r\n", "\n").replace("\r", "\n")


def smiles_column(columns: Sequence[str]) -> str | None:
    """The column whose name says that it holds SMILES; None if there is none."""
    return next((one for one in columns if NAMED.fullmatch(one.strip())), None)


def records(data: bytes, name: str, column: str | None = None) -> Iterator[Record]:
    """The records of a file, by its ending.

    Args:
        column: of a table, the one that holds the SMILES; found by default.

    Raises:
        UserError: it is binary or damaged, or a table without SMILES.
    """
    text, ending = text_of(data, name), ending_of(name)
    if ending in BLOCKS:
        return _blocks(text, name)
    if ending in TABLES:
        return _rows(text, name, column)
    return _lines(text, name)


def _lines(text: str, name: str) -> Iterator[Record]:
    """A SMILES a line, with a name after it; a first line of names of columns is left out."""
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        first = re.split(r"[\s,;]", line.strip(), maxsplit=1)[0]
        if number == 1 and NAMED.fullmatch(first.strip('"')):
            continue
        yield Record(f"{name}, line {number}", first[: LONGEST + 1] if len(first) <= LONGEST else "(too long)")


def _rows(text: str, name: str, column: str | None) -> Iterator[Record]:
    delimiter = max(",;\t|", key=text.partition("\n")[0].count)
    csv.field_size_limit(2**27)
    reader = csv.DictReader(io.StringIO(text), delimiter=delimiter)
    columns = [one for one in reader.fieldnames or [] if one]
    if column is not None and column not in columns:
        raise UserError(
            f"data.column={column}: {name} has no such column (it has {', '.join(columns)})",
            code="molecule.no_such_column",
        )
    rows = list(reader)
    column = column or smiles_column(columns) or _parsing_column(rows, columns)
    if column is None:
        raise UserError(
            f"data {name}: no column of SMILES. Name it: data.kind=molecule_file data.path={name} data.column=NAME "
            f"(it has {', '.join(columns)})",
            code="molecule.no_smiles",
        )
    for number, row in enumerate(rows, 2):
        values = {key: value for key, value in row.items() if key and key != column and isinstance(value, str)}
        yield Record(f"{name}, row {number}", row.get(column) or "", values)


def _parsing_column(rows: Sequence[dict[str, str]], columns: Sequence[str]) -> str | None:
    """The column most of whose first values are SMILES and not words or numbers."""
    some = rows[:PROBED]

    def share(column: str) -> float:
        texts = [row.get(column) or "" for row in some]
        return sum(chem.canonical(text) is not None for text in texts if not text.isdigit()) / max(1, len(texts))

    best = max(columns, key=share, default=None)
    return best if best is not None and share(best) > 0.5 else None


def _blocks(text: str, name: str) -> Iterator[Record]:
    """The entries of an SDF file (V2000 or V3000), or the one of a MOL file, with their fields."""
    for number, entry in enumerate(re.split(r"^\$\$\$\$[^\n]*\n?", text, flags=re.MULTILINE), 1):
        if not entry.strip():
            continue
        block, end, rest = entry.partition("M  END")
        values = {key.strip(): value.strip() for key, value in FIELD.findall(rest)}
        yield Record(f"{name}, entry {number}", block + end, values, block=True)
