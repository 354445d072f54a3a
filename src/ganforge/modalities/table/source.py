"""Tables: CSV and TSV files of any delimiter and encoding, Parquet files, DataFrames in memory.

What can be repaired is repaired and said: `TableSet.notes` of the whole, `TableSet.skipped` of rows.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import itertools
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from ganforge.core.dataset import Dataset
from ganforge.core.errors import MissingExtra, UserError
from ganforge.core.rng import seed_of
from ganforge.data.base import HOLDOUT, DataSource

if TYPE_CHECKING:
    import pandas as pd

TEXT, PARQUET = (".csv", ".tsv", ".csv.gz", ".tsv.gz"), (".parquet", ".pq")
DELIMITERS = (",", ";", "\t", "|")
PROBE = 1_000  # records looked at before a file is read
LONGEST = 1_000  # lines that a record in quotes may have
SKIPPED_AT_MOST = 0.1  # of the rows; beyond, something else is wrong
NUMBERS_AT_LEAST = 0.9  # of a column's values, for the rest to count as missing
BLOCK = 1 << 20
FEWEST_HELD_BACK = 10  # rows; fewer judge nothing, and a table so small needs them all
PAIRS = re.compile(rb"[\xa1-\xfe][\xa1-\xfe]")
HIGH = re.compile(rb"[\x80-\xff]")
LEADING_ZERO = re.compile(r"-?0\d+")


class TableFile(DataSource, kind="table"):
    """A CSV or TSV file (delimiter and encoding are found) or a Parquet file; for more say than `data=FILE` gives."""

    path: str
    """The file."""
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    """What stands between the fields of a line; found by default."""
    encoding: str | None = None
    """Of the text, such as utf-8, gb18030 or latin-1; found by default."""
    header: bool = True
    """Whether the first line holds the names of the columns."""
    missing: tuple[str, ...] = ()
    """Texts that stand for a missing value, beside the empty one, NA, NaN, null and the like; such as ["?"]."""
    split: Literal["train", "test"] = "train"
    """Which part to take: the rows to train on, or those that are held back."""
    holdout: float = Field(default=HOLDOUT, ge=0, lt=1)
    """The share of the rows that is held out: `ganforge evaluate` uses rows that were never trained on. 0 trains on
    all."""

    def open(self) -> TableSet:
        return part_of(self.read(), self.split, self.holdout)

    @property
    def held_back(self) -> float:
        return self.holdout

    def read(self) -> TableSet:
        """All rows of the file."""
        path = Path(self.path).expanduser()
        if not path.is_file():
            raise UserError(f"data.path={self.path}: no such file", code="data.not_found")
        try:
            if is_parquet(path):
                return from_frame(self.path, _read_parquet(path, self.path), digest=_digest(path))
            frame, notes, skipped = _read_text(path, self)
        except PermissionError:
            raise UserError(f"data {self.path}: permission denied", code="data.permission_denied") from None
        return from_frame(self.path, frame, notes, skipped, _digest(path))


class FrameData(DataSource, kind="frame"):
    """A pandas DataFrame in memory, made by `FrameData.of(frame)`; a recipe tells its digest, not its rows."""

    digest: str = ""
    """A hash of the content, by which a resumed run knows its data."""

    @classmethod
    def of(cls, frame: pd.DataFrame, named: bool = True) -> FrameData:
        """The source of a DataFrame, which is copied.

        Args:
            named: tell its digest; not where nothing may be known of its rows.
        """
        import pandas.util

        if not named:
            return cls()._holding(frame)
        hashing: Any = pandas.util
        typed = from_frame("the DataFrame", frame).frame
        rows = hashing.hash_pandas_object(typed, index=False)
        content = hashlib.sha256(repr(list(typed.dtypes.astype(str).items())).encode() + rows.to_numpy().tobytes())
        return cls(digest=content.hexdigest()[:16])._holding(frame)

    def _holding(self, frame: pd.DataFrame) -> FrameData:
        object.__setattr__(self, "_frame", frame.copy())
        return self

    @property
    def discloses(self) -> str:
        return "a digest of its rows" if self.digest else ""

    def open(self) -> TableSet:
        frame = getattr(self, "_frame", None)
        if frame is None:
            raise UserError(
                "data: this run was trained on a DataFrame in memory, which is not stored in its recipe. Write "
                "the table to a file and give that: data=table.csv",
                code="data.not_stored",
            )
        return from_frame("the DataFrame", frame, digest=self.digest)


class TableSet(Dataset):
    """A table. An item is one row, as an array of objects.

    Attributes:
        frame: the whole, its columns named by texts and typed as numbers, booleans, dates, categories or texts.
        notes: what was repaired, or found, while reading it.
        rows: int64 [len], their places in the whole table, where this is a part of it; else None.
        nbytes: size in memory.
    """

    signal = "table"

    def __init__(
        self,
        name: str,
        frame: pd.DataFrame,
        notes: list[str],
        skipped: list[tuple[str, str]],
        digest: str = "",
        rows: np.ndarray | None = None,
    ):
        self.name, self.frame, self.notes, self.skipped, self.digest = name, frame, notes, skipped, digest
        self.rows = rows
        self.nbytes = int(frame.memory_usage(index=False, deep=False).sum())

    def __len__(self) -> int:
        return len(self.frame)

    def read(self, index: int) -> np.ndarray:
        row = np.empty(self.frame.shape[1], object)
        row[:] = [self.frame.iat[index, k] for k in range(len(row))]
        return row

    def shapes(self) -> dict[tuple[tuple[int, ...], str], int]:
        return {((self.frame.shape[1],), "object"): len(self.frame)}

    def describe(self, index: int) -> str:
        return f"{self.name}, row {(index if self.rows is None else int(self.rows[index])) + 1}"


def part_of(whole: TableSet, split: str, holdout: float) -> TableSet:
    """The rows to train on, or those held back: row k is held back by a draw of its own, the same in every run.

    So an evaluation finds the very rows that no run saw, runs of other seeds can be compared, and rows that are added
    at the end of a file change nothing for those before. Of a table in which fewer than ten rows would be, none are.

    Raises:
        UserError: the held-back part is asked for, and nothing is held back.
    """
    draws = np.random.Generator(np.random.PCG64(seed_of("rows held back")))
    kept_back = draws.random(len(whole)) < holdout
    count = int(kept_back.sum())
    if count < FEWEST_HELD_BACK or len(whole) - count < 2:
        if split == "train":
            return whole
        raise UserError(
            f"data {whole.name}: none of its {len(whole):,} rows are held out (data.holdout={holdout:g})",
            code="data.split_is_empty",
        )
    rows = np.flatnonzero(kept_back if split == "test" else ~kept_back)
    digest = hashlib.sha256(f"{whole.digest} {split} {holdout!r}".encode()).hexdigest()[:16]
    frame = whole.frame.iloc[rows].reset_index(drop=True)
    notes = list(whole.notes)
    if split == "train":
        notes.append(f"{count:,} of its {len(whole):,} rows are held back for evaluation (data.holdout=0: none)")
    return TableSet(whole.name, frame, notes, whole.skipped, digest, rows)


def is_table(path: Path) -> bool:
    """Whether a file's name is that of a table."""
    return path.name.lower().endswith(TEXT + PARQUET)


