"""Films as still images, read with Pillow: animations (gif, apng, webp), strips, and folders of numbered frames.

A strip is one image with square frames side by side (the form of MoCoGAN's data). Transparent pixels become black.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ganforge.core.dataset import BadItem
from ganforge.modalities.video.film import Header

ANIMATED = frozenset({".gif", ".apng", ".webp", ".png"})
IMAGES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".gif", ".ppm", ".pgm"})
NARROWEST = 4
"""Frames below which a wide image is no strip."""
MOST_PIXELS = 2**28
SHARE = 0.1
ROUNDED = 0.0105
"""Seconds: gifs count hundredths, so frames of one rate differ by one of them."""
USUAL = 100
"""Milliseconds of a frame that claims none, as browsers show it."""


def natural(name: str) -> list[tuple[int, int, str]]:
    """A key that sorts names as people number them: 2 before 10, with or without leading zeros."""
    parts = re.split(r"(\d+)", name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def opened(source: Path | BinaryIO, where: str) -> Any:
    """A Pillow image, not decoded yet.

    Raises:
        BadItem: it is none, or claims more pixels than an image may have here.
    """
    from PIL import Image, UnidentifiedImageError

    if not isinstance(source, Path):
        source.seek(0)
    try:
        image = Image.open(source)
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as error:
        raise BadItem(where, f"not an image that can be read ({' '.join(str(error).split())[:80]})") from None
    if image.width * image.height > MOST_PIXELS:
        raise BadItem(where, f"claims {image.width}×{image.height} px (a decompression bomb?)")
    return image


def is_animated(source: Path | BinaryIO) -> bool:
    """Whether an image file holds more than one frame."""
    try:
        return getattr(opened(source, ""), "n_frames", 1) > 1
    except BadItem:
        return False


def is_strip(source: Path | BinaryIO) -> bool:
    """Whether an image is as wide as several squares of its height."""
    try:
        width, height = opened(source, "").size
    except BadItem:
        return False
    return width % height == 0 and width >= NARROWEST * height


def rgb(image: Any, where: str) -> np.ndarray:
    """The pixels of an image, uint8 [H, W, 3], with what is transparent over black.

    Raises:
        BadItem: it cannot be decoded.
    """
    from PIL import Image

    try:
        if "A" in image.getbands() or "transparency" in image.info:
            over = image.convert("RGBA")
            return np.asarray(Image.alpha_composite(Image.new("RGBA", over.size, (0, 0, 0, 255)), over).convert("RGB"))
        return np.asarray(image.convert("RGB"))
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise BadItem(where, f"damaged ({' '.join(str(error).split())[:80]})") from None


def animation_header(source: Path | BinaryIO, where: str) -> Header:
    """Of a gif, apng or webp. Writers join equal frames to one that lasts longer: so its rate is that of its shortest
    frames, if a tenth are as short, and its frames are counted by its length."""
    image = opened(source, where)
    times = [seconds for seconds, _ in animation_frames(source, where, decode=False)]
    each = np.diff(times)
    usual = min(d for d, many in Counter(each.round(3).tolist()).items() if many >= SHARE * len(each))
    step = float(each[np.abs(each - usual) <= ROUNDED].mean())
    return Header(max(1, round(times[-1] / step)), image.height, image.width, round(1 / step, 3))


def animation_frames(source: Path | BinaryIO, where: str, decode: bool = True) -> Iterator[tuple[float, Any]]:
    """(seconds, frame) in order, as a browser shows them; without `decode`, their times and the end of the last one."""
    image, at = opened(source, where), 0
    for k in range(getattr(image, "n_frames", 1)):
        try:
            image.seek(k)
            if decode:
                image.load()
        except (OSError, EOFError, ValueError, SyntaxError):
            break  # it breaks off: the frames before it are whole
        yield at / 1000, rgb(image, where) if decode else None
        at += int(image.info.get("duration") or USUAL)
    if not decode:
        yield at / 1000, None


def strip_header(source: Path | BinaryIO, where: str) -> Header:
    """Of a strip of square frames.

    Raises:
        BadItem: its width is no multiple of its height.
    """
    width, height = opened(source, where).size
    if width % height:
        raise BadItem(where, f"{width}×{height} px is no strip of square frames side by side")
    return Header(width // height, height, height, None)


def strip_frames(source: Path | BinaryIO, where: str) -> Iterator[tuple[int, np.ndarray]]:
    """(number, pixels) of each frame of a strip."""
    pixels = rgb(opened(source, where), where)
    side = pixels.shape[0]
    for k in range(pixels.shape[1] // side):
        yield k, pixels[:, k * side : (k + 1) * side]


def folder_frames(sources: Sequence[tuple[Any, str]]) -> Iterator[tuple[int, np.ndarray]]:
    """(number, pixels) of frames that are a file each, given as (file, name) in order."""
    for k, (source, where) in enumerate(sources):
        yield k, rgb(opened(source, where), where)
