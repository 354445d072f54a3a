"""Names around a grid of images: of its columns above, of its rows at the left."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ganforge.core.plot.drawing import Drawing
from ganforge.core.plot.text import SIZE, cut, text_width

GAP, APART = 2, 12
"""Px between two cells of a grid, and between two blocks of cells that have the same heads."""
ROOM = 120
"""Px that the names of rows may take."""


def labeled(grid: np.ndarray, columns: int, heads: Sequence[str] = (), rows: Sequence[str] = ()) -> np.ndarray:
    """A grid with names around it, uint8 [H', W', 3].

    Args:
        grid: uint8 [H, W, 3], `columns` cells of one size a row with `GAP` px between them.
        heads: of the cells that belong together, from the left; a row holds a whole number of such blocks, which are
            then set apart. rows: from the top.
    """
    height, width = grid.shape[:2]
    left = min(max(map(text_width, rows)), ROOM) + 8 if rows else 0.0
    top = SIZE + 8 if heads else 0.0
    each = len(heads) or columns
    cell = (width + GAP) / columns
    blocks = columns // each
    drawing = Drawing(left + width + (blocks - 1) * APART, top + height)
    for block in range(blocks):
        start = round(block * each * cell)
        x = left + start + block * APART
        drawing.pixels(x, top, grid[:, start : start + round(each * cell) - GAP])
        for k, name in enumerate(heads):
            drawing.text(x + (k + 0.5) * cell - GAP / 2, top - 6, cut(name, cell), "middle")
    for k, name in enumerate(rows):
        middle = top + (k + 0.5) * (height + GAP) / len(rows)
        drawing.text(left - 6, middle + SIZE / 3, cut(name, ROOM), "end")
    return np.asarray(drawing.image())
