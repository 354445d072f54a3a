"""A mark in generated images, by which they are recognized if they end up among real ones.

PNG: a tEXt chunk right after the header; GIF: a comment. Both are metadata; pixels are unchanged.
"""

from __future__ import annotations

import struct
import zlib

TEXT = b"ganforge sample"
SIGNATURE, HEADER = b"\x89PNG\r\n\x1a\n", 33
"""Of a PNG: its first bytes, and the length of these with the header chunk."""
BODY = b"tEXtSoftware\0" + TEXT
CHUNK = struct.pack(">I", len(BODY) - 4) + BODY + struct.pack(">I", zlib.crc32(BODY))
NEEDED = 1024
"""Number of first bytes of a file in which a mark can be found: a GIF has up to 768 bytes of colors before it."""


def marked(png: bytes) -> bytes:
    """A PNG with the mark."""
    return png[:HEADER] + CHUNK + png[HEADER:]


def is_marked(start: bytes) -> bool:
    """Whether a file with these first bytes is a PNG or GIF with the mark."""
    if start.startswith(SIGNATURE):
        return start.startswith(CHUNK, HEADER)
    return start.startswith(b"GIF8") and TEXT in start
