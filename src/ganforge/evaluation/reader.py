"""The prepared items of a data set, as an evaluation reads them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ganforge.core.dataset import BadItem, Dataset
from ganforge.core.types import Spec
from ganforge.signals import Signal

Stored = Callable[[np.ndarray], "list[np.ndarray | None]"]
"""From places in a data set to its prepared items; None for one that cannot be read."""


class Reader:
    """Prepared items of a data set, read by a few threads: `with Reader(...) as read: read([3, 1, 4])`."""

    def __init__(self, signal: Signal, dataset: Dataset, spec: Spec, stored: Stored | None = None):
        self.signal, self.dataset, self.spec, self.stored = signal, dataset, spec, stored

    def __enter__(self) -> Callable[[np.ndarray], list[np.ndarray | None]]:
        self.pool = ThreadPoolExecutor(thread_name_prefix="ganforge-evaluate")
        stored = self.stored
        if stored is not None:
            return stored
        whole = self.signal.prepare_all(self.dataset, self.spec)
        if whole is not None:
            return lambda items: list(whole[items])
        if self.dataset.in_memory_array is not None:  # nothing to decode: threads would only slow each other down
            return lambda items: [self._read(k) for k in items]
        return lambda items: list(self.pool.map(self._read, items))

    def __exit__(self, *error: object) -> None:
        self.pool.shutdown(wait=True, cancel_futures=True)

    def _read(self, index: int) -> np.ndarray | None:
        try:
            return self.signal.prepare(self.dataset.read(int(index)), self.spec)
        except BadItem:
            return None
