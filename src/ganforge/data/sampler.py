"""The order of training samples: an endless sequence of shuffled passes that any position can be asked for at once."""

from __future__ import annotations

import numpy as np

from ganforge.core.dataset import Order
from ganforge.core.passes import indices


class Shuffled(Order):
    """Pass after pass over `n` items, each in an order of its own."""

    def __init__(self, n: int):
        self.n = n

    def rows(self, seed: int, start: int, count: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        return indices(self.n, seed, start, count), {}
