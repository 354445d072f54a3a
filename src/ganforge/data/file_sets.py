"""What any set of files needs: an identity, and something read of every file."""

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
"""Files whose content is in the identity of a set, and bytes of each."""


def identity(store: Store, files: Sequence[str]) -> str:
    """A hash of all names (below the folder that all share) and sizes, and of the first bytes of some files spread
    evenly."""
    digest = hashlib.sha256()
    prefix = len(common_folder(files))
    for file in files:
        digest.update(f"{writable(file[prefix:])}\0{store.size(file)}\0".encode())
    places: list[int] = np.unique(np.linspace(0, len(files) - 1, SAMPLED).round().astype(int)).tolist()
    for k in places:
        digest.update(store.start(files[k], SAMPLED_BYTES))
    return digest.hexdigest()


def of_each(read: Callable[[str], T], files: Sequence[str], what: str) -> list[T]:
    """What `read` returns for every file, in their order; many are read at once, under a progress bar named `what`."""
    found = []
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool, Bar(what, len(files)) as bar:
        for one in pool.map(read, files, chunksize=64):
            bar.advance(1)
            found.append(one)
    return found
