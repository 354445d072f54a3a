"""The default orders of training samples: infinite sequences of shuffled passes, with random access."""

from __future__ import annotations

import functools

import numpy as np

from ganforge.core.dataset import Order
from ganforge.core.passes import indices
from ganforge.core.rng import seed_of


class Shuffled(Order):
    """Passes over `n` items, each newly shuffled."""

    def __init__(self, n: int):
        self.n = n

    def rows(self, seed: int, start: int, count: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        return indices(self.n, seed, start, count), {}


WINDOW = 8
"""Blocks that are read at a time."""


class Windowed(Order):
    """Passes over items in blocks, such as large files, that reads a few blocks at a time.

    In each pass the blocks are shuffled, and then the items of every `WINDOW` blocks. So a sample moves as far as its
    window reaches, and only the blocks of a window are read at one time.

    Args:
        blocks: the block of each item, int64 [n].
    """

    def __init__(self, blocks: np.ndarray):
        order = np.argsort(blocks, kind="stable")
        _, starts = np.unique(blocks[order], return_index=True)
        self.members = np.split(order, starts[1:])
        self.n = len(blocks)
        self._windows = functools.lru_cache(maxsize=2)(self._bounds)  # a batch may span two passes
        self._shuffled = functools.lru_cache(maxsize=2)(self._shuffle)  # and two windows

    def rows(self, seed: int, start: int, count: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        parts = []
        while count > 0:
            epoch, offset = divmod(start, self.n)
            _, ends = self._windows(seed, epoch)
            window = int(np.searchsorted(ends, offset, side="right"))
            first = int(ends[window - 1]) if window else 0
            part = self._shuffled(seed, epoch, window)[offset - first : offset - first + count]
            parts.append(part)
            start, count = start + len(part), count - len(part)
        return np.concatenate(parts) if parts else np.empty(0, np.int64), {}

    def _bounds(self, seed: int, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """The blocks in the order of a pass, and where each window of it ends."""
        blocks = np.random.Generator(np.random.PCG64(seed_of(seed, epoch, "blocks"))).permutation(len(self.members))
        sizes = np.array([len(self.members[block]) for block in blocks])
        return blocks, np.cumsum(np.add.reduceat(sizes, np.arange(0, len(sizes), WINDOW)))

    def _shuffle(self, seed: int, epoch: int, window: int) -> np.ndarray:
        blocks, _ = self._windows(seed, epoch)
        items = np.concatenate([self.members[block] for block in blocks[window * WINDOW : (window + 1) * WINDOW]])
        draws = np.random.Generator(np.random.PCG64(seed_of(seed, epoch, f"window {window}")))
        return items[draws.permutation(len(items))]
