"""Numeric precision of a run, by device."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from ganforge.core.device import weights_dtype


def dtype_for(precision: str, device: torch.device) -> torch.dtype:
    """The dtype of convolutions and matrix products. `auto` is bf16 on GPUs that support it, else fp32.

    CPUs with bf16 instructions (AVX-512 BF16) train up to 1.75 times as fast with `bf16` (docs/performance.md), but the
    quality of the recipes on CPUs was measured in fp32, so `auto` does not choose it there. fp16 is not supported: its
    range is too small for discriminators, and bf16 needs no loss scaling.
    """
    if precision == "auto":
        fast = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if fast else torch.float32
    return torch.bfloat16 if precision == "bf16" else weights_dtype(precision, device)


@contextlib.contextmanager
def arithmetic(dtype: torch.dtype, device: torch.device, order: int = 1) -> Iterator[None]:
    """The context in which a phase's loss is computed.

    Args:
        order: order of the highest derivative taken; above 1, attention uses the kernel that has a second derivative.
    """
    with contextlib.ExitStack() as stack:
        if dtype == torch.bfloat16:
            stack.enter_context(torch.autocast(device.type, dtype))
        if order > 1:
            stack.enter_context(torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH))
        yield
