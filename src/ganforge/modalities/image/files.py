"""Image files as arrays: PNG, JPEG, WebP, BMP, TIFF, GIF (its first frame) and PNM, upright, as [H, W, C].

C is 1 for gray, 2 for gray with alpha, 3 for RGB, 4 for RGBA. Gray of 16 bits stays uint16. So do PNGs of 16 bits in
color or with alpha, but for interlaced ones, which Pillow reads with 8 bits. All else is uint8. HEIC is read where the
package pillow-heif is installed. What is left out (further frames, bits) is in `Facts`.
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
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "DIB", "TIFF", "GIF", "PPM")  # nothing that runs a program, as EPS does
MAX_PIXELS = 2**27
"""An image that claims more (134 million pixels) is taken for a decompression bomb, a small file that fills memory."""

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
    """Whether a file's name ends as that of an image that can be read here."""
    ending = Path(name).suffix.lower()
    return ending in EXTENSIONS or (ending in HEIF and reads_heif())


@functools.cache
def reads_heif() -> bool:
    """Whether HEIC can be read: the package pillow-heif is there."""
    return importlib.util.find_spec("pillow_heif") is not None


def heif_hint(endings: Iterable[str]) -> str:
    """What to install where some files are HEIC and cannot be read; else empty."""
    if reads_heif() or not HEIF & set(endings):
        return ""
    return " (HEIC is read if pillow-heif is installed: pip install pillow-heif)"


class Facts(NamedTuple):
    """What the first bytes of an image file say.

    Attributes:
        shape: [H, W, C] of what `decode` gives. dtype: "uint8" or "uint16".
        frames: how many images the file holds; the first is read.
        fewer_bits: whether it has 16 bits a channel and is read with 8.
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
        BadItem: it is no image, is cut short, is damaged or too large. `where` names it.
    """
    return decode_all(source, where)[0]


def decode_all(source: Path | BinaryIO, where: str) -> tuple[np.ndarray, Image.Image]:
    """As `decode`, with Pillow's image for what the file says in addition to the pixels."""
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
    """(shape [H, W, C], dtype) that `decode` will give; as `facts`."""
    found = facts(source, where)
    return found.shape, found.dtype


def facts(source: Path | BinaryIO, where: str) -> Facts:
    """What `decode` will give and leave out, without decoding: from headers alone.

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
    except BROKEN:  # what follows the first image is damaged, which `decode` does not read
        return 1


def _has_16_bits(picture: Image.Image) -> bool:
    """Whether an image, opened and not loaded, has 16 bits a channel in its file (as far as Pillow tells)."""
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
    """The formats that are read; HEIC is made known to Pillow first, where that can be."""
    if not reads_heif():
        return FORMATS
    from pillow_heif import register_heif_opener

    register_heif_opener()
    return (*FORMATS, "HEIF")


def _orientation(picture: Image.Image) -> int:
    try:
        value = picture.getexif().get(ORIENTATION, 1)
    except BROKEN:  # an image is not lost for damaged notes of its camera
        return 1
    return value if isinstance(value, int) else 1


def _stored_size(picture: Image.Image) -> tuple[int, int]:
    """Width and height as they lie in the file: for TIFF newer Pillows give `size` upright, older ones do not."""
    tags = getattr(picture, "tag_v2", None)
    return picture.size if tags is None else (int(tags[IMAGE_WIDTH]), int(tags[IMAGE_HEIGHT]))


def _target(picture: Image.Image) -> str:
    """The mode that an image is read in."""
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
    """How many channels an image has, opened and not loaded, that is a PNG of 16 bits in color or with alpha, row after
    row. 0 for every other one. (Pillow reads such files with 8 bits.)
    """
    tiles = getattr(picture, "tile", None)  # of an image that comes from a file
    if picture.format != "PNG" or picture.info.get("interlace") or not tiles:
        return 0
    channels = {"LA;16B": 2, "RGB;16B": 3, "RGBA;16B": 4}.get(str(tiles[0][3]), 0)
    return channels + (channels == 3 and "transparency" in picture.info)


def _deep(source: Path | BinaryIO, picture: Image.Image) -> np.ndarray:
    """The pixels of such a file, uint16 [H, W, C]; a color that the file says is transparent becomes alpha."""
    if isinstance(source, Path):
        data = source.read_bytes()
    else:
        source.seek(0)
        data = source.read()
    pixels = deep_color(data)
    assert pixels is not None, "its header has said so"
    clear = picture.info.get("transparency")
    if pixels.shape[2] == 3 and clear is not None:
        alpha = np.where((pixels == np.asarray(clear)).all(2, keepdims=True), 0, 65535).astype(np.uint16)
        return np.concatenate([pixels, alpha], axis=2)
    return pixels


def turned(pixels: np.ndarray, turn: Image.Transpose) -> np.ndarray:
    """Pixels [H, W, C] as Pillow would turn an image."""
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
        if picture.mode in ("1", "L") and target == "LA":  # a transparent gray level: Pillow knows it for RGBA alone
            rgba = np.asarray(picture.convert("RGBA"))
            return np.ascontiguousarray(rgba[..., [0, 3]])
        picture = picture.convert(target)
    array = np.array(picture)  # a copy: it must outlive the file
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
