"""Images below each other, each with its name on the left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ganforge.core.plot.drawing import Drawing, has_letters
from ganforge.core.plot.text import SIZE, cut, text_width

if TYPE_CHECKING:
    from PIL import Image

PAD, GAP = 8, 2
WIDEST = 160
"""Maximum width of a name in px; longer ones are cut."""


def named_rows(rows: Sequence[tuple[str, Image.Image]]) -> Image.Image:
    """One image of several, RGB. A name that no font of this system can write is replaced by its number, from 0 on."""
    import numpy as np

    names = [cut(name if has_letters(name) else str(k), WIDEST) for k, (name, _) in enumerate(rows)]
    left = round(max(map(text_width, names))) + 2 * PAD
    width = left + max(image.width for _, image in rows)
    drawing = Drawing(width, sum(image.height + GAP for _, image in rows) - GAP)
    top = 0
    for name, (_, image) in zip(names, rows, strict=True):
        drawing.text(PAD, top + image.height / 2 + SIZE / 3, name, style="strong")
        drawing.pixels(left, top, np.asarray(image))
        top += image.height + GAP
    return drawing.image()
