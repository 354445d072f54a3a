"""Names of files and folders that are not clean text: bytes of another encoding, composed and decomposed letters.

Systems keep names as bytes. Python gives those that are no UTF-8 with a lone surrogate for each byte, which no file,
log or terminal takes. A zip of before 2006, or of an old program, does not say which encoding its names are in.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Sequence

ENCODINGS = ("gb18030", "cp932", "big5")
"""Those that names are tried in, of equally likely ones the first: Chinese (GBK is part of it), Japanese, Taiwanese."""
SURE = 0.5
"""The share of common letters from which on an encoding is believed."""
WESTERN = re.compile(
    rb"(?<=[a-z])[\x80-\xff]{1,2}(?=[a-z])|(?<=[a-z])[\x80-\xff](?![\x40-\xff])|\b[\x80-\xff](?=[a-z])"
)
"""A letter with an accent within a word of Latin letters, in an encoding of one byte a letter."""


def writable(text: str) -> str:
    r"""A text that UTF-8 can hold: bytes that are none are shown as \udc80 and the like, as JSON writes them."""
    return text.encode("utf-8", "backslashreplace").decode()


def readable(name: str) -> str:
    """A name for people, composed (NFC): bytes that are no UTF-8 are read in the likeliest other encoding."""
    if not _is_text(name):
        raw = name.encode("utf-8", "surrogateescape") if _is_bytes(name) else b""
        encoding = likeliest([raw]) if raw else None
        name = raw.decode(encoding) if encoding else writable(name)
    return unicodedata.normalize("NFC", name)


def readables(names: Collection[str]) -> dict[str, str]:
    """As `readable`, of names that lie beside each other and so are in one encoding: bytes of one may be UTF-8 by
    chance (two bytes of Chinese are an "è"), those of all seldom are."""
    bad = [name for name in names if not _is_text(name)]
    if bad and all(map(_is_bytes, names)):
        raw = {name: name.encode("utf-8", "surrogateescape") for name in names if not name.isascii()}
        encoding = likeliest(list(raw.values()))
        if encoding is not None:
            decoded = {name: raw[name].decode(encoding) if name in raw else name for name in names}
            return {name: unicodedata.normalize("NFC", text) for name, text in decoded.items()}
    return {name: readable(name) for name in names}


def _is_text(name: str) -> bool:
    return not any(0xD800 <= ord(c) <= 0xDFFF for c in name)


def _is_bytes(name: str) -> bool:
    """Whether all surrogates of a name stand for bytes."""
    return all(not 0xD800 <= ord(c) <= 0xDFFF or 0xDC80 <= ord(c) <= 0xDCFF for c in name)


def likeliest(names: Sequence[bytes]) -> str | None:
    """The encoding of names that are no ASCII: UTF-8 where all are; else the one in which most letters are common.

    None where no encoding is likely.
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
    """The share of its letters beyond ASCII that are common in the language of an encoding; 0 where it does not fit.

    A wrong encoding gives rare letters: of GB 18030 those beyond GB 2312, of Shift-JIS half-width kana and kanji of the
    second level, of Big5 those of the second level.
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
    """A name that every system takes as that of a file."""
    return re.sub(r"[^\w\-+. ]", "_", text).strip(". ")[:80] or "_"


def folder_names(classes: Sequence[str]) -> list[str]:
    """A folder for each class; two whose names become the same are distinguished by their numbers."""
    names = [safe_name(name) for name in classes]
    counts = Counter(name.lower() for name in names)
    return [name if counts[name.lower()] == 1 else f"{name}-{k}" for k, name in enumerate(names)]
