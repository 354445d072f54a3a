"""Checkpoints: the complete state of a run as safetensors and JSON, written so that a crash never leaves a partial one.

A checkpoint is a folder `checkpoints/000120000` (samples seen) with

    state.safetensors   net.G.*, ema.G.*, optim.G.*, memory.*
    state.json          samples, SHA-256 of the above, fingerprint of the data, seconds of training

It is written under a temporary name, flushed to disk, then renamed, so a folder with the final name is complete.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from ganforge.core.errors import TrainingError, UserError
from ganforge.core.files import PREFIX, atomic_file, flush_file, flush_folder

FORMAT = 1


def write(
    parent: Path,
    samples: int,
    tensors: Mapping[str, Tensor],
    info: Mapping[str, Any],
    keep: int,
    spare: Callable[[Mapping[str, Any]], bool] | None = None,
) -> Path:
    """Writes a checkpoint, and removes all others except the newest `keep` and the newest whose info `spare` accepts.

    Raises:
        TrainingError: it could not be written (disk full, folder read-only). Earlier checkpoints are unchanged.
    """
    folder = parent / f"{samples:012d}"
    partial = parent / f"{PREFIX}{folder.name}"
    try:
        parent.mkdir(parents=True, exist_ok=True)
        for left in parent.glob(f"{PREFIX}*"):  # left behind by a killed process
            shutil.rmtree(left)
        data = safetensors.torch.save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})
        state = {"format": FORMAT, "samples": samples, "sha256": hashlib.sha256(data).hexdigest(), **info}
        partial.mkdir()
        (partial / "state.safetensors").write_bytes(data)
        (partial / "state.json").write_text(json.dumps(state, indent=2) + "\n", encoding="utf-8")
        for file in partial.iterdir():
            flush_file(file)
        flush_folder(partial)
        if folder.exists():
            shutil.rmtree(folder)
        partial.rename(folder)
        flush_folder(parent)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise TrainingError(f"checkpoint {folder} could not be written: {error.strerror or error}") from error
    spared = newest(parent, spare) if spare else None
    for old in _folders(parent)[:-keep]:
        if old != spared:
            shutil.rmtree(old, ignore_errors=True)
    return folder


def update_state(folder: Path, **info: Any) -> None:
    """Atomically updates entries of a checkpoint's state.json. The tensors are unchanged.

    Raises:
        TrainingError: it could not be written. The checkpoint is unchanged.
    """
    path = folder / "state.json"
    try:
        state = json.loads(path.read_text(encoding="utf-8")) | info
        with atomic_file(path, durable=True) as file:
            file.write_text(json.dumps(state, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise TrainingError(f"checkpoint {folder} could not be written: {error.strerror or error}") from error


def drop_after(parent: Path, samples: int) -> None:
    """Removes checkpoints with more than `samples` samples seen."""
    for folder in _folders(parent):
        if int(folder.name) > samples:
            shutil.rmtree(folder)


def read(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Reads and verifies the tensors and the state of a checkpoint.

    Raises:
        UserError: a file is missing, truncated, altered or not a safetensors file.
    """
    try:
        state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        data = (folder / "state.safetensors").read_bytes()
    except (OSError, ValueError) as error:
        raise UserError(
            f"checkpoint {folder}: cannot be read ({error}). Remove this folder to resume from an earlier one",
            code="checkpoint.unreadable",
        ) from None
    found = state.get("format") if isinstance(state, dict) else None
    if found != FORMAT:
        raise UserError(
            f"checkpoint {folder}: format {found!r}; this version reads format {FORMAT}", code="checkpoint.other_format"
        )
    refuse_pickle(data, folder / "state.safetensors")
    altered = UserError(
        f"checkpoint {folder}: state.safetensors is damaged (truncated or altered since it was written). "
        "Nothing was loaded. Remove this folder to resume from an earlier checkpoint",
        code="checkpoint.damaged",
    )
    if hashlib.sha256(data).hexdigest() != state.get("sha256"):
        raise altered
    try:
        return safetensors.torch.load(data), state
    except safetensors.SafetensorError:  # not safetensors, but with a matching digest
        raise altered from None


