"""Gray label maps shown in colors, one a class."""

from __future__ import annotations

import numpy as np

from ganforge.core.dataset import BadItem, Dataset
from ganforge.modalities.pair.views import View

LOOK, SMALL = 16, 64  # images that are read to recognize label maps; a photo would use higher levels, too


class Colored(View):
    """Label maps with a color for each gray level: that of PASCAL VOC (Everingham et al. 2010)."""

    in_color = True

    def read(self, index: int) -> np.ndarray:
        return in_colors(self.dataset.read(index))

    def shapes(self) -> dict[tuple[tuple[int, ...], str], int]:
        return {((*shape[:2], 3), dtype): count for (shape, dtype), count in self.dataset.shapes().items()}

    def each_shape(self) -> list[tuple[int, ...] | None]:
        return [s and (*s[:2], 3) for s in self.dataset.each_shape()]


def colors() -> np.ndarray:
    """A color for each level, uint8 [256, 3]: every third bit of it is a bit of red, of green or of blue."""
    levels = np.arange(256)[:, None]
    bits = (levels >> (3 * np.arange(3)[:, None, None] + np.arange(3))) & 1  # [bit, level, channel]
    return (bits << np.array([7, 6, 5])[:, None, None]).sum(0).astype(np.uint8)


COLORS = colors()


def in_colors(levels: np.ndarray) -> np.ndarray:
    """Label maps, uint8 [..., 1], with a color for each level, uint8 [..., 3]."""
    return COLORS[levels[..., 0]]


def holds_maps(dataset: Dataset) -> bool:
    """Whether a set holds gray images of small numbers alone, by some of them."""
    if {(shape[2], dtype) for shape, dtype in dataset.shapes()} != {(1, "uint8")}:
        return False
    highest = []
    for k in np.unique(np.linspace(0, len(dataset) - 1, LOOK).round().astype(int)):
        try:
            highest.append(int(dataset.read(int(k)).max()))
        except BadItem:  # counted and named when the loader reads it
            continue
    return bool(highest) and max(highest) < SMALL
