"""Faults of the machine, as opposed to faults of the files that are read or written."""

from __future__ import annotations

import errno
import sys
from typing import TextIO

from ganforge.core.errors import UserError

HELP = {
    errno.EMFILE: "too many files are open at once. Raise the limit (ulimit -n 4096), or read with data.workers=1",
    errno.ENFILE: "the system has too many files open. Close other programs",
    errno.ENOSPC: "the disk is full. Free some space, then go on",
    errno.EDQUOT: "your quota of disk space is used up. Free some space, then go on",
    errno.EROFS: "the file system is read-only. Write to another place",
    errno.EACCES: "permission denied. Write to another place, or change the permissions",
    errno.EPERM: "the system does not permit it. Write to another place",
    errno.ENAMETOOLONG: "the name is too long; most systems take at most 255 bytes",
    errno.EIO: "the disk or the network drive reports an error. Check it",
    errno.ENOMEM: "the machine has no memory left. Close other programs",
}
"""What to do about each, by its number."""
OF_THE_MACHINE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.ENOMEM})
"""Faults that say nothing of the file that was being read."""


def help_for(error: OSError) -> str:
    """What went wrong and what to do, with the path where the system names one."""
    where = f"{error.filename}: " if error.filename else ""
    return where + HELP.get(error.errno or 0, error.strerror or str(error) or type(error).__name__)


def refuse_machine_faults(error: BaseException) -> None:
    """To be called before a file is blamed for an error in reading it.

    Raises:
        UserError: the machine is at fault, and the next file would fare no better.
    """
    if isinstance(error, OSError) and error.errno in OF_THE_MACHINE:
        raise UserError(help_for(error), code="machine.cannot_read") from error


def print_anything(stream: TextIO | None) -> None:
    """Makes a stream write what its encoding has no sign for in another way, instead of failing.

    In UTF-8 these are names of files that are no text, which get escapes; in a smaller encoding, such as where output
    goes to a file on Windows, signs such as → become question marks.
    """
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None and getattr(stream, "errors", "") == "strict":
        utf = (getattr(stream, "encoding", None) or "").lower().startswith("utf")
        reconfigure(errors="backslashreplace" if utf else "replace")


def print_anything_everywhere() -> None:
    """As `print_anything`, for both streams of this process."""
    for stream in (sys.stdout, sys.stderr):
        print_anything(stream)
