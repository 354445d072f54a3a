"""Writes samples into numbered tar files in the layout of WebDataset."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganforge.data.shards import BLOCK, FORMAT


class ShardWriter:
    """A folder of shards; the same samples always give the same files.

    Args:
        size: bytes of a shard, of which none is longer unless it holds a single sample.

    Attributes:
        written: the shards so far: name, number of samples, bytes.
    """

    format = FORMAT

    def __init__(self, folder: Path, size: int):
        self.folder, self.size = folder, size
        self.written: list[dict[str, Any]] = []
        self._archive: tarfile.TarFile | None = None
        self._bytes = 0

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def add(self, key: str, files: Mapping[str, bytes]) -> None:
        """Adds a sample: its files by what follows the key in their names, such as `.png`."""
        needed = sum(BLOCK + -(-len(data) // BLOCK) * BLOCK for data in files.values())
        if self._archive is not None and padded(self._bytes + needed) > self.size:
            self._close()
        if self._archive is None:
            name = f"shard-{len(self.written):06d}.tar"
            self._archive = tarfile.open(self.folder / name, "w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115
            self._bytes = 0
            self.written.append({"name": name, "count": 0})
        for ending, data in files.items():
            info = tarfile.TarInfo(f"{key}{ending}")
            info.size = len(data)
            self._archive.addfile(info, io.BytesIO(data))
        self._bytes += needed
        self.written[-1]["count"] += 1

    def _close(self) -> None:
        if self._archive is not None:
            self._archive.close()
            self._archive = None


def padded(content: int) -> int:
    """Bytes of a tar file: it ends with two blocks of zeros, and is a multiple of `tarfile.RECORDSIZE`."""
    return -(-(content + 2 * BLOCK) // tarfile.RECORDSIZE) * tarfile.RECORDSIZE
