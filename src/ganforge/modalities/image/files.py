"""Picture files as arrays: PNG, JPEG, WebP, BMP, TIFF, GIF (its first frame) and PNM, upright, as [H, W, C].

C is 1 for grey, 2 for grey with alpha, 3 for RGB, 4 for RGBA. Grey of 16 bits stays uint16; all else is uint8.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from ganforge.core.dataset import BadItem

EXTENSIONS = frozenset(
    {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".dib", ".tif", ".tiff", ".gif"}
    | {".ppm", ".pgm", ".pbm", ".pnm"}
)
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "DIB", "TIFF", "GIF", "PPM")  # nothing that runs a program, as EPS does
MAX_PIXELS = 2**27
"""A picture that claims more (134 million pixels) is taken for a decompression bomb, a small file that fills memory."""

IMAGE_WIDTH, IMAGE_HEIGHT = 0x0100, 0x0101  # tags of TIFF
ORIENTATION = 0x0112  # the EXIF tag: how the camera was held; 5 to 8 are on their side
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip
BROKEN = (OSError, ValueError, SyntaxError, TypeError, KeyError, IndexError, EOFError, OverflowError, MemoryError,
          struct.error, zlib.error, RuntimeError)  # fmt: skip
"""What Pillow's decoders were seen to raise on damaged files."""


def is_picture(name: str) -> bool:
    """Whether a file's name ends as a picture's does."""
    return Path(name).suffix.lower() in EXTENSIONS


def decode(source: Path | BinaryIO, where: str) -> np.ndarray:
    """The picture in a file, upright, uint8 or uint16 [H, W, C].

    Raises:
        BadItem: it is no picture, is cut short, is damaged or too large. `where` names it.
    """
    return decode_all(source, where)[0]


def decode_all(source: Path | BinaryIO, where: str) -> tuple[np.ndarray, Image.Image, Image.Transpose | None]:
    """As `decode`, with Pillow's picture for what the file says beside the pixels, and how it was turned upright."""
    try:
        with _open(source, where) as picture:
            picture.load()
            turn = TURNS.get(_orientation(picture))
            return _to_array(picture if turn is None else picture.transpose(turn), where), picture, turn
    except BROKEN as error:
        raise BadItem(where, _why(error)) from None


def header(source: Path | BinaryIO, where: str) -> tuple[tuple[int, int, int], str]:
    """(shape [H, W, C], dtype) that `decode` will give, from the first bytes of the file alone.

    Raises:
        BadItem: as `decode`, as far as a header shows it.
    """
    try:
        with _open(source, where) as picture:
            width, height = _stored_size(picture)
            # A PNG may hold its EXIF after the pixels; it is not decoded for that.
            late = picture.format == "PNG" and "exif" not in picture.info
            if not late and _orientation(picture) >= 5:
                width, height = height, width
            mode = _target(picture)
            channels = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}.get(mode, 1)
            return (height, width, channels), "uint16" if mode == "I;16" else "uint8"
    except BROKEN as error:
        raise BadItem(where, _why(error)) from None


def _open(source: Path | BinaryIO, where: str) -> Image.Image:
    try:
        picture = Image.open(source, formats=FORMATS)
    except Image.DecompressionBombError:
        raise BadItem(where, f"claims more than {MAX_PIXELS:,} pixels (a decompression bomb?)") from None
    width, height = picture.size
    if width * height > MAX_PIXELS:
        picture.close()
        raise BadItem(where, f"claims {width:,} × {height:,} pixels (a decompression bomb?)")
    return picture


def _orientation(picture: Image.Image) -> int:
    try:
        value = picture.getexif().get(ORIENTATION, 1)
    except BROKEN:  # a picture is not lost for damaged notes of its camera
        return 1
    return value if isinstance(value, int) else 1


def _stored_size(picture: Image.Image) -> tuple[int, int]:
    """Width and height as they lie in the file: for TIFF newer Pillows give `size` upright, older ones do not."""
    tags = getattr(picture, "tag_v2", None)
    return picture.size if tags is None else (int(tags[IMAGE_WIDTH]), int(tags[IMAGE_HEIGHT]))


def _target(picture: Image.Image) -> str:
    """The mode that a picture is read in."""
    mode = picture.mode
    if mode.startswith("I"):
        return "I;16"
    if mode == "F":
        return "F"
    clear = picture.has_transparency_data
    if mode in ("1", "L", "LA", "La"):
        return "LA" if clear else "L"
    return "RGBA" if clear else "RGB"


def _to_array(picture: Image.Image, where: str) -> np.ndarray:
    target = _target(picture)
    if target == "F":
        raise BadItem(where, "its pixels are floating-point numbers; save it with 8 or 16 bits")
    if target == "I;16":
        values = np.asarray(picture)
        if values.dtype.itemsize > 2 and (values.min() < 0 or values.max() > 65535):
            raise BadItem(where, "its pixels have 32 bits; save it with 8 or 16")
        return values.astype(np.uint16)[..., None]
    if picture.mode != target:
        if picture.mode in ("1", "L") and target == "LA":  # a transparent grey level: Pillow knows it for RGBA alone
            rgba = np.asarray(picture.convert("RGBA"))
            return np.ascontiguousarray(rgba[..., [0, 3]])
        picture = picture.convert(target)
    array = np.array(picture)  # a copy: it must outlive the file
    return array[..., None] if array.ndim == 2 else array


def _why(error: BaseException) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "not a picture that can be read"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    text = " ".join(str(error).split())
    return f"damaged ({text[:100] or type(error).__name__})"
