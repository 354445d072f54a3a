"""File names that are not clean text: bytes of other encodings, composed and decomposed letters.

File systems store names as bytes. Python represents bytes that are not UTF-8 as lone surrogates, which cannot be
written to files, logs or terminals. Zip files from before 2006, or by old programs, do not specify the encoding of
names.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Sequence

ENCODINGS = ("gb18030", "cp932", "big5")
"""Encodings to try, with the first preferred if equally likely: Chinese (includes GBK), Japanese, Traditional
Chinese."""
SURE = 0.5
"""Minimum fraction of common letters to accept an encoding."""
WESTERN = re.compile(
    rb"(?<=[a-z])[\x80-\xff]{1,2}(?=[a-z])|(?<=[a-z])[\x80-\xff](?![\x40-\xff])|\b[\x80-\xff](?=[a-z])"
)
"""An accented letter within a Latin word, in a single-byte encoding."""


def writable(text: str) -> str:
    r"""The text in a form valid in UTF-8: other bytes are escaped as \udc80 and the like, as in JSON."""
    return text.encode("utf-8", "backslashreplace").decode()


def readable(name: str) -> str:
    """A name for display, composed (NFC): bytes that are not UTF-8 are decoded in the most likely other encoding."""
    if not _is_text(name):
        raw = name.encode("utf-8", "surrogateescape") if _is_bytes(name) else b""
        encoding = likeliest([raw]) if raw else None
        name = raw.decode(encoding) if encoding else writable(name)
    return _on_one_line(unicodedata.normalize("NFC", name))


def _on_one_line(name: str) -> str:
    r"""A name whose line breaks and other control characters are escaped: they would break lines, or steer a
    terminal."""
    if name.isprintable():
        return name
    return "".join(c.encode("unicode_escape").decode() if unicodedata.category(c) == "Cc" else c for c in name)


def readables(names: Collection[str]) -> dict[str, str]:
    """Like `readable`, for several names in the same encoding: a single name may happen to be valid UTF-8 (two bytes of
    Chinese can be an "è"), but rarely all of them."""
    bad = [name for name in names if not _is_text(name)]
    if bad and all(map(_is_bytes, names)):
        raw = {name: name.encode("utf-8", "surrogateescape") for name in names if not name.isascii()}
        encoding = likeliest(list(raw.values()))
        if encoding is not None:
            decoded = {name: raw[name].decode(encoding) if name in raw else name for name in names}
            return {name: _on_one_line(unicodedata.normalize("NFC", text)) for name, text in decoded.items()}
    return {name: readable(name) for name in names}


def _is_text(name: str) -> bool:
    return not any(0xD800 <= ord(c) <= 0xDFFF for c in name)


def _is_bytes(name: str) -> bool:
    """Whether all surrogates of a name represent bytes."""
    return all(not 0xD800 <= ord(c) <= 0xDFFF or 0xDC80 <= ord(c) <= 0xDCFF for c in name)


def likeliest(names: Sequence[bytes]) -> str | None:
    """The encoding of names that are not ASCII: UTF-8 if all are valid; else the one in which most letters are common.

    None if no encoding is likely.
    """
    text = b"\n".join(names)
    if _decodes(text, "utf-8"):
        return "utf-8"
    if not re.search(rb"[\x80-\xff]", WESTERN.sub(b"", text)):
        return None
    shares = {encoding: common_share(text, encoding) for encoding in ENCODINGS}
    best = max(shares, key=shares.__getitem__)
    return best if shares[best] >= SURE else None


def common_share(text: bytes, encoding: str) -> float:
    """The fraction of non-ASCII letters that are common in the language of an encoding; 0 if the text is not valid in
    it.

    A wrong encoding gives rare letters: for GB 18030 those outside GB 2312, for Shift-JIS half-width kana and kanji of
    level 2, for Big5 those of level 2.
    """
    if not _decodes(text, encoding):
        return 0.0
    letters = [c for c in text.decode(encoding) if ord(c) > 127]
    return sum(_is_common(c, encoding) for c in letters) / max(1, len(letters))


def _is_common(letter: str, encoding: str) -> bool:
    if encoding == "gb18030":
        return _decodes_back(letter, "gb2312")
    lead = letter.encode(encoding)[0]
    if encoding == "cp932":
        return not 0xA1 <= lead <= 0xDF and lead <= 0x97
    return 0xA1 <= lead <= 0xC6


def _decodes(text: bytes, encoding: str) -> bool:
    try:
        text.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _decodes_back(letter: str, encoding: str) -> bool:
    try:
        letter.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def safe_name(text: str) -> str:
    """A name that is valid as a file name on every system."""
    return re.sub(r"[^\w\-+. ]", "_", text).strip(". ")[:80] or "_"


def folder_names(classes: Sequence[str]) -> list[str]:
    """A folder name for each class; equal names are distinguished by class numbers."""
    names = [safe_name(name) for name in classes]
    counts = Counter(name.lower() for name in names)
    return [name if counts[name.lower()] == 1 else f"{name}-{k}" for k, name in enumerate(names)]
