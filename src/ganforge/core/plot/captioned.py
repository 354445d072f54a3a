"""Images in rows, each with a sentence below it."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from ganforge.core.plot.drawing import Drawing, has_letters
from ganforge.core.plot.text import SIZE, cut, text_width

CELL = 144
"""Width of a cell in px, at least; smaller images are enlarged by a whole factor."""
GAP, LINE, MOST_LINES = 8, 14, 4
PART = re.compile(r"[A-Za-z0-9'’]+[^\w\s]*\s*|\S\s*")


def captioned(images: Sequence[np.ndarray], sentences: Sequence[str], columns: int) -> np.ndarray:
    """Images [h, w, 3] of one size in rows, uint8 [H, W, 3]; sentences that no font of this system can write are left
    out."""
    height, width = images[0].shape[:2]
    scale = max(1, round(CELL / width))
    cell = max(width * scale, CELL)
    lines = [wrapped(text, cell) if has_letters(text) else [] for text in sentences]
    room = [max(map(len, lines[k : k + columns]), default=0) for k in range(0, len(images), columns)]
    tops = np.cumsum([0, *(height * scale + LINE * rows + 2 * GAP for rows in room)])
    drawing = Drawing(columns * (cell + GAP) - GAP, float(tops[-1]))
    for k, (image, text) in enumerate(zip(images, lines, strict=True)):
        x, y = (k % columns) * (cell + GAP), float(tops[k // columns])
        drawing.pixels(x + (cell - width * scale) // 2, y, image.repeat(scale, 0).repeat(scale, 1))
        for row, line in enumerate(text):
            drawing.text(x + cell / 2, y + height * scale + GAP / 2 + SIZE + row * LINE, line, "middle")
    return np.asarray(drawing.image())


def wrapped(text: str, room: float) -> list[str]:
    """A sentence in lines that are at most `room` px wide; the last of `MOST_LINES` is cut."""
    lines, line = [], ""
    parts = PART.findall(text)
    for k, part in enumerate(parts):
        if line and text_width((line + part).rstrip()) > room:
            if len(lines) == MOST_LINES - 1:
                return [*lines, cut(line + "".join(parts[k:]), room)]
            lines.append(line.rstrip())
            line = ""
        line += part
    return [*lines, cut(line.rstrip(), room)] if line.strip() else lines
