"""Shuffled passes over a data set, as pure functions."""

from __future__ import annotations

import functools

import numpy as np

from ganforge.core import scratch
from ganforge.core.rng import seed_of


def indices(n: int, seed: int, start: int, count: int) -> np.ndarray:
    """The indices of the items, out of `n`, that are samples start..start+count of a run, int64 [count].

    Every pass over the data is a new permutation of all items. The result depends only on the arguments, so a resumed
    run continues exactly without saved state, and each process can compute its own part.
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


@functools.lru_cache(maxsize=4)  # a batch may span two passes, and a run may have two data sets
def _permutation(n: int, seed: int, epoch: int) -> np.ndarray:
    order = scratch.numbered(n)
    np.random.Generator(np.random.PCG64(seed_of(seed, epoch, "epoch"))).shuffle(order)
    order.flags.writeable = False
    return order
