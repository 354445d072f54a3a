"""Files that are written: whether they can be, checked before anything is computed; and writing that is atomic."""

from __future__ import annotations

import glob
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ganforge.core.errors import UserError

PREFIX = ".writing-"
"""Prefix of the temporary names."""
SHORT = 200  # bytes


@contextmanager
def atomic_file(path: Path, durable: bool = False) -> Iterator[Path]:
    """A context that yields a temporary path to write to, which replaces `path` if the block ends without an error.

    Until then, and if writing fails, `path` is unchanged. Parent folders are created. The temporary name has the same
    file extension, from which many libraries determine the format.

    Args:
        durable: flush the file to disk before renaming it, and the folder after, so that the old or the new file is
            intact after a power failure. Only for files written by one process at a time: leftovers of killed processes
            are removed.

    Raises:
        OSError: writing or renaming failed.
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
    """The base of the temporary name: the name itself or, if with a prefix it could be too long for a file system (255
    bytes), a hash with the same extension."""
    name = os.fsencode(path.name)
    if len(name) <= SHORT:
        return path.name
    ending = path.suffix if len(os.fsencode(path.suffix)) <= 16 else ""
    return hashlib.blake2b(name, digest_size=16).hexdigest() + ending


def flush_file(path: Path) -> None:
    """Flushes a file to disk."""
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def flush_folder(folder: Path) -> None:
    """Flushes the entries of a folder to disk (no-op on systems where folders cannot be opened)."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def atomic_files(folder: Path) -> Iterator[Path]:
    """A context that yields a temporary folder, whose files are moved into `folder` if the block ends without an error.

    They replace files of the same names, one by one. `folder` is created; other files in it are unchanged.

    Raises:
        OSError: writing or renaming failed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=PREFIX, dir=folder))
    try:
        yield partial
        for file in sorted(partial.iterdir()):
            file.replace(folder / file.name)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def check_new(*paths: Path | None, force: bool) -> None:
    """Checks, before anything is computed, whether files can be written: None stands for one that is not asked for.

    Raises:
        UserError: one of them exists, and `force` is not given; or its folder is as `check_folder` refuses it.
    """
    for path in paths:
        if path is not None:
            if path.exists() and not force:
                raise UserError(f"{path}: already exists; --force overwrites it", code="output.exists")
            check_folder(path.parent)


def refuse_input(out: Path, inputs: Path) -> None:
    """Checks that an output does not replace what is read.

    Raises:
        UserError: it is the file, or the folder, of the inputs.
    """
    if out.exists() and inputs.exists() and out.samefile(inputs):
        which = "the folder of the inputs, which are" if out.is_dir() else "the input, which is"
        raise UserError(f"{out}: is {which} never overwritten; choose another --out", code="output.is_the_input")


def check_folder(folder: Path) -> None:
    """Checks whether a folder can be written to or created, without creating it.

    Raises:
        UserError: it, or the folder in which it would be created, is a file or not writable.
    """
    there = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    if not there.is_dir():
        raise UserError(f"{folder}: cannot be created, since {there} is a file", code="output.not_a_folder")
    if not os.access(there, os.W_OK):
        raise UserError(f"{folder}: cannot write to {there}: permission denied", code="output.permission_denied")


@contextmanager
def output_to(path: Path) -> Iterator[None]:
    """A context for writing what the user asked for.

    Raises:
        UserError: an OSError of the block, such as a full disk, with the path.
    """
    try:
        yield
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror or error})", code="output.not_writable") from None