def is_parquet(path: Path) -> bool:
    return path.name.lower().endswith(PARQUET)


def from_frame(
    name: str,
    frame: pd.DataFrame,
    notes: list[str] | None = None,
    skipped: list[tuple[str, str]] | None = None,
    digest: str = "",
) -> TableSet:
    """A set from a DataFrame, its columns brought to types that a table signal knows.

    Raises:
        UserError: no rows, no columns, or a column that holds lists, complex numbers and the like.
    """
    import pandas as pd

    notes = list(notes or [])
    if frame.shape[1] == 0:
        raise UserError(f"data {name}: it has no columns", code="table.no_columns")
    if len(frame) == 0:
        raise UserError(
            f"data {name}: it has column names ({', '.join(map(str, frame.columns[:5]))}) and no rows",
            code="table.no_rows",
        )
    names = _names([str(n) for n in frame.columns], notes)
    columns = {n: _typed(n, frame.iloc[:, k].reset_index(drop=True), name, notes) for k, n in enumerate(names)}
    empty = [repr(n) for n, values in columns.items() if values.isna().all()]
    if empty:
        notes.append(f"every value of {', '.join(empty[:5])} is missing, and will be in new rows")
    return TableSet(name, pd.DataFrame(columns), notes, list(skipped or []), digest)


