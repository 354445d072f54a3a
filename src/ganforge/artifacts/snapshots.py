"""Snapshots: averages of the generators at several moments of a run, `snapshots/000012800.safetensors`.

Each file holds the averages of all lengths, floating-point tensors in half precision where that loses no range, and in
its header the number of steps. They are read by `ganforge ema` alone; no step of training depends on them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from ganforge.core.errors import TrainingError, UserError
from ganforge.core.files import atomic_file

FOLDER = "snapshots"


def prefix_of(length: float, net: str) -> str:
    """What the names of the tensors of an average begin with: `power.050.G` for σ = 0.05."""
    return f"power.{round(1000 * length):03d}.{net}"


def write(run: Path, samples: int, step: int, tensors: Mapping[str, Tensor]) -> None:
    """Writes a snapshot.

    Raises:
        TrainingError: it could not be written (disk full, folder read-only).
    """
    path = run / FOLDER / f"{samples:012d}.safetensors"
    small = {name: halved(tensor.detach().cpu().contiguous()) for name, tensor in tensors.items()}
    try:
        with atomic_file(path, durable=True) as file:
            file.write_bytes(safetensors.torch.save(small, metadata={"step": str(step)}))
    except OSError as error:
        raise TrainingError(f"snapshot {path} could not be written: {error.strerror or error}") from error


def halved(tensor: Tensor) -> Tensor:
    """A floating-point tensor in half precision, if all of its values are in the range of it; else unchanged."""
    if not tensor.is_floating_point():
        return tensor
    half = tensor.half()
    return half if bool(torch.isfinite(half).all()) else tensor


def listed(run: Path) -> list[tuple[int, Path]]:
    """(samples, file) of each snapshot of a run, the earliest first."""
    found = (run / FOLDER).glob("*.safetensors")
    return sorted((int(path.stem), path) for path in found if path.stem.isdigit())


def thin(run: Path, interval: int) -> None:
    """Removes snapshots that are not at a multiple of `interval` samples."""
    for samples, path in listed(run):
        if samples % interval:
            path.unlink(missing_ok=True)


def drop_after(run: Path, samples: int) -> None:
    """Removes snapshots with more than `samples` samples seen."""
    for at, path in listed(run):
        if at > samples:
            path.unlink(missing_ok=True)


def read(path: Path) -> tuple[int, dict[str, Tensor]]:
    """The step and the tensors of a snapshot.

    Raises:
        UserError: the file is damaged, or no snapshot.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            step = int((file.metadata() or {})["step"])
            return step, dict(_tensors(file))
    except (OSError, safetensors.SafetensorError, KeyError, ValueError) as error:
        raise UserError(
            f"{path}: not a complete snapshot ({type(error).__name__}: {error}). Remove this file to use the others",
            code="snapshot.damaged",
        ) from None


def _tensors(file: safetensors.safe_open) -> Iterator[tuple[str, Tensor]]:
    for name in file.keys():  # noqa: SIM118  # not a mapping
        yield name, file.get_tensor(name)
