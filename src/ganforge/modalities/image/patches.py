"""Images of any size as patches of one size, without resampling.

An image of height H gets  n = 1 + ⌈(H − P) / S⌉  rows of patches of height P, evenly spaced from top to bottom:
the stride is at most S, so that every pixel is in at least one patch. Columns are analogous. A smaller image is
extended by reflection at its lower and right edge to the size of a patch.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Sequence
from typing import Self

import numpy as np

from ganforge.core.dataset import Dataset, Reading


class Patches(Dataset):
    """All patches of all images, image by image, from left to right and from top to bottom.

    Args:
        dataset: images of any size.
        sizes: height and width of each image; None for omitted ones.
        patch: height and width of a patch.
        stride: maximum distance of neighboring patches, vertically and horizontally.
        step: patches start at multiples of this many px.
    """

    def __init__(
        self,
        dataset: Dataset,
        sizes: Sequence[tuple[int, int] | None],
        patch: tuple[int, int],
        stride: tuple[int, int],
        step: int = 1,
    ):
        self.dataset, self.patch = dataset, patch
        self.name, self.digest = dataset.name, dataset.digest
        self.signal, self.colored = dataset.signal, dataset.colored
        self.no_labels, self.domains = dataset.no_labels, dataset.domains
        self.skipped = list(dataset.skipped)
        self.skipped += [(dataset.describe(k), "its size cannot be read") for k, s in enumerate(sizes) if s is None]
        places = [
            (k, top, left)
            for k, size in enumerate(sizes)
            if size is not None
            for top in starts(size[0], patch[0], stride[0], step)
            for left in starts(size[1], patch[1], stride[1], step)
        ]
        self.places = np.array(places, np.int64).reshape(-1, 3)
        self.known_from(dataset, self.places[:, 0])
        self._last = threading.local()  # patches are mostly read in order, and decoding is slow

    @classmethod
    def of(cls, dataset: Dataset, patch: tuple[int, int], stride: tuple[int, int]) -> Self:
        """The patches of all images whose size can be read."""
        return cls(dataset, [None if s is None else (s[0], s[1]) for s in dataset.each_shape()], patch, stride)

    def __len__(self) -> int:
        return len(self.places)

    def read(self, index: int) -> np.ndarray:
        picture, top, left = (int(v) for v in self.places[index])
        if getattr(self._last, "picture", None) != picture:
            self._last.item = self.dataset.read(picture)
            self._last.picture = picture
        height, width = self.patch
        part = self._last.item[top : top + height, left : left + width]
        if part.shape[:2] != self.patch:
            part = np.pad(part, ((0, height - part.shape[0]), (0, width - part.shape[1]), (0, 0)), mode="symmetric")
        return part

    def shapes(self) -> dict[tuple[tuple[int, ...], str], int]:
        """Shapes of the patches; modes are distributed as in the images, each counted once."""
        kinds = {(shape[2:], dtype) for shape, dtype in self.dataset.shapes()}
        return {((*self.patch, *rest), dtype): len(self) for rest, dtype in sorted(kinds)}

    def reading(self) -> list[Reading]:
        return self.dataset.reading()

    def identity(self) -> str:
        return self.dataset.identity()

    def describe(self, index: int) -> str:
        picture, top, left = (int(v) for v in self.places[index])
        return f"{self.dataset.describe(picture)} from ({top}, {left})"


@functools.cache  # most images of a set have the same sides
def starts(length: int, patch: int, stride: int, step: int = 1) -> tuple[int, ...]:
    """Start positions of patches along a side."""
    spare = max(0, length - patch) // step
    count = 1 + -(-spare * step // stride)
    return tuple(int(k) * step for k in np.rint(np.linspace(0, spare, count)))
