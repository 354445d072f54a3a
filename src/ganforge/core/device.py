"""Devices: which there are, and what they can do."""

from __future__ import annotations

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


def has_bf16_cpu() -> bool:
    """Whether this processor has instructions for bf16 (AVX-512 BF16 or AMX); False where torch cannot tell."""
    asked = (
        getattr(torch.cpu, name, lambda: False) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    )
    return any(answer() for answer in asked)
