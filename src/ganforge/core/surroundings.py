"""Errors caused by the machine, as opposed to errors in the files that are read or written."""

from __future__ import annotations

import errno
import sys
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
