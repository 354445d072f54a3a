"""Functions for data sets that consist of files: identity, and reading all files in parallel."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from ganforge.core.names import writable
from ganforge.core.progress import Bar
from ganforge.data.store import Store, common_folder

T = TypeVar("T")

SAMPLED, SAMPLED_BYTES = 64, 2**16
"""Number of files whose content is part of the identity of a set, and bytes of each."""


def identity(store: Store, files: Sequence[str]) -> str:
    """A hash of all names (relative to the common folder) and sizes, and of the first bytes of some evenly spaced
    files."""
    digest = hashlib.sha256()
    prefix = len(common_folder(files))
    for file in files:
        digest.update(f"{writable(file[prefix:])}\0{store.size(file)}\0".encode())
    places: list[int] = np.unique(np.linspace(0, len(files) - 1, SAMPLED).round().astype(int)).tolist()
    for k in places:
        digest.update(store.start(files[k], SAMPLED_BYTES))
    return digest.hexdigest()


def of_each(read: Callable[[str], T], files: Sequence[str], what: str) -> list[T]:
    """The result of `read` for every file, in order; files are read in parallel, with a progress bar titled `what`."""
    found = []
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool, Bar(what, len(files)) as bar:
        for one in pool.map(read, files, chunksize=64):
            bar.advance(1)
            found.append(one)
    return found
