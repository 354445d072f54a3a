"""Memory available for data sets."""

from __future__ import annotations

import os
from pathlib import Path

import torch


def memory_budget(device: torch.device, sharing: int = 1) -> int:
    """Maximum size in bytes of a data set in memory: a quarter of the free memory of the device and of the host, which
    `sharing` processes share."""
    free = free_memory() // sharing
    if device.type == "cuda":
        free = min(free, torch.cuda.mem_get_info(device)[0])
    return free // 4


def free_memory() -> int:
    """Available main memory in bytes; 2 GiB if the system does not report it."""
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    except (OSError, ValueError, AttributeError):  # not Linux
        return 2 * 2**30
