"""The order of training samples: an endless sequence of shuffled passes that any position can be asked for at once."""

from __future__ import annotations

import functools

import numpy as np

from ganforge.core.rng import seed_of
from ganforge.core.types import Order


class Shuffled(Order):
    """Pass after pass over `n` items, each in an order of its own."""

    def __init__(self, n: int):
        self.n = n

    def rows(self, seed: int, start: int, count: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        return indices(self.n, seed, start, count), {}


def indices(n: int, seed: int, start: int, count: int) -> np.ndarray:
    """Which of `n` items the samples start..start+count of a run are, int64 [count].

    Every pass over the data is a fresh permutation of all items. The answer hangs on nothing but the arguments, so a
    resumed run goes on where it was with nothing saved, and processes can each ask for their own part.
    """
    if n < 1:
        raise ValueError("there is nothing to draw from")
    parts = []
    while count > 0:
        epoch, offset = divmod(start, n)
        part = _permutation(n, seed, epoch)[offset : offset + count]
        parts.append(part)
        start, count = start + len(part), count - len(part)
    return np.concatenate(parts) if parts else np.empty(0, np.int64)


@functools.lru_cache(maxsize=2)  # a batch may straddle two passes
def _permutation(n: int, seed: int, epoch: int) -> np.ndarray:
    order = np.random.Generator(np.random.PCG64(seed_of(seed, epoch, "epoch"))).permutation(n)
    order.flags.writeable = False
    return order
