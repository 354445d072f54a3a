"""An image file with its metadata: depth, color profile, EXIF.

`modalities.image.files` reads pixels to train on. Here nothing is lost between an input file and its output.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from ganforge.core.dataset import BadItem
from ganforge.core.errors import UserError
from ganforge.core.files import atomic_file
from ganforge.core.surroundings import refuse_machine_faults
from ganforge.modalities.image import files as pictures
from ganforge.modalities.image.pixels import to_depth
from ganforge.modalities.image.png import PngWriter

ENDINGS = (".png", ".jpg", ".jpeg", ".webp")
"""What can be written. PNG alone keeps 16 bits, and every pixel as it is."""
LOSSLESS = (".png",)
QUALITY = 95
SPACES = {1: b"GRAY", 2: b"GRAY", 3: b"RGB ", 4: b"RGB "}
"""The color space that a profile must name, by channels."""


@dataclass(frozen=True)
class Photo:
    """An image, upright.

    Attributes:
        pixels: uint8 or uint16 [H, W, C]: gray, gray with alpha, RGB, RGBA.
        exif: EXIF data with the orientation set to upright; empty for none.
        profile: the ICC color profile; empty for none.
        facts: what its file holds and is not read; None for an image that comes from no file.
    """

    pixels: np.ndarray
    exif: bytes = b""
    profile: bytes = b""
    facts: pictures.Facts | None = None


def read(source: Path | BinaryIO, where: str) -> Photo:
    """The image in a file.

    Raises:
        BadItem: it is none, or is damaged or too large. `where` names it.
    """
    try:
        data = source.read_bytes() if isinstance(source, Path) else source.read()
    except OSError as error:
        refuse_machine_faults(error)
        raise BadItem(where, (error.strerror or str(error)).lower()) from None
    pixels, image = pictures.decode_all(io.BytesIO(data), where)
    try:
        exif = image.info.get("exif") or (image.getexif().tobytes() if image.getexif() else b"")
    except pictures.BROKEN:  # the pixels are intact; damaged EXIF is left out
        exif = b""
    facts = pictures.facts(io.BytesIO(data), where)
    return Photo(pixels, upright(exif), image.info.get("icc_profile") or b"", facts)


def upright(exif: bytes) -> bytes:
    """EXIF data with the orientation set to 1, and every other byte unchanged.

    TIFF 6.0, section 2: a header of 8 bytes, then a directory of entries (tag, type, count, value), 12 bytes each.
    """
    start = 6 if exif.startswith(b"Exif\0\0") else 0
    order = {b"II": "<", b"MM": ">"}.get(exif[start : start + 2])
    if order is None:
        return exif
    found = bytearray(exif)
    try:
        (directory,) = struct.unpack_from(f"{order}I", exif, start + 4)
        (entries,) = struct.unpack_from(f"{order}H", exif, start + directory)
        for k in range(entries):
            entry = start + directory + 2 + 12 * k
            if struct.unpack_from(f"{order}H", exif, entry)[0] == pictures.ORIENTATION:
                struct.pack_into(f"{order}HIHH", found, entry + 2, 3, 1, 1, 0)
    except struct.error:  # cut short: no reader will find an orientation either
        return exif
    return bytes(found)


def write(
    path: Path,
    rows: Iterable[np.ndarray],
    shape: tuple[int, int, int],
    dtype: str,
    like: Photo | None = None,
    quality: int = QUALITY,
) -> None:
    """Writes an image whose rows come in parts [k, W, C], whole or not at all.

    A PNG is written as the rows come. Other formats are written at once and hold the image in memory until then.

    Args:
        path: ends in one of `ENDINGS`.
        shape: (H, W, C).
        dtype: "uint8" or "uint16".
        quality: of JPEG and WebP, 1 to 100.
        like: the photo whose EXIF and profile are copied; a profile for other channels is left out.

    Raises:
        UserError: the file cannot be written, or not in this format.
    """
    exif, profile = (like.exif, like.profile) if like else (b"", b"")
    if profile[16:20] != SPACES[shape[2]]:
        profile = b""
    try:
        with atomic_file(path) as partial:
            if path.suffix.lower() == ".png":
                with partial.open("wb") as file, PngWriter(file, shape, dtype, exif, profile) as png:
                    for part in rows:
                        png.write(part)
            else:
                _write_whole(partial, path.suffix.lower(), np.concatenate(list(rows)), exif, profile, quality)
    except (OSError, ValueError) as error:  # Pillow raises ValueError where a side is too long for the format
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{path}: cannot be written ({reason})", code="output.not_writable") from None


def check_ending(path: Path, channels: int) -> None:
    """Raises UserError where a format cannot hold this number of channels; before anything is computed."""
    if path.suffix.lower() in (".jpg", ".jpeg") and channels in (2, 4):
        raise UserError(
            f"{path}: the image has transparency, which JPEG does not support; write PNG or WebP (for a folder: "
            "--format png)",
            code="output.no_alpha",
        )


def _write_whole(path: Path, ending: str, pixels: np.ndarray, exif: bytes, profile: bytes, quality: int) -> None:
    pixels = to_depth(pixels, 8)
    if ending != ".webp" and pixels.shape[2] in (2, 4):
        raise ValueError("JPEG has no transparency; write PNG or WebP")
    extra = {"exif": exif} if exif else {}
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    if ending == ".webp":
        image.save(path, "WEBP", quality=quality, icc_profile=profile or None, **extra)
    else:
        image.save(path, "JPEG", quality=quality, subsampling=0, icc_profile=profile or None, **extra)
