"""What the machine can do at most: matrix products, convolutions and copies, measured in the same minute."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn.functional import conv2d

REPEATS = 9
COPY = 1 << 26  # bytes: larger than the caches of a core
SIDE = 1024  # of the matrices
IMAGES = 16  # that are convolved at once


@dataclass(frozen=True)
class Ceiling:
    """One limit of the machine.

    Attributes:
        name: "convolution fp32". value: the fastest of several repeats, per second, in `unit`.
        unit: "FLOP/s" or "B/s".
    """

    name: str
    value: float
    unit: str


def ceilings(device: torch.device) -> list[Ceiling]:
    """The limits of `device` in fp32 and bf16: matrix product [1024, 1024]², convolution of 3×3 kernels from 64 to 64
    channels on [16, 64, 32, 32], and a copy of 64 MiB (bytes read and written)."""
    found = []
    with torch.inference_mode():
        for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
            a = torch.randn(SIDE, SIDE, device=device).to(dtype)
            found.append(Ceiling(f"matrix product {name}", 2 * SIDE**3 / fastest(lambda a=a: a @ a, device), "FLOP/s"))
            x = torch.randn(IMAGES, 64, 32, 32, device=device).to(dtype, memory_format=torch.channels_last)
            w = torch.randn(64, 64, 3, 3, device=device).to(dtype, memory_format=torch.channels_last)
            flops = 2 * IMAGES * 64 * 64 * 9 * 32 * 32
            taken = fastest(lambda x=x, w=w: conv2d(x, w, padding=1), device)
            found.append(Ceiling(f"convolution {name}", flops / taken, "FLOP/s"))
        source = torch.zeros(COPY, dtype=torch.uint8, device=device)
        target = torch.empty_like(source)
        found.append(Ceiling("copy", 2 * COPY / fastest(lambda: target.copy_(source), device), "B/s"))
    return found


def fastest(call: Callable[[], object], device: torch.device) -> float:
    """The seconds of the fastest of several calls, after two to warm up."""
    best = math.inf
    for k in range(2 + REPEATS):
        start = time.perf_counter()
        call()
        synchronize(device)
        best = min(best, time.perf_counter() - start) if k >= 2 else best
    return best


def synchronize(device: torch.device) -> None:
    """Waits until a GPU has done what was asked of it."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