def _names(names: list[str], notes: list[str]) -> list[str]:
    """Names that are there and differ."""
    result: list[str] = []
    for k, name in enumerate(names):
        clean = name.strip() or f"column {k + 1}"
        if not name.strip():
            notes.append(f"column {k + 1} has no name and is named {clean!r}")
        again = 2
        unique = clean
        while unique in result:
            unique, again = f"{clean}.{again}", again + 1
        if unique != clean:
            notes.append(f"two columns are named {clean!r}; the second one (column {k + 1}) is renamed {unique!r}")
        result.append(unique)
    return result


# --- types


def _typed(name: str, values: Any, where: str, notes: list[str]) -> Any:
    """A column as numbers, booleans, dates, categories of these, or texts."""
    import pandas as pd

    types = pd.api.types
    kind = values.dtype
    if isinstance(kind, pd.CategoricalDtype):
        odd = [v for v in kind.categories.tolist() if not isinstance(v, (str, bool, int, float))]
        return values.astype(object).astype(str).where(values.notna(), None).astype("category") if odd else values
    if types.is_bool_dtype(kind) or types.is_datetime64_any_dtype(kind):
        return values
    if types.is_complex_dtype(kind) or types.is_timedelta64_dtype(kind) or isinstance(kind, pd.PeriodDtype):
        raise UserError(
            f"data {where}, column {name!r}: it holds {kind}, which is not a number, text or date. Convert it "
            "to numbers first (to hours, for example)",
            code="column.type_not_supported",
        )
    if types.is_numeric_dtype(kind):
        return _finite(name, values, notes)
    return _text(name, values, where, notes)


def _finite(name: str, values: Any, notes: list[str]) -> Any:
    if values.dtype.kind != "f":
        return values
    endless = np.isinf(values.to_numpy(np.float64, na_value=np.nan))
    if endless.any():
        notes.append(f"column {name!r}: {int(endless.sum()):,} values are infinite and count as missing")
        values = values.mask(endless)
    return values


def _text(name: str, values: Any, where: str, notes: list[str]) -> Any:
    """A column of texts or of mixed objects: of one type if nearly all of it is, else of texts."""
    import pandas as pd

    present = values.dropna()
    if len(present) == 0:
        return values.astype(object) if values.dtype != object else values
    if values.dtype == object:
        types = set(map(type, present))
        if any(issubclass(t, (list, dict, set, tuple, np.ndarray)) for t in types):
            raise UserError(
                f"data {where}, column {name!r}: it holds {min(t.__name__ for t in types)}s, but a cell must be "
                "one value. Split it into several columns",
                code="column.type_not_supported",
            )
        if types == {bool}:
            return values.astype("boolean")
        if all(issubclass(t, (bool, int, float, np.number)) for t in types) and bool not in types:
            return _finite(name, pd.to_numeric(values), notes)
        if types != {str}:
            dates: Any = pd.to_datetime(present, errors="coerce") if not types & {str, int, float} else present.iloc[:0]
            if len(dates) and dates.notna().all():
                return pd.to_datetime(values)
    numbers = _mostly_numbers(name, values, present, notes)
    if numbers is not None:
        return numbers
    if values.dtype == object and set(map(type, present)) != {str}:
        notes.append(f"column {name!r} mixes {_said(present)}; all of it is read as text")
        return values.where(values.isna(), values.astype(str))
    return values


