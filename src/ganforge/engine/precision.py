"""Devices and arithmetic: which there are, and what is safe on them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from ganforge.core.errors import UserError
from ganforge.core.rng import Float64Init


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


def has_bf16_cpu() -> bool:
    """Whether this processor has instructions for bf16 (AVX-512 BF16 or AMX); False where torch cannot tell."""
    asked = (
        getattr(torch.cpu, name, lambda: False) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    )
    return any(answer() for answer in asked)


def weights_dtype(precision: str, device: torch.device) -> torch.dtype:
    """What weights, averages, optimizer states, batches and draws are kept in: float64 for fp64, else float32.

    Raises:
        UserError: fp64 on a device without float64.
    """
    if precision != "fp64":
        return torch.float32
    if device.type == "mps":
        raise UserError("precision=fp64: Apple GPUs have no float64. Take --device cpu, or precision=fp32")
    return torch.float64


def dtype_for(precision: str, device: torch.device) -> torch.dtype:
    """The arithmetic of convolutions and matrix products. `auto` is bf16 on GPUs that have it, else fp32.

    Processors with bf16 instructions (AVX-512 BF16) train up to 1.75 times as fast with `bf16` (docs/performance.md);
    what is measured of our recipes' quality on CPUs was measured in fp32, so there it has to be asked for. fp16 is not
    offered: its range is too small for discriminators, and bf16 needs no loss scaling.
    """
    if precision == "auto":
        fast = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if fast else torch.float32
    return torch.bfloat16 if precision == "bf16" else weights_dtype(precision, device)


@contextlib.contextmanager
def building(dtype: torch.dtype) -> Iterator[None]:
    """The context in which nets are made: what they draw and compute for themselves is of `dtype` from the start."""
    if dtype == torch.float32:
        yield
        return
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with Float64Init():
            yield
    finally:
        torch.set_default_dtype(before)


@contextlib.contextmanager
def arithmetic(dtype: torch.dtype, device: torch.device, order: int = 1) -> Iterator[None]:
    """The context in which a phase's loss is computed.

    Args:
        order: the highest derivative taken; above 1 attention runs on the kernel that has a second derivative.
    """
    with contextlib.ExitStack() as stack:
        if dtype == torch.bfloat16:
            stack.enter_context(torch.autocast(device.type, dtype))
        if order > 1:
            stack.enter_context(torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH))
        yield
