"""The samples of one side of a comparison, in a fixed order."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ganforge.core.errors import UserError

Progress = Callable[[str, int, int], None]
"""A function (title, amount done, total amount) for progress bars."""


def silent(title: str, done: int, total: int) -> None:
    """Ignores the progress."""


@dataclass(frozen=True, eq=False)
class SampleSet:
    """Decoded samples of one side, in a fixed order.

    Attributes:
        name: the user's name for it: "mnist", "runs/0003-dcgan", "folder_a".
        n: number of samples.
        draw: batch size → the samples in order, in parts of at most that size: for images uint8 [n, H, W, C], for
            points float32 [n, D], for tables pandas DataFrames. If images have different sizes, each part is a single
            image [1, H, W, C]. Repeated calls give the same samples.
        labels: int64 [n], or None.
        groups: the group of each real sample (`Dataset.groups`), str [n]; or None.
        vectors: the conditions of each sample, float32 [n, K]: those that it has, or was asked to have; or None.
        fingerprint: hash of the content, for caching its statistics; empty: no caching.
        sources: for pairs, the source of each sample, in the same order: images uint8 [n, h, w, C]; label maps [n, h,
            w, 1], where each pixel is the index of its class in `facts["source"]["classes"]`.
        between: (batch size, start, stop) → the samples at positions [start, stop) alone, in parts as those of `draw`
            if `start` is a multiple of `unit`; None: the others must be drawn too.
        unit: where parts may begin; 0: at multiples of the batch size.
    """

    name: str
    n: int
    draw: Callable[[int], Iterator[Any]]
    labels: np.ndarray | None = None
    fingerprint: str = ""
    sources: SampleSet | None = None
    vectors: np.ndarray | None = None
    between: Callable[[int, int, int], Iterator[Any]] | None = None
    unit: int = 0
    groups: np.ndarray | None = None

    @classmethod
    def of(
        cls, samples: Any, labels: np.ndarray | None = None, name: str = "samples", fingerprint: str | None = None
    ) -> SampleSet:
        """A side from samples in memory: an array [N, ...] or a DataFrame. Arrays are fingerprinted by default."""
        if fingerprint is None:
            fingerprint = fingerprint_of(samples) if isinstance(samples, np.ndarray) else ""

        def between(size: int, start: int, stop: int) -> Iterator[Any]:
            for k in range(start, stop, size):
                yield samples[k : min(k + size, stop)]

        def draw(size: int) -> Iterator[Any]:
            return between(size, 0, len(samples))

        return cls(name, len(samples), draw, labels, fingerprint, between=between)

    def parts(self, size: int, n: int) -> Iterator[Any]:
        """The first `n` samples, in parts of at most `size`.

        Raises:
            UserError: there are fewer.
        """
        left = n
        for part in self.draw(size):
            if left <= 0:
                return
            yield part if len(part) <= left else part[:left]
            left -= len(part)
        if left > 0:
            raise UserError(
                f"{self.name}: expected {n:,} samples, got {n - left:,}", code="metric.sample_count_differs"
            )

    def block(self, size: int, start: int, stop: int) -> Iterator[Any]:
        """The samples at positions [start, stop), in parts of at most `size`."""
        if self.between is not None:
            yield from self.between(size, start, stop)
            return
        done = 0
        for part in self.parts(size, stop):
            here = part[max(0, start - done) :]
            done += len(part)
            if len(here):
                yield here

    def chosen(self, rows: np.ndarray, size: int) -> Iterator[Any]:
        """The samples at these positions, each once and in ascending order, in parts of at most `size`; other samples
        are not kept in memory."""
        start = 0
        for part in self.parts(size, int(rows[-1]) + 1):
            here = rows[(rows >= start) & (rows < start + len(part))] - start
            start += len(part)
            if len(here):
                yield part[here]


def fingerprint_of(samples: np.ndarray) -> str:
    """SHA-256 of an array's values, dtype and shape."""
    head = f"{samples.dtype}{samples.shape}".encode()
    found = hashlib.sha256(head)
    for start in range(0, len(samples), 4096):
        found.update(np.ascontiguousarray(samples[start : start + 4096]).data)
    return found.hexdigest()