def _mostly_numbers(name: str, values: Any, present: Any, notes: list[str]) -> Any:
    """The column as numbers where nearly all of it is, what else there is as missing; or None."""
    import pandas as pd

    some = present.iloc[:: max(1, len(present) // PROBE)]
    probed: Any = pd.to_numeric(some, errors="coerce")
    if probed.notna().mean() < NUMBERS_AT_LEAST / 2:
        return None  # quickly told of most columns of text
    if some.map(lambda v: isinstance(v, str) and LEADING_ZERO.fullmatch(v.strip()) is not None).any():
        return None  # codes, such as 01234
    numbers: Any = pd.to_numeric(present, errors="coerce")
    share = numbers.notna().mean()
    if share < NUMBERS_AT_LEAST:
        notes.append(f"column {name!r} holds numbers ({share:.0%} of it) and text; all of it is read as text")
        return None
    others = present[numbers.isna()]
    if len(others):
        told = ", ".join(f"{text!r} ({count:,})" for text, count in others.value_counts().head(3).items())
        more = f" and {others.nunique() - 3:,} others" if others.nunique() > 3 else ""
        notes.append(
            f"column {name!r} holds numbers but for {len(others):,} of its {len(present):,} values, which count as "
            f"missing: {told}{more}"
        )
    return _whole(pd.to_numeric(values, errors="coerce"))


def _whole(values: Any) -> Any:
    """Whole numbers some of which are missing, which pandas has as floats, as the integers they are."""
    if values.dtype != np.float64 or not values.isna().any() or not values.notna().any():
        return values
    x = values.dropna().to_numpy()
    return values.astype("Int64") if (np.abs(x) < 2**53).all() and (x == np.rint(x)).all() else values


def _said(present: Any) -> str:
    """`text (900) and int (12)`."""
    counts = Counter("text" if isinstance(v, str) else type(v).__name__ for v in present)
    return " and ".join(f"{kind} ({count:,})" for kind, count in counts.most_common(3))


# --- Parquet


def _read_parquet(path: Path, name: str) -> pd.DataFrame:
    import pandas as pd

    try:
        import pyarrow
    except ImportError:
        raise MissingExtra("pyarrow", "tables", "reading a Parquet file") from None
    try:
        return pd.read_parquet(path)
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise UserError(
            f"data {name}: cannot be read as Parquet ({' '.join(str(error).split())[:160]})", code="table.unreadable"
        ) from None


# --- text


def _read_text(path: Path, source: TableFile) -> tuple[pd.DataFrame, list[str], list[tuple[str, str]]]:
    """The table of a text file, what was noted, and the rows that could not be used."""
    import pandas as pd

    name, notes, names = source.path, [], []
    _refuse_other_files(path, name)
    encoding = source.encoding or _encoding(path, name)
    if source.encoding is None and encoding in ("gb18030", "cp1252"):
        known = {"gb18030": "gb18030 (Chinese)", "cp1252": "cp1252 (Western European)"}[encoding]
        notes.append(f"its text is not UTF-8; read as {known}. Set data.encoding if letters look wrong")
    try:
        with _text_of(path, encoding) as file:
            first = list(itertools.islice(file, PROBE))
        if not any(line.strip() for line in first):
            raise UserError(f"data {name}: the file is empty", code="data.empty_file")
        delimiter = source.delimiter or _delimiter(first, path)
        sample = list(csv.reader(first, delimiter=delimiter, skipinitialspace=True))
        names = _header(sample, delimiter, source)
        with _text_of(path, encoding) as file:
            records = _Records(file, delimiter, len(names), name)
            if source.header:
                records.skip_one()
            frame = pd.read_csv(
                records,  # type: ignore[arg-type]  # has what pandas asks of a file
                sep=delimiter,
                header=None,
                names=list(range(len(names))),
                index_col=False,
                skipinitialspace=True,
                na_values=list(source.missing),
                dtype=dict.fromkeys(_codes(sample, len(names)), str),
                low_memory=False,
                **_exact_floats(),
            )
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
    for k in range(len(names)):
        frame[k] = _whole(frame[k])
    frame.columns = names
    return frame, notes, records.skipped


def _refuse_other_files(path: Path, name: str) -> None:
    """Raises UserError for an empty file, a workbook and everything else that is no text."""
    with path.open("rb") as file:
        start = file.read(4096)
    if not start:
        raise UserError(f"data {name}: the file is empty", code="data.empty_file")
    if start.startswith((b"PK", b"\xd0\xcf\x11\xe0")):
        raise UserError(
            f"data {name}: this is a workbook or an archive, not text. Save the sheet as CSV", code="table.not_text"
        )
    if start.startswith(b"PAR1"):
        raise UserError(f"data {name}: this is a Parquet file; rename it to end in .parquet", code="table.wrong_suffix")
    if b"\0" in start and not start.startswith((b"\xff\xfe", b"\xfe\xff", b"\x1f\x8b")):
        raise UserError(f"data {name}: this is not a text file (it holds zero bytes)", code="table.not_text")


def _open(path: Path) -> io.BufferedReader | gzip.GzipFile:
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    return gzip.open(path) if zipped else path.open("rb")


def _text_of(path: Path, encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(_open(path), encoding=encoding, newline="")  # type: ignore[arg-type]


def _encoding(path: Path, name: str) -> str:
    """UTF-8 if the whole file is, else Chinese or Western European, whichever its bytes look like."""
    with _open(path) as file:
        start = file.read(BLOCK)
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if _decodes(path, "utf-8-sig"):
        return "utf-8-sig"
    # A Chinese character is a pair of high bytes; in Latin text high bytes stand between low ones.
    high = sum(1 for _ in HIGH.finditer(start))
    pairs = sum(2 for _ in PAIRS.finditer(start))
    return "gb18030" if pairs >= 0.7 * high and _decodes(path, "gb18030") else "cp1252"


def _decodes(path: Path, encoding: str) -> bool:
    try:
        with _text_of(path, encoding) as file:
            while file.read(BLOCK):
                pass
    except UnicodeDecodeError:
        return False
    return True


def _delimiter(lines: list[str], path: Path) -> str:
    """The one that splits the most lines into the same number of fields, of these the one that makes the most."""
    best, score = "\t" if ".tsv" in path.name.lower() else ",", (0.0, 1)
    for candidate in DELIMITERS:
        try:
            counts = Counter(len(row) for row in csv.reader(lines, delimiter=candidate) if row)
        except csv.Error:
            continue
        (fields, often), *_ = counts.most_common(1)
        found = (round(often / counts.total(), 1), fields)
        if fields > 1 and found > score:
            best, score = candidate, found
    return best


def _header(sample: list[list[str]], delimiter: str, source: TableFile) -> list[str]:
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


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _codes(sample: list[list[str]], width: int) -> list[int]:
    """The columns of digits that are no numbers, since some start with a zero: 01234."""
    rows = [row for row in sample[1:] if len(row) == width]
    return [k for k in range(width) if any(LEADING_ZERO.fullmatch(row[k].strip()) for row in rows)]


def _exact_floats() -> dict[str, Any]:
    """What makes pandas read the nearest float of every decimal; from version 3 on it does so by itself."""
    import pandas as pd

    return {} if int(pd.__version__.split(".")[0]) >= 3 else {"float_precision": "round_trip"}


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


def _digest(path: Path) -> str:
    """A hash of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
