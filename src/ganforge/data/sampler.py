"""The default order of training samples: an infinite sequence of shuffled passes, with random access."""

from __future__ import annotations

import numpy as np

from ganforge.core.dataset import Order
from ganforge.core.passes import indices


class Shuffled(Order):
    """Passes over `n` items, each newly shuffled."""

    def __init__(self, n: int):
        self.n = n

    def rows(self, seed: int, start: int, count: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        return indices(self.n, seed, start, count), {}
