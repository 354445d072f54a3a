"""A text drawn as an image, for outputs that can only be images."""

from __future__ import annotations

import textwrap

import numpy as np
from PIL import Image, ImageDraw, ImageFont

WIDE, HIGH, SIZE = 480, 120, 18
FONTS = ("NotoSansCJK-Regular.ttc", "NotoSerifCJK-Regular.ttc", "msyh.ttc", "PingFang.ttc", "DejaVuSans.ttf")
"""Tried in this order; the first ones have Chinese and Japanese characters."""


def drawn(text: str) -> np.ndarray:
    """The beginning of a text, uint8 [HIGH, WIDE, 3]; of characters that no font here has, empty boxes."""
    canvas = Image.new("RGB", (WIDE, HIGH), "white")
    narrow = 2 if any(ord(letter) > 0x2E80 for letter in text) else 1
    lines = [part for line in text.split("\n") for part in textwrap.wrap(line, 48 // narrow)][: HIGH // (SIZE + 6)]
    ImageDraw.Draw(canvas).multiline_text((10, 8), "\n".join(lines), "black", _font(), spacing=6)
    return np.asarray(canvas)


def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    for name in FONTS:
        try:
            return ImageFont.truetype(name, SIZE)
        except OSError:  # not on this machine
            continue
    return ImageFont.load_default(SIZE)
