"""The bytes of a text file as text: files that are none are refused, the encoding is found from all of them."""

from __future__ import annotations

import gzip
import io
import re
from pathlib import Path

from ganforge.core.errors import UserError

BLOCK = 1 << 20
HIGH = re.compile(rb"[\x80-\xff]")
KNOWN = {
    "cp1252": "Western European", "gb18030": "Chinese", "big5": "Chinese, Taiwan", "cp932": "Japanese, Shift-JIS",
    "cp1251": "Cyrillic",
}  # fmt: skip
"""Encodings told apart, with their script; of equals the first is taken."""
LETTER = rb"\xc0-\xd6\xd8-\xf6\xf8-\xff\x80\xa3\xb0\xb2\x92\x96"
COMMON = {
    # letters and a few signs, one or two between bytes of ASCII
    "cp1252": re.compile(rb"(?<![\x80-\xff])([" + LETTER + rb"]{1,2})(?![\x80-\xff])"),
    # the frequent half of the characters of each standard, and its own signs; other pairs keep the step
    "gb18030": re.compile(rb"([\xb0-\xd7][\xa1-\xfe]|[\xa1\xa3][\xa1-\xfe])|[\x81-\xfe][\x30-\xfe]"),
    "big5": re.compile(rb"([\xa4-\xc6][\x40-\x7e\xa1-\xfe]|\xa1[\x40-\xfe])|[\x81-\xfe][\x40-\xfe]"),
    "cp932": re.compile(rb"([\x81-\x83\x88-\x97][\x40-\x7e\x80-\xfc])|[\x84-\x9f\xe0-\xfc][\x40-\xfc]"),
    # words of small letters, perhaps with a capital, or of capitals
    "cp1251": re.compile(
        rb"(?<![A-Za-z\x80-\xff])([\xa8\xc0-\xdf]?[\xb8\xe0-\xff]+|[\xa8\xc0-\xdf]{2,})(?![A-Za-z\x80-\xff])"
    ),
}
"""The bytes beyond ASCII that texts in an encoding mostly consist of: the first group."""


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


def find(path: Path, name: str) -> str:
    """UTF-8 where the whole file is, else the encoding that its bytes beyond ASCII look most like.

    Raises:
        UserError: none of those known decodes the whole file.
    """
    with _open(path) as file:
        start = file.read(BLOCK)
        some = start
        while some and not HIGH.search(some):
            some = file.read(BLOCK)
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if _decodes(path, "utf-8-sig"):
        return "utf-8-sig"
    shares = {encoding: _common(some, encoding) for encoding in KNOWN}
    for encoding in sorted(KNOWN, key=lambda known: -shares[known]):
        if _decodes(path, encoding):
            return encoding
    raise UserError(
        f"data {name}: its text is none of {tried()}. Say which it is (data.kind=table data.encoding=koi8-r, for "
        "example), or save it as UTF-8",
        code="table.unknown_text",
    )


def tried() -> str:
    """The encodings that are told apart, as a sentence lists them."""
    return ", ".join(["UTF-8", "UTF-16", *(f"{encoding} ({script})" for encoding, script in KNOWN.items())])


def _common(some: bytes, encoding: str) -> float:
    """Which share of the bytes beyond ASCII is of characters that texts in an encoding mostly consist of, 0 to 1."""
    high = len(HIGH.findall(some))
    return min(1.0, sum(len(HIGH.findall(found)) for found in COMMON[encoding].findall(some)) / high) if high else 0.0


def _decodes(path: Path, encoding: str) -> bool:
    try:
        with text_of(path, encoding) as file:
            while file.read(BLOCK):
                pass
    except UnicodeDecodeError:
        return False
    return True
