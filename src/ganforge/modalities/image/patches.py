"""Images of any size as patches of one size, so that no pixel is resampled.

An image H high takes  n = 1 + ⌈(H − P) / S⌉  rows of patches P high, spread evenly from its top to its bottom:
a stride of S or less, so that every pixel lies in one patch at least; columns alike. A smaller image is mirrored at
its lower and right edge until one patch is full.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Self

import numpy as np

from ganforge.core.dataset import Dataset, Reading


class Patches(Dataset):
    """Every patch of every image, image by image, from left to right and from top to bottom.

    Args:
        dataset: images of any size.
        sizes: height and width of each; None for those that are left out.
        patch: height and width of a patch.
        stride: how far apart patches may be, down and across.
        step: patches begin at multiples of so many px.
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
        self.name, self.classes, self.digest = dataset.name, dataset.classes, dataset.digest
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
        self.labels = None if dataset.labels is None else dataset.labels[self.places[:, 0]]
        self._last = threading.local()  # patches are mostly read in their order, and decoding is what takes long

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
        """Of the patches; how they spread over modes is taken from the images, of which each counts as one."""
        kinds = {(shape[2:], dtype) for shape, dtype in self.dataset.shapes()}
        return {((*self.patch, *rest), dtype): len(self) for rest, dtype in sorted(kinds)}

    def reading(self) -> list[Reading]:
        return self.dataset.reading()

    def identity(self) -> str:
        return self.dataset.identity()

    def describe(self, index: int) -> str:
        picture, top, left = (int(v) for v in self.places[index])
        return f"{self.dataset.describe(picture)} from ({top}, {left})"


def starts(length: int, patch: int, stride: int, step: int = 1) -> list[int]:
    """Where patches begin along a side."""
    spare = max(0, length - patch) // step
    count = 1 + -(-spare * step // stride)
    return [int(k) * step for k in np.rint(np.linspace(0, spare, count))]
