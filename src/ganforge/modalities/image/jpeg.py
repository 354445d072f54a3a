"""JPEG files without what they say of camera, place and people; the compressed image stays bit for bit.

ITU-T T.81, B.1: FF D8, segments (FF, marker, two bytes of length, content), FF D9. After a start of scan (DA),
compressed data follows until the next marker that is neither 00 nor a restart (D0 to D7).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator

import numpy as np
from PIL import Image

from ganforge.core.dataset import BadItem
from ganforge.modalities.image import files

JFIF, EXIF, ICC, ADOBE, COMMENT = 0xE0, 0xE1, 0xE2, 0xEE, 0xFE
SCAN, END = 0xDA, 0xD9
PROFILE = b"ICC_PROFILE\0"


def stripped(data: bytes, pixels: np.ndarray) -> bytes | None:
    """A JPEG file without EXIF (but for its orientation), XMP, IPTC, comments, thumbnails and what follows its end.

    Args:
        data: a file.
        pixels: what is read of it, uint8 [H, W, C].

    Returns:
        None where it is no JPEG, or where the same pixels would not be read of what is left.
    """
    if not data.startswith(b"\xff\xd8\xff"):
        return None
    try:
        with Image.open(io.BytesIO(data)) as image:
            turn = image.getexif().get(files.ORIENTATION, 1)
        head, *rest = segments(data)
        made = b"".join([head, orientation(turn) if turn in files.TURNS else b"", *rest])
        again = files.decode(io.BytesIO(made), "JPEG")
    except (*files.BROKEN, BadItem):  # what is no whole JPEG is written as PNG
        return None
    return made if again.dtype == pixels.dtype and np.array_equal(again, pixels) else None


def segments(data: bytes) -> Iterator[bytes]:
    """The start of a file with its JFIF header, and the segments that its pixels depend on, to its end.

    Raises:
        ValueError: the file ends before its image does.
    """
    head, at = data[:2], 2
    while True:
        at = data.index(b"\xff", at)
        while data[at + 1] == 0xFF:  # fill bytes
            at += 1
        marker = data[at + 1]
        if marker == END:
            yield head + data[at : at + 2] if head else data[at : at + 2]
            return
        end = at + 2 + struct.unpack_from(">H", data, at + 2)[0]
        if marker == SCAN:
            end = end_of_scan(data, end)
        if marker == JFIF and head:
            head += data[at:end]
        elif kept(marker, data[at + 4 : end]):
            if head:
                yield head
                head = b""
            yield data[at:end]
        at = end


def kept(marker: int, content: bytes) -> bool:
    """Whether the pixels depend on a segment: not on those of applications, but for color profile and color space."""
    if marker == ICC:
        return content.startswith(PROFILE)
    return marker == ADOBE or not (JFIF <= marker <= 0xEF or marker == COMMENT)


def end_of_scan(data: bytes, at: int) -> int:
    """Where the compressed data that begins at `at` ends."""
    while True:
        at = data.index(b"\xff", at)
        if data[at + 1] != 0 and not 0xD0 <= data[at + 1] <= 0xD7:
            return at
        at += 2


def orientation(turn: int) -> bytes:
    """An EXIF segment that says how the camera was held, and nothing else (TIFF 6.0: one directory of one entry)."""
    entry = struct.pack(">HHIHH", files.ORIENTATION, 3, 1, turn, 0)
    content = b"Exif\0\0" + b"MM\0*" + struct.pack(">IH", 8, 1) + entry + bytes(4)
    return b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content
