"""Devices and arithmetic: which there are, and what is safe on them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from ganforge.core.errors import UserError


def pick_device(name: str | None = None) -> torch.device:
    """The device asked for, else the best there is: CUDA, then Apple's MPS, then the CPU.

    Raises:
        UserError: the device asked for is not there.
    """
    if name is None:
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UserError(f"device {name!r} cannot be used here: {str(error).splitlines()[0]}") from None
    return device


def dtype_for(precision: str, device: torch.device) -> torch.dtype:
    """The arithmetic of convolutions and matrix products. `auto` is bf16 where the device has instructions for it.

    fp16 is not offered: its range is too small for discriminators, and bf16 needs no loss scaling.
    """
    if precision == "auto":
        return torch.bfloat16 if has_bf16(device) else torch.float32
    return torch.bfloat16 if precision == "bf16" else torch.float32


def has_bf16(device: torch.device) -> bool:
    """Whether bf16 products are done in hardware, and so faster than fp32 ones rather than slower."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu" and hasattr(torch.cpu, "get_capabilities"):  # new in torch 2.12; before it: fp32
        able = torch.cpu.get_capabilities()
        return bool(able.get("avx512_bf16") or able.get("amx_bf16"))
    return False


@contextlib.contextmanager
def arithmetic(dtype: torch.dtype, device: torch.device, order: int = 1) -> Iterator[None]:
    """The context in which a phase's loss is computed.

    Args:
        order: the highest derivative taken; above 1 attention runs on the kernel that has a second derivative.
    """
    with contextlib.ExitStack() as stack:
        if dtype != torch.float32:
            stack.enter_context(torch.autocast(device.type, dtype))
        if order > 1:
            stack.enter_context(torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH))
        yield
