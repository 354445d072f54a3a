"""How a command ends that `ganforge train --procs` started as several processes.

torchrun starts processes again that end with an error. That helps after a crash, not where a recipe or the data is
wrong: the process then leaves its exit status in a file for the command that started it, and ends without an error.
"""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "_GANFORGE_STATUS"
"""Environment variable with the path of that file; empty where there is none."""


def concluded() -> int | None:
    """The exit status that one of the processes left; None if none did."""
    path = os.environ.get(VARIABLE, "")
    if not path or not Path(path).exists():
        return None
    text = Path(path).read_text(encoding="ascii")
    return int(text) if text else None


def conclude(status: int, reported: bool = True) -> int:
    """The status to exit with, to report `status` to the command that started this process.

    Args:
        reported: whether this process says what happened; otherwise another one does, with its status.
    """
    path = os.environ.get(VARIABLE, "")
    if not path:
        return status
    if reported:
        Path(path).write_text(str(status), encoding="ascii")
    return 0
