"""Reads image files as arrays [H, W, C]: PNG, JPEG, WebP, BMP, TIFF, GIF (first frame) and PNM, upright.

C is 1 for gray, 2 for gray with alpha, 3 for RGB, 4 for RGBA. 16-bit gray stays uint16, and so do 16-bit PNGs with
color or alpha, except interlaced ones, which Pillow reads with 8 bits. Everything else is uint8. HEIC is supported if
the package pillow-heif is installed. What is omitted (further frames, bits) is in `Facts`.
"""

from __future__ import annotations

import functools
import importlib.util
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError

from ganforge.core.dataset import BadItem
from ganforge.core.surroundings import refuse_machine_faults
from ganforge.core.words import counted
from ganforge.modalities.image.file_kinds import kind_of
from ganforge.modalities.image.png import deep_color

EXTENSIONS = frozenset(
    {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".dib", ".tif", ".tiff", ".gif"}
    | {".ppm", ".pgm", ".pbm", ".pnm"}
)
HEIF = frozenset({".heic", ".heif"})
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "DIB", "TIFF", "GIF", "PPM")  # no formats that run a program, such as EPS
MAX_PIXELS = 2**27
"""Maximum number of pixels (134 million): larger images are rejected as decompression bombs."""

IMAGE_WIDTH, IMAGE_HEIGHT = 0x0100, 0x0101  # tags of TIFF
ORIENTATION = 0x0112  # the EXIF tag; 5 to 8 are rotated by 90°
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip
BROKEN = (OSError, ValueError, SyntaxError, TypeError, KeyError, IndexError, EOFError, OverflowError, MemoryError,
          struct.error, zlib.error, RuntimeError)  # fmt: skip
"""Exceptions that Pillow's decoders raise for damaged files."""


def is_picture(name: str) -> bool:
    """Whether the file extension is that of a supported image format."""
    ending = Path(name).suffix.lower()
    return ending in EXTENSIONS or (ending in HEIF and reads_heif())


@functools.cache
def reads_heif() -> bool:
    """Whether HEIC can be read, which requires the package pillow-heif."""
    return importlib.util.find_spec("pillow_heif") is not None


def heif_hint(endings: Iterable[str]) -> str:
    """A hint what to install if some files are HEIC and cannot be read; else empty."""
    if reads_heif() or not HEIF & set(endings):
        return ""
    return " (HEIC is read if pillow-heif is installed: pip install pillow-heif)"


class Facts(NamedTuple):
    """Properties of an image file, from its first bytes.

    Attributes:
        shape: [H, W, C] of the result of `decode`. dtype: "uint8" or "uint16".
        frames: number of images in the file, of which the first is read.
        fewer_bits: whether it has 16 bits per channel, but is read with 8.
    """

    shape: tuple[int, int, int]
    dtype: str
    frames: int = 1
    fewer_bits: bool = False


def left_out(found: Iterable[Facts]) -> list[str]:
    """What is not read of files, as phrases: further frames, and bits."""
    found = list(found)
    said = []
    more = [one.frames - 1 for one in found if one.frames > 1]
    if more:
        said.append(
            f"{counted(sum(more), 'further frame')} of {counted(len(more), 'file')} not used, only the first of each"
        )
    if fewer := sum(one.fewer_bits for one in found):
        said.append(f"{fewer:,} with 16 bits a channel read with 8 (16 are read of PNG, and of gray images)")
    return said


def decode(source: Path | BinaryIO, where: str) -> np.ndarray:
    """The image in a file, upright, uint8 or uint16 [H, W, C].

    Raises:
        BadItem: it is not an image, truncated, damaged or too large; named `where` in the message.
    """
    return decode_all(source, where)[0]


def decode_all(source: Path | BinaryIO, where: str) -> tuple[np.ndarray, Image.Image]:
    """Like `decode`, together with Pillow's image, for metadata."""
    try:
        with _open(source, where) as picture:
            deep = _deep_channels(picture) > 0
            picture.load()
            turn = TURNS.get(_orientation(picture))
            if deep:
                pixels = _deep(source, picture)
                return pixels if turn is None else turned(pixels, turn), picture
            return _to_array(picture if turn is None else picture.transpose(turn), where), picture
    except BROKEN as error:
        refuse_machine_faults(error)
        raise BadItem(where, _why(error, source)) from None


def header(source: Path | BinaryIO, where: str) -> tuple[tuple[int, int, int], str]:
    """(shape [H, W, C], dtype) of the result of `decode`; see `facts`."""
    found = facts(source, where)
    return found.shape, found.dtype


def facts(source: Path | BinaryIO, where: str) -> Facts:
    """What `decode` will return and omit, from headers only.

    Raises:
        BadItem: as in `decode`, as far as it can be detected from a header.
    """
    try:
        with _open(source, where) as picture:
            width, height = _stored_size(picture)
            # A PNG may contain EXIF after the pixels; it is not decoded for that.
            late = picture.format == "PNG" and "exif" not in picture.info
            if not late and _orientation(picture) >= 5:
                width, height = height, width
            if deep := _deep_channels(picture):
                return Facts((height, width, deep), "uint16", _frames(picture))
            mode = _target(picture)
            channels = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}.get(mode, 1)
            if mode == "I;16":
                return Facts((height, width, channels), "uint16", _frames(picture))
            return Facts((height, width, channels), "uint8", _frames(picture), _has_16_bits(picture))
    except BROKEN as error:
        refuse_machine_faults(error)
        raise BadItem(where, _why(error, source)) from None


