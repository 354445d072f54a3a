"""Long arrays in files instead of memory, so that the memory of a process does not grow with the rows of its data.

A file has no name: the system removes it with the last array that is a view of it, also when the process is killed.
Its pages are the system's, which writes them back and drops them when memory is short. What has at most `AT_ONCE` rows
stays in memory; everything else is worked on in pieces of that many rows.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import numpy as np

from ganforge.core.cache import cache_folder
from ganforge.core.errors import UserError

AT_ONCE = 250_000
"""Rows that are worked on at a time."""


def is_long(rows: int) -> bool:
    """Whether that many rows are kept in files and worked on in pieces."""
    return rows > AT_ONCE


def pieces(rows: int) -> Iterator[slice]:
    """The rows in order, in pieces of at most `AT_ONCE`."""
    return (slice(k, min(k + AT_ONCE, rows)) for k in range(0, rows, AT_ONCE))


def zeros(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """An array of zeros; in a file, if its first axis is long.

    Raises:
        UserError: there is no space left.
    """
    if not is_long(shape[0]) or 0 in shape:
        return np.zeros(shape, dtype)
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    with file() as mapped, reported():
        _reserve(mapped, size)
        return np.asarray(np.memmap(mapped, dtype, "r+", shape=shape))


class Growing:
    """An array whose length is not known yet: pieces of any numeric types are added, and `whole` is all of them."""

    def __init__(self) -> None:
        self.kept: list[np.ndarray] = []  # in memory, until they are long
        self.file: IO[bytes] | None = None
        self.parts: list[tuple[np.dtype, int]] = []  # in the file
        self.count = 0

    def add(self, values: np.ndarray) -> None:
        """Adds values [n]."""
        self.kept.append(values)
        self.count += len(values)
        if not is_long(self.count):
            return
        self.file = self.file or file()
        with reported():
            for part in self.kept:
                if len(part):
                    self.file.write(np.ascontiguousarray(part).view(np.uint8).data)
                    self.parts.append((part.dtype, len(part)))
        self.kept = []

    def whole(self, dtype: Any) -> np.ndarray:
        """All values as one array of a type."""
        dtype = np.dtype(dtype)
        if self.file is None:
            return np.concatenate([np.empty(0, dtype), *(part.astype(dtype, copy=False) for part in self.kept)])
        with reported():
            self.file.flush()
        if all(kind == dtype for kind, _ in self.parts):
            return np.asarray(np.memmap(self.file, dtype, "r+", shape=(self.count,)))
        found, at, offset = zeros((self.count,), dtype), 0, 0
        for kind, n in self.parts:
            found[at : at + n] = np.memmap(self.file, kind, "r", offset, (n,))
            at, offset = at + n, offset + n * kind.itemsize
        return found


def in_order(values: np.ndarray) -> np.ndarray:
    """Numbers or times [N] in ascending order, as a copy."""
    found = zeros(values.shape, values.dtype)
    for part in pieces(len(values)):
        found[part] = values[part]
    found.sort()
    return found


def numbered(rows: int) -> np.ndarray:
    """The numbers from 0 on, int64 [rows]."""
    found = zeros((rows,), np.int64)
    for part in pieces(rows):
        found[part] = np.arange(part.start, part.stop)
    return found


def overlapping(rows: int) -> Iterator[slice]:
    """Pieces that begin with the last row of the one before, so that no pair of neighbors is between two."""
    return (slice(max(part.start - 1, 0), part.stop) for part in pieces(rows))


def file() -> IO[bytes]:
    """A file without a name in the cache; in the folder for temporary files, where the cache cannot be written. That
    is second, for it may be memory."""
    try:
        folder = cache_folder() / "scratch"
        folder.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryFile(dir=folder)  # type: ignore[return-value]
    except OSError:
        return tempfile.TemporaryFile()  # type: ignore[return-value]


def _reserve(file: IO[bytes], size: int) -> None:
    """Makes a file that large: a mapped file that runs out of space later would end the process."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size)
    else:
        file.truncate(size)


@contextmanager
def reported() -> Iterator[None]:
    """Turns a full disk into an error that says what to do."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"data: long data is kept in a file in {cache_folder()} while it is used, which cannot be written "
            f"({error.strerror or error}). Free some space, or choose another folder with the environment variable "
            "GANFORGE_CACHE",
            code="data.cache_not_writable",
        ) from None
