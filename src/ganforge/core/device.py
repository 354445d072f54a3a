"""Devices: which are available, what they support, and the dtype of weights on them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from ganforge.core.errors import UserError
from ganforge.core.rng import Float64Init

OUT_OF_MEMORY = ("can't allocate memory", "not enough memory", "out of memory", "cannot allocate memory", "bad_alloc")
"""What the messages of torch's errors contain, in small letters, where an allocation failed."""


def pick_device(name: str | None = None) -> torch.device:
    """The requested device, else the best available: CUDA, then Apple's MPS, then the CPU.

    Raises:
        UserError: the requested device is not available.
    """
    if name is None:
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"device {name!r} is not available: {reason}", code="device.not_available") from None
    return device


def has_bf16_cpu() -> bool:
    """Whether this CPU has bf16 instructions (AVX-512 BF16 or AMX); False if torch cannot determine it."""
    asked = (
        getattr(torch.cpu, name, lambda: False) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    )
    return any(answer() for answer in asked)


def weights_dtype(precision: str, device: torch.device) -> torch.dtype:
    """The dtype of weights, averages, optimizer states, batches and draws: float64 for fp64, else float32.

    Raises:
        UserError: the device does not support float64.
    """
    if precision != "fp64":
        return torch.float32
    if device.type == "mps":
        raise UserError(
            "precision=fp64: Apple GPUs do not support float64. Use --device cpu, or precision=fp32",
            code="device.no_float64",
        )
    return torch.float64


@contextlib.contextmanager
def building(dtype: torch.dtype) -> Iterator[None]:
    """The context in which nets are built: with `dtype` as the default dtype."""
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


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory did not suffice."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in OUT_OF_MEMORY)
