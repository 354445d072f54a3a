"""Rows of CSV, TSV and Parquet files: delimiter, encoding and header are found, rows that do not fit are named."""

from __future__ import annotations

import csv
import gzip
import hashlib
import itertools
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ganforge.core import scratch
from ganforge.core.errors import UserError
from ganforge.core.extras import need
from ganforge.data import long_columns
from ganforge.modalities.table import encodings
from ganforge.modalities.table.cells import from_texts

if TYPE_CHECKING:
    import pandas as pd

DELIMITERS = (",", ";", "\t", "|")
PROBE = 1_000  # records looked at before a file is read
LONGEST = 1_000  # lines that a record in quotes may have
SKIPPED_AT_MOST = 0.1  # of the rows; beyond, something else is wrong


class TextOptions(Protocol):
    """How a text file is to be read; the fields of `TableFile`."""

    @property
    def path(self) -> str: ...
    @property
    def delimiter(self) -> str | None: ...
    @property
    def encoding(self) -> str | None: ...
    @property
    def header(self) -> bool: ...
    @property
    def missing(self) -> tuple[str, ...]: ...


def read_parquet(path: Path, name: str) -> pd.DataFrame:
    need("pyarrow", "reading a Parquet file")
    need("pandas", "a table")
    import pandas as pd
    import pyarrow

    try:
        long = _long_parquet(path)
        return pd.read_parquet(path) if long is None else long
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise UserError(
            f"data {name}: cannot be read as Parquet ({' '.join(str(error).split())[:160]})", code="table.unreadable"
        ) from None


def _long_parquet(path: Path) -> pd.DataFrame | None:
    """A long file part by part; None of a short one, and where a part alone does not say what type its column has."""
    import pyarrow as pa
    import pyarrow.parquet

    file = pyarrow.parquet.ParquetFile(path)
    schema, kinds = file.schema_arrow, pa.types
    plain = (kinds.is_integer, kinds.is_floating, kinds.is_boolean, kinds.is_timestamp, kinds.is_string,
             kinds.is_large_string)  # fmt: skip
    if not scratch.is_long(file.metadata.num_rows) or not all(any(test(of) for test in plain) for of in schema.types):
        return None
    made = schema.empty_table().to_pandas().dtypes
    whole = [k for k, of in enumerate(schema.types) if kinds.is_integer(of) or kinds.is_boolean(of)]
    # Where pandas has no type of its own for them, integers become floats if one is missing.
    if any(isinstance(made.get(schema.names[k]), np.dtype) and _gaps(file.metadata, k) for k in whole):
        return None
    return long_columns.rows_of(part.to_pandas() for part in file.iter_batches(scratch.AT_ONCE))


def _gaps(metadata: Any, column: int) -> bool:
    """Whether values of a column of a Parquet file are missing, or the file does not say."""
    found = [metadata.row_group(k).column(column).statistics for k in range(metadata.num_row_groups)]
    return any(one is None or not one.has_null_count or one.null_count for one in found)


def read_text(path: Path, source: TextOptions) -> tuple[pd.DataFrame, list[str], list[tuple[str, str]]]:
    """The table of a text file, what was noted, and the rows that could not be used."""
    cells, notes, skipped = read_cells(path, source)
    for k, name in enumerate(cells.columns):
        cells.isetitem(k, from_texts(name.strip() or f"column {k + 1}", cells.iloc[:, k], notes))
    return cells, notes, skipped


def read_cells(path: Path, source: TextOptions) -> tuple[pd.DataFrame, list[str], list[tuple[str, str]]]:
    """The same with every cell as the text that the file holds."""
    need("pandas", "a table")
    import pandas as pd

    name, notes, names = source.path, [], []
    encodings.refuse_other_files(path, name)
    encoding = source.encoding or encodings.find(path, name)
    if source.encoding is None and encoding in encodings.KNOWN:
        notes.append(
            f"its text is not UTF-8; read as {encoding} ({encodings.KNOWN[encoding]}), of {encodings.tried()}. Set "
            "data.encoding if letters look wrong"
        )
    try:
        with encodings.text_of(path, encoding) as file:
            first = list(itertools.islice(file, PROBE))
        if not any(line.strip() for line in first):
            raise UserError(f"data {name}: the file is empty", code="data.empty_file")
        delimiter = source.delimiter or _delimiter(first, path)
        sample = list(csv.reader(first, delimiter=delimiter, skipinitialspace=True))
        names = _header(sample, delimiter, source)
        notes += _maybe_values(sample, names, source)
        with encodings.text_of(path, encoding) as file:
            records = _Records(file, delimiter, len(names), name)
            if source.header:
                records.skip_one()
            parts = pd.read_csv(
                records,  # type: ignore[arg-type]  # has what pandas asks of a file
                sep=delimiter,
                header=None,
                names=list(range(len(names))),
                index_col=False,
                skipinitialspace=True,
                na_values=list(source.missing),
                dtype=str,  # what a column is, all of it says: `cells.from_texts`
                low_memory=False,
                chunksize=scratch.AT_ONCE,
            )
            frame = long_columns.rows_of(parts)
    except UnicodeError as error:
        raise UserError(
            f"data {name}: its text is not valid {encoding} ({error}). Leave data.encoding out to detect it "
            "automatically",
            code="table.wrong_encoding",
        ) from None
    except LookupError:
        raise UserError(
            f"data.encoding={encoding}: no such encoding; use utf-8, gb18030, latin-1 or utf-16, for example",
            code="table.unknown_encoding",
        ) from None
    except pd.errors.EmptyDataError:
        raise UserError(
            f"data {name}: it has column names ({', '.join(names[:5])}) and no rows", code="table.no_rows"
        ) from None
    except (csv.Error, pd.errors.ParserError) as error:
        raise UserError(
            f"data {name}: cannot be read as a table ({' '.join(str(error).split())[:160]})", code="table.unreadable"
        ) from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UserError(
            f"data {name}: damaged or truncated ({error}); get the file again", code="table.damaged"
        ) from None
    total = len(frame) + len(records.skipped)
    if len(records.skipped) > SKIPPED_AT_MOST * total:
        some = "\n  ".join(f"{where}: {why}" for where, why in records.skipped[:3])
        raise UserError(
            f"data {name}: {len(records.skipped):,} of its {total:,} rows do not have the {len(names)} fields "
            f"of the first line, so the delimiter {delimiter!r} or the file is wrong:\n  {some}\nFix the file, "
            "or set data.kind=table data.delimiter=...",
            code="table.field_counts_differ",
        )
    frame.columns = names
    return frame, notes, records.skipped


