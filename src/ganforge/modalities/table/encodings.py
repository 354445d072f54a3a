"""The bytes of a text file as text: files that are none are refused, the encoding is found from all of them."""

from __future__ import annotations

import gzip
import io
import re
from pathlib import Path

from ganforge.core.errors import UserError

BLOCK = 1 << 20
PAIRS = re.compile(rb"[\xa1-\xfe][\xa1-\xfe]")
HIGH = re.compile(rb"[\x80-\xff]")


def refuse_other_files(path: Path, name: str) -> None:
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


def text_of(path: Path, encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(_open(path), encoding=encoding, newline="")  # type: ignore[arg-type]


def find(path: Path) -> str:
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
        with text_of(path, encoding) as file:
            while file.read(BLOCK):
                pass
    except UnicodeDecodeError:
        return False
    return True
