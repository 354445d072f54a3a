"""Passes over a set in an order of their own each, as functions of their arguments alone."""

from __future__ import annotations

import functools

import numpy as np

from ganforge.core.rng import seed_of


def indices(n: int, seed: int, start: int, count: int) -> np.ndarray:
    """Which of `n` items the samples start..start+count of a run are, int64 [count].

    Every pass over the data is a fresh permutation of all items. The answer depends on nothing but the arguments, so a
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


@functools.lru_cache(maxsize=4)  # a batch may straddle two passes, and a run have two sets
def _permutation(n: int, seed: int, epoch: int) -> np.ndarray:
    order = np.random.Generator(np.random.PCG64(seed_of(seed, epoch, "epoch"))).permutation(n)
    order.flags.writeable = False
    return order
