"""How much of a data set fits into memory."""

from __future__ import annotations

import os
from pathlib import Path

import torch


def memory_budget(device: torch.device) -> int:
    """How many bytes a set may take: a quarter of what is free, on the device and on the way there."""
    free = free_memory()
    if device.type == "cuda":
        free = min(free, torch.cuda.mem_get_info(device)[0])
    return free // 4


def free_memory() -> int:
    """Bytes of main memory that programs can still have; 2 GiB where the system does not say."""
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    except (OSError, ValueError, AttributeError):  # not Linux
        return 2 * 2**30
