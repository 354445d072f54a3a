"""PNG features that Pillow lacks: writing row by row, and 16 bits per channel in color.

W3C 2003, "Portable Network Graphics (PNG) Specification", sections 9 (filters) and 11 (chunks). A row is stored as the
difference from a prediction, byte by byte, by one of five filters:

    0 none · 1 left · 2 above · 3 their mean, rounded down · 4 the one of left, above and above left that is nearest to
    left + above − above left (Paeth)

Rows are [W·b] bytes, b: bytes per pixel; "left" is the corresponding byte of the previous pixel, b bytes earlier.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
"""By channels: gray, gray with alpha, RGB, RGBA."""
CHANNELS = {0: 1, 4: 2, 2: 3, 6: 4}
PAETH = 4
LEVEL = 5  # of zlib; the default of 6 takes 1.5 times as long for two percent
PART = 1 << 18  # bytes per chunk of pixels


class PngWriter:
    """Writes an image row by row: `with PngWriter(file, (H, W, C), "uint8") as png: png.write(rows)`.

    Args:
        file: the output, opened by the caller.
        shape: (H, W, C), C 1 to 4.
        dtype: "uint8" or "uint16".
        exif: an EXIF block, with or without the six bytes of its JPEG header; empty for none.
        profile: an ICC color profile; empty for none.
    """

    def __init__(
        self, file: BinaryIO, shape: tuple[int, int, int], dtype: str, exif: bytes = b"", profile: bytes = b""
    ):
        height, width, channels = shape
        self.file, self.shape, self.done = file, shape, 0
        self.bits = 16 if dtype == "uint16" else 8
        self.above = np.zeros(width * channels * self.bits // 8, np.uint8)
        self.packer = zlib.compressobj(LEVEL)
        self.packed = bytearray()
        file.write(SIGNATURE)
        self._chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, self.bits, COLOR_TYPES[channels], 0, 0, 0))
        if profile:
            self._chunk(b"iCCP", b"icc\0\0" + zlib.compress(profile))
        if exif:
            self._chunk(b"eXIf", exif.removeprefix(b"Exif\0\0"))

    def write(self, rows: np.ndarray) -> None:
        """The next rows, [k, W, C]."""
        k = len(rows)
        step = self.shape[2] * self.bits // 8
        whole = rows.astype(">u2").view(np.uint8) if self.bits == 16 else rows
        lines = np.concatenate([self.above[None], whole.reshape(k, -1)])  # [k + 1, bytes]
        self.above = lines[-1].copy()
        filtered = np.empty((k, 1 + lines.shape[1]), np.uint8)
        filtered[:, 0] = PAETH
        left = np.zeros_like(lines)
        left[:, step:] = lines[:, :-step]
        filtered[:, 1:] = lines[1:] - paeth(left[1:], lines[:-1], left[:-1])
        self._pixels(self.packer.compress(filtered.tobytes()))
        self.done += k

    def _pixels(self, packed: bytes, last: bool = False) -> None:
        self.packed += packed
        while len(self.packed) >= PART or (last and self.packed):
            self._chunk(b"IDAT", bytes(self.packed[:PART]))
            del self.packed[:PART]

    def _chunk(self, name: bytes, data: bytes) -> None:
        self.file.write(struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None:
            assert self.done == self.shape[0], f"{self.done} rows of {self.shape[0]}"
            self._pixels(self.packer.flush(), last=True)
            self._chunk(b"IEND", b"")


def paeth(left: np.ndarray, above: np.ndarray, corner: np.ndarray) -> np.ndarray:
    """The one of the three that is nearest to left + above − corner; the first one in case of ties."""
    a, b, c = left.astype(np.int16), above.astype(np.int16), corner.astype(np.int16)
    to_left, to_above, to_corner = np.abs(b - c), np.abs(a - c), np.abs(a + b - 2 * c)
    first = (to_left <= to_above) & (to_left <= to_corner)
    return np.where(first, left, np.where(to_above <= to_corner, above, corner))


def deep_color(data: bytes) -> np.ndarray | None:
    """The pixels of a 16-bit PNG with color or alpha, uint16 [H, W, C]; None for any other file.

    Raises:
        ValueError: the PNG is damaged.
    """
    if data[:8] != SIGNATURE or len(data) < 33:
        return None
    width, height, bits, color, _, _, interlaced = struct.unpack(">IIBBBBB", data[16:29])
    if bits != 16 or color not in CHANNELS or color == 0 or interlaced:
        return None  # Pillow can read these
    try:
        packed = b"".join(body for name, body in chunks(data) if name == b"IDAT")
        raw = np.frombuffer(zlib.decompress(packed), np.uint8)
    except (zlib.error, struct.error) as error:
        raise ValueError(f"damaged ({error})") from None
    step = CHANNELS[color] * 2
    if raw.size != height * (1 + width * step):
        raise ValueError("damaged (rows are missing)")
    lines = raw.reshape(height, 1 + width * step)
    pixels = unfiltered(lines[:, 0], lines[:, 1:].reshape(height, width, step))
    return pixels.reshape(height, -1).view(">u2").astype(np.uint16).reshape(height, width, -1)


def chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(name, content) of each chunk."""
    at = 8
    while at + 8 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        yield data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        at += 12 + length


def unfiltered(filters: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Pixels from the differences: filters [H], `rest` and result uint8 [H, W, b].

    A pixel depends only on those left, above and above left of it, so all pixels of a diagonal are computed at once. In
    an array padded with a row and a column of zeros, their distance is a row minus one pixel.
    """
    height, width, step = rest.shape
    wide = width + 1
    pixels = np.zeros((height + 1, wide, step), np.uint8)
    flat, given = pixels.reshape(-1, step), rest.reshape(-1, step)
    kinds = [(k, (filters == k)[:, None]) for k in range(4) if (filters == k).any()]
    for diagonal in range(height + width - 1):
        first, last = max(0, diagonal - width + 1), min(height - 1, diagonal)
        count = last - first + 1

        def along(start: int, stride: int, of: np.ndarray, count: int = count) -> np.ndarray:
            return of[start : start + (count - 1) * stride + 1 : stride] if stride else of[start : start + 1]

        here = (first + 1) * wide + diagonal - first + 1
        left, above, corner = (along(here - back, wide - 1, flat) for back in (1, wide, wide + 1))
        guess = paeth(left, above, corner)
        for k, rows in kinds:
            mine = rows[first : last + 1]
            if k == 0:
                guess = np.where(mine, 0, guess)
            elif k == 3:
                guess = np.where(mine, (left.astype(np.uint16) + above) // 2, guess)
            else:
                guess = np.where(mine, left if k == 1 else above, guess)
        along(here, wide - 1, flat)[...] = along(first * width + diagonal - first, width - 1, given) + guess.astype(
            np.uint8
        )
    return pixels[1:, 1:]
