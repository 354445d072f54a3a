"""From the bytes of a file to its texts: encoding, normalization, and where one text ends.

Encodings: UTF-8 and UTF-16 by their marks, UTF-8 by its rules, then GB 18030, Big5 and Shift-JIS by how common their
letters are, then Windows-1252. Normalization: Unicode NFC, one kind of line end, no control or zero-width characters
(joiners of emoji and of Persian stay), no white space at the ends of a text.
"""

from __future__ import annotations

import gzip
import json
import re
import unicodedata
import zlib
from collections.abc import Iterator
from typing import Literal, NamedTuple

from ganforge.core.errors import UserError
from ganforge.core.names import likeliest

Unit = Literal["auto", "line", "paragraph", "sentence", "file"]
MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
BINARY = (b"\x89PNG", b"\xff\xd8\xff", b"PK\x03\x04", b"%PDF", b"\x7fELF", b"\x93NUMPY", b"RIFF", b"GIF8")
PROBED = 2**18  # bytes of which the encoding is found
CONTROLS = 0.01  # share of control characters from which on a file is no text
LONG = 2_000  # characters of a line from which on it is a document, not a sample
FEW = 10  # lines below which long ones are cut into sentences
REMOVED = re.compile("[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200b\u2060\ufeff\ufffe\uffff]")
CJK = "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
SPACED = re.compile(f"(?<=[{CJK}，。？！；：、]) (?=[{CJK}，。？！；：、])")
IDEOGRAPH = re.compile(f"[{CJK}]")
SENTENCE = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+|(?<=[。！？])(?![”」』])")
FENCE = re.compile(r"^(```|~~~).*?^\1[^\n]*$", re.MULTILINE | re.DOTALL)
FRONT = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)


class Decoded(NamedTuple):
    """Text of a file: `encoding` as found, and `damaged`, how many bytes were no valid part of it."""

    text: str
    encoding: str
    damaged: int = 0


def unpacked(data: bytes, name: str) -> bytes:
    """The content of a file, unpacked where it is gzip.

    Raises:
        UserError: it is damaged.
    """
    if not data.startswith(b"\x1f\x8b"):
        return data
    try:
        return gzip.decompress(data)
    except (EOFError, OSError, zlib.error) as error:
        raise UserError(
            f"data {name}: damaged or truncated ({error}); get the file again", code="data.damaged"
        ) from None


def decode(data: bytes, name: str, encoding: str | None = None) -> Decoded:
    """The text of a file, unpacked where it is gzip, with one kind of line end.

    Raises:
        UserError: it is damaged, binary, or not of the encoding that was asked for.
    """
    data = unpacked(data, name)
    mark = next((mark for mark, _ in MARKS if data.startswith(mark)), b"")
    found = encoding or dict(MARKS).get(mark) or _found(data[:PROBED])
    if data.startswith(BINARY) or (found != "utf-16" and b"\0" in data[:PROBED]):
        raise _binary(name)
    try:
        text = data.decode(found, "replace")
    except LookupError:
        raise UserError(
            f"data.encoding={encoding}: no such encoding; use utf-8, gb18030, big5 or utf-16, for example",
            code="text.unknown_encoding",
        ) from None
    damaged = text.count("\ufffd") - (data.count(b"\xef\xbf\xbd") if found == "utf-8" else 0)
    if encoding and damaged:
        raise UserError(
            f"data {name}: {damaged:,} of its characters are not valid {encoding}. Leave data.encoding out, to detect "
            "it",
            code="text.wrong_encoding",
        )
    text = text.removeprefix("\ufeff")
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n\n")
    strange = len(REMOVED.findall(text[:PROBED])) + min(damaged, len(text[:PROBED]))
    if strange > max(2, CONTROLS * len(text[:PROBED])):
        raise _binary(name)
    return Decoded(text, found, damaged)


def _found(data: bytes) -> str:
    """The encoding of text without a mark; it may end within a character."""
    for cut in range(4):
        part = data[: len(data) - cut] if cut else data
        try:
            part.decode("utf-8")
            return "utf-8"
        except UnicodeDecodeError:
            continue
    end = data.rfind(b"\n")
    return likeliest([data[: end if end > 0 else len(data)]]) or "cp1252"


def _binary(name: str) -> UserError:
    return UserError(
        f"data {name}: binary data, not text. Text is read from .txt, .md, .jsonl and .csv files in UTF-8, UTF-16, "
        "GB 18030, Big5, Shift-JIS or Windows-1252",
        code="text.binary",
    )


def normalized(text: str) -> str:
    """One text as it is learned; may be empty."""
    return unicodedata.normalize("NFC", REMOVED.sub("", text)).strip()


def unspaced(texts: list[str]) -> list[str] | None:
    """The texts without the spaces between Chinese or Japanese characters, if they stand between most of them."""
    some = texts[:200]
    letters = sum(len(IDEOGRAPH.findall(text)) for text in some)
    gaps = sum(len(SPACED.findall(text)) for text in some)
    return [SPACED.sub("", text) for text in texts] if letters and gaps > 0.6 * letters else None


def cut(text: str, unit: Unit, markdown: bool = False) -> tuple[list[str], Unit]:
    """The texts of a file, not yet normalized, and the unit that was used."""
    if markdown:
        text = FENCE.sub("", FRONT.sub("", text))
    if unit == "auto":
        lines = [line for line in text.split("\n") if line.strip()]
        few_and_long = len(lines) < FEW and any(len(line) > LONG for line in lines)
        unit = "sentence" if few_and_long else "paragraph" if markdown else "line"
    if unit == "file":
        return [text], unit
    if unit == "line":
        return text.split("\n"), unit
    paragraphs = re.split(r"\n[ \t]*\n+", text)
    if unit == "paragraph":
        return [part.replace("\n", " ") if markdown else part for part in paragraphs], unit
    return [part for paragraph in paragraphs for part in SENTENCE.split(paragraph.replace("\n", " ")) if part], unit


class Row(NamedTuple):
    """One entry of a .jsonl file or of a table: its texts by column."""

    place: str
    values: dict[str, str]


def json_lines(text: str, name: str) -> tuple[list[Row], list[tuple[str, str]]]:
    """The entries of a .jsonl file, a text or an object a line; and (where, why) of lines that are none.

    Raises:
        UserError: no line is one.
    """
    rows, skipped = [], []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            skipped.append((f"line {number}", "not valid JSON"))
            continue
        if isinstance(entry, str):
            entry = {"text": entry}
        if not isinstance(entry, dict):
            skipped.append((f"line {number}", "neither a text nor an object"))
            continue
        rows.append(Row(f"line {number}", {k: str(v) for k, v in entry.items() if isinstance(v, (str, int))}))
    if not rows:
        raise UserError(
            f"data {name}: no line is JSON; .jsonl files hold one text or one object a line", code="text.no_json"
        )
    return rows, skipped


def table_rows(text: str) -> Iterator[Row]:
    """The entries of a .csv or .tsv file with a header."""
    import csv
    import io

    first = text.partition("\n")[0]
    delimiter = max(",;\t|", key=first.count)
    csv.field_size_limit(2**27)
    for number, values in enumerate(csv.DictReader(io.StringIO(text), delimiter=delimiter), 2):
        yield Row(f"row {number}", {k: v for k, v in values.items() if k and isinstance(v, str)})
