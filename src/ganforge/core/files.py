"""Files and folders that are whole or not there: written under another name first, then renamed."""

from __future__ import annotations

import glob
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PREFIX = ".writing-"
"""What the name of a file or folder starts with until it is whole."""
SHORT = 200  # bytes


@contextmanager
def atomic_file(path: Path, durable: bool = False) -> Iterator[Path]:
    """The path to write to in place of `path`, which it replaces when the block ends without an error.

    What was at `path` stays until then, and stays when writing fails. Folders above it are made. The name keeps its
    ending, from which many libraries take the format.

    Args:
        durable: wait until the disk has the file before it replaces the other one, and until it has its new name, so
            that either of them is whole after a power cut. For files that one process at a time writes: what one that
            was killed left behind is removed.

    Raises:
        OSError: as writing and renaming do.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if durable:
        for left in path.parent.glob(f"{PREFIX}*-{glob.escape(short_name(path))}"):
            left.unlink(missing_ok=True)
    partial = path.with_name(f"{PREFIX}{os.getpid()}-{short_name(path)}")
    try:
        yield partial
        if durable:
            flush_file(partial)
        partial.replace(path)
        if durable:
            flush_folder(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def short_name(path: Path) -> str:
    """A name for the file until it is whole: its own, or, where that and a prefix could be too long for a file system
    (255 bytes), a hash with its ending."""
    name = os.fsencode(path.name)
    if len(name) <= SHORT:
        return path.name
    ending = path.suffix if len(os.fsencode(path.suffix)) <= 16 else ""
    return hashlib.blake2b(name, digest_size=16).hexdigest() + ending


def flush_file(path: Path) -> None:
    """Waits until the disk has what was written to a file."""
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def flush_folder(folder: Path) -> None:
    """Waits until the disk has a folder's list of names (a no-op where folders cannot be opened)."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def atomic_files(folder: Path) -> Iterator[Path]:
    """A folder to write files to, which are moved into `folder` when the block ends without an error.

    They replace files of the same names, one after the other. The folder is made; others of its files stay.

    Raises:
        OSError: as writing and renaming do.
    """
    folder.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=PREFIX, dir=folder))
    try:
        yield partial
        for file in sorted(partial.iterdir()):
            file.replace(folder / file.name)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
