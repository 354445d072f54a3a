"""The machine: its errors, as opposed to those in files that are read or written; its streams; its memory."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import TextIO

from ganforge.core.errors import UserError

HELP = {
    errno.EMFILE: "too many files are open at once. Raise the limit (ulimit -n 4096), or read with data.workers=1",
    errno.ENFILE: "the system has too many files open. Close other programs",
    errno.ENOSPC: "the disk is full. Free some space, then try again",
    errno.EDQUOT: "your disk quota is exceeded. Free some space, then try again",
    errno.EROFS: "the file system is read-only. Write to another folder",
    errno.EACCES: "permission denied. Write to another folder, or change the permissions",
    errno.EPERM: "the operation is not permitted. Write to another folder",
    errno.ENAMETOOLONG: "the name is too long; most systems take at most 255 bytes",
    errno.EIO: "the disk or the network drive reports an error. Check it",
    errno.ENOMEM: "the machine is out of memory. Close other programs",
}
"""What to do about each error, by its number."""
OF_THE_MACHINE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.ENOMEM})
"""Errors that are unrelated to the file being read."""


def help_for(error: OSError) -> str:
    """What went wrong and what to do, with the path if the system reports it."""
    where = f"{error.filename}: " if error.filename else ""
    return where + HELP.get(error.errno or 0, error.strerror or str(error) or type(error).__name__)


def refuse_machine_faults(error: BaseException) -> None:
    """To be called before an error in reading a file is attributed to the file.

    Raises:
        UserError: the cause is the machine, so that all other files would fail, too.
    """
    if isinstance(error, OSError) and error.errno in OF_THE_MACHINE:
        raise UserError(help_for(error), code="machine.cannot_read") from error


def print_anything(stream: TextIO | None) -> None:
    """Makes a stream replace characters that its encoding lacks, instead of failing.

    In UTF-8 these are file names that are not valid text, which are escaped; in a smaller encoding, as for output to a
    file on Windows, characters such as → become question marks.
    """
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None and getattr(stream, "errors", "") == "strict":
        utf = (getattr(stream, "encoding", None) or "").lower().startswith("utf")
        reconfigure(errors="backslashreplace" if utf else "replace")


def print_anything_everywhere() -> None:
    """Like `print_anything`, for both standard streams of this process."""
    for stream in (sys.stdout, sys.stderr):
        print_anything(stream)


HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")
"""Linux' word on pages of 2 MiB, such as "always [madvise] never": a program gets them if it asks."""


def ask_for_huge_pages() -> None:
    """Has torch ask for pages of 2 MiB for large tensors, where Linux gives them to programs that ask.

    A training step allocates its tensors again, and each page of 4 KiB is a fault that the kernel answers with zeros.
    torch reads the variable once, when it is imported; who has set it is left alone.
    """
    try:
        on_request = "[madvise]" in HUGE_PAGES.read_text(encoding="ascii")
    except OSError:  # another system, or one without them
        return
    if on_request:
        os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
