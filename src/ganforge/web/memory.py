"""The memory of a process: how much it holds, and a limit for how much more it may ask for."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def limit_memory(more: int) -> None:
    """Makes requests for more than `more` bytes on top of what is held now fail, where the system can (Linux)."""
    if sys.platform != "linux":
        return
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = pages(5) + more
    resource.setrlimit(resource.RLIMIT_DATA, (wanted if most < 0 else min(wanted, most), most))


def resident() -> int:
    """Bytes of memory that this process uses; 0 where the system does not say."""
    return pages(1)


def pages(place: int) -> int:
    """A number of /proc/self/statm, in bytes: 1 is what is in memory, 5 what is allocated; 0 where there is none."""
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[place]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
