"""The prepared items of a data set, as an evaluation reads them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganforge.core.dataset import BadItem, Dataset
from ganforge.core.types import Spec
from ganforge.metrics.base import Progress
from ganforge.signals import Signal

KEPT_BYTES = 2**30
"""Samples of one side that take no more are kept in memory."""
PART = 256
"""Items that are read at a time."""

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


@dataclass(frozen=True)
class Items:
    """Prepared items of a data set that can be read.

    Attributes:
        places: their indices in the data set, int64 [n].
        kept: all of them, if they take no more than `KEPT_BYTES`; else None, and they are read again each time.
        digest: SHA-256 of their content.
    """

    reader: Reader
    places: np.ndarray
    kept: list[np.ndarray] | None
    digest: str

    @classmethod
    def read_once(cls, reader: Reader, chosen: np.ndarray, progress: Progress | None = None) -> Items:
        """Those of the chosen items that can be read."""
        digest = hashlib.sha256(repr((reader.spec.to_plain(), reader.signal.kind)).encode())
        places: list[int] = []
        kept: list[np.ndarray] | None = []
        room = KEPT_BYTES
        with reader as read:
            for start in range(0, len(chosen), PART):
                part = chosen[start : start + PART]
                found = [(k, item) for k, item in zip(part, read(part), strict=True) if item is not None]
                for _, item in found:
                    digest.update(item.tobytes())
                    room -= item.nbytes
                places += [k for k, _ in found]
                if room < 0:
                    kept = None
                elif kept is not None:
                    kept += [item for _, item in found]
                if progress is not None:
                    progress(f"reading {reader.dataset.name}", start + len(part), len(chosen))
        return cls(reader, np.array(places, np.int64), kept, digest.hexdigest())

    def drawn(self, decoded: Callable[[Tensor], Any]) -> Callable[[int, int, int], Iterator[Any]]:
        """A function that goes through the items [start, stop) in parts of a size, each part decoded: see
        `SampleSet.between`."""

        def between(size: int, start: int, stop: int) -> Iterator[Any]:
            if self.kept is not None:
                for k in range(start, stop, size):
                    yield decoded(torch.from_numpy(np.stack(self.kept[k : min(k + size, stop)])))
                return
            with self.reader as read:
                for k in range(start, stop, size):
                    found = [item for item in read(self.places[k : min(k + size, stop)]) if item is not None]
                    yield decoded(torch.from_numpy(np.stack(found)))

        return between