def _delimiter(lines: list[str], path: Path) -> str:
    """The one that splits the most lines into the same number of fields.

    Of equals one that splits the first line so, too: a decimal comma splits every row, but not the names of columns. Of
    these the one that makes the most fields.
    """
    best, score = "\t" if ".tsv" in path.name.lower() else ",", (0.0, False, 1)
    for candidate in DELIMITERS:
        try:
            widths = [len(row) for row in csv.reader(lines, delimiter=candidate) if row]
        except csv.Error:
            continue
        (fields, often), *_ = Counter(widths).most_common(1)
        found = (round(often / len(widths), 1), widths[0] == fields, fields)
        if fields > 1 and found > score:
            best, score = candidate, found
    return best


def _header(sample: list[list[str]], delimiter: str, source: TextOptions) -> list[str]:
    """The names of the columns."""
    first = next(row for row in sample if row)
    others = [d for d in DELIMITERS if d != delimiter and d in first[0]]
    if len(first) == 1 and others and source.delimiter is not None:
        raise UserError(
            f"data.delimiter={delimiter!r}: the whole line would be one column, {first[0][:60]!r}. Leave it "
            "out to detect the delimiter automatically",
            code="table.wrong_delimiter",
        )
    if not source.header:
        return [f"column {k + 1}" for k in range(len(first))]
    if all(_is_number(cell) for cell in first):
        raise UserError(
            f"data {source.path}: its first line holds numbers ({', '.join(first[:3])}), not column names. Add "
            "a line of names, or set data.kind=table data.header=false",
            code="table.no_header",
        )
    return first


def _maybe_values(sample: list[list[str]], names: list[str], source: TextOptions) -> list[str]:
    """What is said where some names are numbers as the cells below them are: the first line may be a row."""
    rows = [row for row in sample if len(row) == len(names)][1:]
    numbers = [
        name
        for k, name in enumerate(names)
        if source.header and _is_number(name) and all(_is_number(r[k]) for r in rows)
    ]
    if not numbers or not rows:
        return []
    some = ", ".join(repr(name) for name in numbers[:3])
    return [
        f"its first line is taken for names, but {some} {'is a number' if len(numbers) == 1 else 'are numbers'} as all "
        "below. If it is a row: data.kind=table data.header=false"
    ]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


class _Records:
    """The records of a text file that have the right number of fields, as a file that pandas can read.

    Args:
        lines: of the file.
        delimiter: between fields.
        width: fields of a record.
        name: of the file, for messages.

    Attributes:
        skipped: (line, why) of all others.
    """

    def __init__(self, lines: Iterator[str], delimiter: str, width: int, name: str):
        self.lines, self.delimiter, self.width, self.name = lines, delimiter, width, name
        self.skipped: list[tuple[str, str]] = []
        self.number = 0  # of the line read last
        self.rest = ""

    def skip_one(self) -> None:
        """Passes the header."""
        next(self._good(any_width=True), None)

    def read(self, size: int = -1) -> str:
        """About `size` characters, whole records; all where `size` is negative."""
        parts, length = [self.rest] if self.rest else [], len(self.rest)
        for record in self._good():
            parts.append(record)
            length += len(record)
            if 0 <= size <= length:
                break
        text = "".join(parts)
        if size < 0:
            self.rest = ""
            return text
        self.rest = text[size:]
        return text[:size]

    def __iter__(self) -> Iterator[str]:
        return self._good()

    def _good(self, any_width: bool = False) -> Iterator[str]:
        for line in self.lines:
            self.number += 1
            begin, text = self.number, line
            if '"' in line:
                text, fields = self._quoted(line)
            else:
                fields = line.count(self.delimiter) + 1
            if not text.strip():
                continue
            if fields == self.width or any_width:
                yield text if text.endswith(("\n", "\r")) else text + "\n"
            else:
                self.skipped.append((f"{self.name}, line {begin}", f"{fields} fields where {self.width} are expected"))

    def _quoted(self, line: str) -> tuple[str, int]:
        """A record that has quotes, which may go on over several lines, and its number of fields."""
        taken = [line]
        begin = self.number

        def more() -> Iterator[str]:
            yield line
            for following in self.lines:
                self.number += 1
                taken.append(following)
                if len(taken) > LONGEST:
                    raise UserError(
                        f"data {self.name}, line {begin}: a quote that opens there is never closed",
                        code="table.quote_not_closed",
                    )
                yield following

        row = next(csv.reader(more(), delimiter=self.delimiter, skipinitialspace=True))
        return "".join(taken), len(row)


def digest(path: Path) -> str:
    """A hash of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