def _frames(picture: Image.Image) -> int:
    try:
        return int(getattr(picture, "n_frames", 1))
    except BROKEN:  # what follows the first image is damaged, but `decode` does not read it
        return 1


def _has_16_bits(picture: Image.Image) -> bool:
    """Whether an image, opened but not loaded, has 16 bits per channel in its file (as reported by Pillow)."""
    tiles = getattr(picture, "tile", None)
    if not tiles:
        return False
    mode = tiles[0][3]
    raw = mode[0] if isinstance(mode, tuple) and mode else mode
    return ";16" in str(raw) or (picture.format == "PPM" and isinstance(mode, tuple) and mode[-1:] > (255,))


def _open(source: Path | BinaryIO, where: str) -> Image.Image:
    try:
        picture = Image.open(source, formats=_formats())
    except Image.DecompressionBombError:
        raise BadItem(where, f"claims more than {MAX_PIXELS:,} pixels (a decompression bomb?)") from None
    width, height = picture.size
    if width * height > MAX_PIXELS:
        picture.close()
        raise BadItem(where, f"claims {width:,} × {height:,} pixels (a decompression bomb?)")
    return picture


@functools.cache
def _formats() -> tuple[str, ...]:
    """The supported formats; registers HEIC with Pillow first, if possible."""
    if not reads_heif():
        return FORMATS
    from pillow_heif import register_heif_opener

    register_heif_opener()
    return (*FORMATS, "HEIF")


def _orientation(picture: Image.Image) -> int:
    try:
        value = picture.getexif().get(ORIENTATION, 1)
    except BROKEN:  # damaged EXIF data does not make an image unusable
        return 1
    return value if isinstance(value, int) else 1


def _stored_size(picture: Image.Image) -> tuple[int, int]:
    """Width and height as stored in the file: for TIFF, only newer versions of Pillow return the upright `size`."""
    tags = getattr(picture, "tag_v2", None)
    return picture.size if tags is None else (int(tags[IMAGE_WIDTH]), int(tags[IMAGE_HEIGHT]))


def _target(picture: Image.Image) -> str:
    """The mode in which an image is read."""
    mode = picture.mode
    if mode.startswith("I"):
        return "I;16"
    if mode == "F":
        return "F"
    clear = picture.has_transparency_data
    if mode in ("1", "L", "LA", "La"):
        return "LA" if clear else "L"
    return "RGBA" if clear else "RGB"


def _deep_channels(picture: Image.Image) -> int:
    """The number of channels of a non-interlaced 16-bit PNG with color or alpha, opened but not loaded; 0 for any other
    image. (Pillow reads such files with 8 bits.)
    """
    tiles = getattr(picture, "tile", None)  # for images from a file
    if picture.format != "PNG" or picture.info.get("interlace") or not tiles:
        return 0
    channels = {"LA;16B": 2, "RGB;16B": 3, "RGBA;16B": 4}.get(str(tiles[0][3]), 0)
    return channels + (channels == 3 and "transparency" in picture.info)


def _deep(source: Path | BinaryIO, picture: Image.Image) -> np.ndarray:
    """The pixels of such a file, uint16 [H, W, C]; a color marked as transparent is converted to alpha."""
    if isinstance(source, Path):
        data = source.read_bytes()
    else:
        source.seek(0)
        data = source.read()
    pixels = deep_color(data)
    assert pixels is not None, "known from its header"
    clear = picture.info.get("transparency")
    if pixels.shape[2] == 3 and clear is not None:
        alpha = np.where((pixels == np.asarray(clear)).all(2, keepdims=True), 0, 65535).astype(np.uint16)
        return np.concatenate([pixels, alpha], axis=2)
    return pixels


def turned(pixels: np.ndarray, turn: Image.Transpose) -> np.ndarray:
    """Pixels [H, W, C], transposed like an image in Pillow."""
    how = Image.Transpose
    match turn:
        case how.FLIP_LEFT_RIGHT:
            return pixels[:, ::-1]
        case how.FLIP_TOP_BOTTOM:
            return pixels[::-1]
        case how.TRANSPOSE:
            return pixels.swapaxes(0, 1)
        case how.TRANSVERSE:
            return pixels[::-1, ::-1].swapaxes(0, 1)
    quarters = {how.ROTATE_90: 1, how.ROTATE_180: 2, how.ROTATE_270: 3}[turn]
    return np.rot90(pixels, quarters)


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
        if picture.mode in ("1", "L") and target == "LA":  # a transparent gray level: Pillow supports it only for RGBA
            rgba = np.asarray(picture.convert("RGBA"))
            return np.ascontiguousarray(rgba[..., [0, 3]])
        picture = picture.convert(target)
    array = np.array(picture)  # a copy, since the file is closed
    return array[..., None] if array.ndim == 2 else array


def _start(source: Path | BinaryIO) -> bytes:
    if isinstance(source, Path):
        try:
            with source.open("rb") as file:
                return file.read(64)
        except OSError:
            return b""
    source.seek(0)
    return source.read(64)


def _why(error: BaseException, source: Path | BinaryIO) -> str:
    if isinstance(error, UnidentifiedImageError):
        kind = kind_of(_start(source))
        hint = heif_hint([".heic"]) if kind == "HEIC" else ""
        return f"not an image that can be read: it is {kind}{hint}" if kind else "not an image that can be read"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    text = " ".join(str(error).split())
    return f"damaged ({text[:100] or type(error).__name__})"
