"""Names around a grid of images."""

from __future__ import annotations

import numpy as np

from ganforge.core.plot.text import SIZE
from ganforge.engine.callbacks.grids import APART, GAP, labeled


def grid(columns: int, rows: int, cell: int = 40) -> np.ndarray:
    """Cells of one gray each, with white between them."""
    made = np.full((rows * (cell + GAP) - GAP, columns * (cell + GAP) - GAP, 3), 255, np.uint8)
    for row in range(rows):
        for column in range(columns):
            top, left = row * (cell + GAP), column * (cell + GAP)
            made[top : top + cell, left : left + cell] = 10 + 20 * (row * columns + column)
    return made


def test_heads_stand_above_and_blocks_apart():
    plain = grid(6, 2)
    made = labeled(plain, 6, ("source", "made", "real"))
    assert made.shape[1] == plain.shape[1] + APART
    top = made.shape[0] - plain.shape[0]
    assert top >= SIZE
    assert (made[:top] < 128).any(), "letters"
    half = (plain.shape[1] - GAP) // 2
    assert (made[top:, :half] == plain[:, :half]).all()
    assert (made[top:, -half:] == plain[:, -half:]).all()
    assert (made[top:, half : half + APART] == 255).all()


def test_rows_are_named_at_the_left():
    plain = grid(3, 4)
    made = labeled(plain, 3, rows=("cat", "dog", "a class with a name that is far too long for its room", "x"))
    left = made.shape[1] - plain.shape[1]
    assert 60 < left < 140
    assert (made[:, left:] == plain).all()
    for row in range(4):
        part = made[row * 42 : row * 42 + 40, :left]
        assert (part < 128).any(), row