def newest(parent: Path, wanted: Callable[[Mapping[str, Any]], bool] | None = None) -> Path | None:
    """The latest checkpoint in `parent`, or the latest whose info `wanted` accepts; None if there is none."""
    for folder in reversed(_folders(parent)):
        if wanted is None:
            return folder
        try:
            info = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):  # damaged: `read` reports it if this checkpoint is used
            continue
        if wanted(info):
            return folder
    return None


def _folders(parent: Path) -> list[Path]:
    if not parent.is_dir():
        return []
    return sorted(p for p in parent.iterdir() if p.is_dir() and p.name.isdigit())


def refuse_pickle(data: bytes, path: Path) -> None:
    """Rejects pickles and torch.save archives, recognized by their first bytes: loading them could run code.

    Raises:
        UserError: the file is a pickle or torch.save archive.
    """
    if data[:2] in (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
        raise UserError(
            f"{path}: a pickle or torch.save file; loading it could run code, so it was not loaded. Only "
            "safetensors files are read",
            code="weights.pickle",
        )


def module_state(prefix: str, net: nn.Module) -> dict[str, Tensor]:
    """A module's parameters and buffers under `prefix.`."""
    return {f"{prefix}.{name}": tensor for name, tensor in net.state_dict().items()}


def load_module(prefix: str, net: nn.Module, tensors: Mapping[str, Tensor], where: str) -> None:
    """Copies tensors into a module in place.

    Raises:
        UserError: names or shapes do not match.
    """
    own = net.state_dict()
    found = {name[len(prefix) + 1 :]: t for name, t in tensors.items() if name.startswith(f"{prefix}.")}
    wrong = [n for n in own if n not in found or found[n].shape != own[n].shape] + [n for n in found if n not in own]
    if wrong:
        raise UserError(
            f"{where}: the weights of {prefix} do not fit the recipe (first: {wrong[0]})",
            code="model.weights_do_not_fit",
        )
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(found[name])


def optimizer_state(prefix: str, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """An optimizer's tensors as `prefix.PARAMETER.KEY`, where PARAMETER is the index of the parameter."""
    states = optimizer.state_dict()["state"]
    return {f"{prefix}.{i}.{key}": torch.as_tensor(value) for i, s in states.items() for key, value in s.items()}


def load_optimizer(prefix: str, optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor], where: str) -> None:
    """Restores what `optimizer_state` returned, in the memory layout of the parameters.

    Raises:
        UserError: the tensors belong to another optimizer or net.
    """
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    optimizer.state.clear()
    for name, tensor in tensors.items():
        if not name.startswith(f"{prefix}."):
            continue
        index, key = name[len(prefix) + 1 :].split(".", 1)
        if int(index) >= len(parameters):
            raise UserError(
                f"{where}: the optimizer state {name} does not fit the recipe", code="checkpoint.optimizer_does_not_fit"
            )
        p = parameters[int(index)]
        if tensor.ndim == 0:
            # As in torch, step counters are on the parameter's device only for fused kernels.
            fused = optimizer.param_groups[0].get("fused") or optimizer.param_groups[0].get("capturable")
            optimizer.state[p][key] = tensor.to(p.device) if fused else tensor.clone()
        elif tensor.shape == p.shape:
            optimizer.state[p][key] = torch.empty_like(p, dtype=tensor.dtype).copy_(tensor)
        elif tensor.ndim == p.ndim and all(n in {1, m} for n, m in zip(tensor.shape, p.shape, strict=True)):
            optimizer.state[p][key] = tensor.to(p.device, copy=True)  # Adafactor's means of rows or columns
        else:
            raise UserError(
                f"{where}: the optimizer state {name} does not fit the recipe", code="checkpoint.optimizer_does_not_fit"
            )
