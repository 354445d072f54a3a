"""Weights files: located, verified by SHA-256, and read only as safetensors."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ganforge.core.allowance import FILLS
from ganforge.core.errors import UserError
from ganforge.core.files import atomic_file

COUNTER = "num_batches_tracked"


@dataclass(frozen=True)
class KnownWeights:
    """Standard pretrained weights.

    Attributes:
        file: name of the converted file in the cache.
        source: location of the original.
        sha256: SHA-256 of the original, or a prefix of it, by which it is told from others; the converter writes that
            of its input to the header. Empty where there is no one original.
        without: what works without these weights, for messages.
    """

    file: str
    source: str
    sha256: str
    without: str


def find(path: str | None, cache: Path | None, known: KnownWeights, what: str) -> Path:
    """The given file, or else the one in the cache.

    Raises:
        UserError: there is neither; the message says which file, where to get and put it, and what works without it.
    """
    folder = None if cache is None else cache / "weights"
    if path is not None:
        file = Path(path).expanduser()
        if file.is_file():
            return file
        missing = f"{path}: the weights file for {what} does not exist"
    else:
        if folder is not None and (folder / known.file).is_file():
            return folder / known.file
        missing = f"{what} needs a weights file, and none was found"
    place = f"put it at {folder / known.file}, or pass it" if folder is not None else "pass it"
    raise UserError(
        f"{missing}.\n"
        f"  which: {known.file}, made from {known.source}{f' (SHA-256 {known.sha256})' if known.sha256 else ''}\n"
        "  how:   download it on any machine; then, with benchmarks/convert_weights.py from the sources of ganforge:\n"
        f"         python convert_weights.py ORIGINAL {known.file}\n"
        f"  where: {place} with weights=FILE\n"
        f"  what runs without it: {known.without}",
        code="weights.not_found",
    )


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, str], str]:
    """The tensors of a safetensors file, its header, and its SHA-256.

    Raises:
        UserError: the file is a pickle (.pth, .pt), which could run code, or not a complete safetensors file.
    """
    with path.open("rb") as file:
        start = file.read(4)
        if start[:2] == b"PK" or start[:1] == b"\x80":
            raise UserError(
                f"{path}: is a pickle, which can run arbitrary code when loaded, and was not opened. "
                "Convert it once with benchmarks/convert_weights.py from the sources of ganforge: "
                f"python convert_weights.py {path.name} {path.stem}.safetensors",
                code="weights.pickle",
            )
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not a mapping
    except (safetensors.SafetensorError, OSError) as error:
        raise UserError(
            f"{path}: is not a complete safetensors file ({error}). Nothing was loaded", code="weights.unreadable"
        ) from None
    return tensors, header, digest


N = TypeVar("N", bound=nn.Module)


class _Unfilled(TorchFunctionMode):
    """A context in which no tensor is filled with random numbers."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return args[0] if func in FILLS and args else func(*args, **(kwargs or {}))


def blank(make: Callable[[], N]) -> N:
    """A net whose weights are loaded next: they are not initialized, and the global random state stays as it is."""
    with torch.random.fork_rng(devices=[]), _Unfilled():
        return make()


def load_into(net: nn.Module, tensors: Mapping[str, Tensor], path: Path, ignore: tuple[str, ...] = ()) -> None:
    """Loads all tensors into a net, by name.

    Args:
        ignore: prefixes of names in the file that the net need not have.

    Raises:
        UserError: names or shapes do not match.
    """
    wanted = {name: t for name, t in net.state_dict().items() if not name.endswith(COUNTER)}
    found = {name: t for name, t in tensors.items() if not name.endswith(COUNTER)}
    missing = [name for name in wanted if name not in found]
    strange = [name for name in found if name not in wanted and not name.startswith(ignore)]
    wrong = [name for name, t in wanted.items() if name in found and found[name].shape != t.shape]
    if missing or strange or wrong:
        name = (missing or strange or wrong)[0]
        how = "is missing" if missing else "is unknown" if strange else f"has the shape {list(found[name].shape)}"
        raise UserError(
            f"{path}: these weights do not fit the net {type(net).__name__}: {name!r} {how} "
            f"({len(missing)} missing, {len(strange)} unknown, {len(wrong)} with another shape)",
            code="weights.other_net",
        )
    net.load_state_dict({name: found[name] for name in wanted}, strict=False)


def digest_of(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of tensors, their names and shapes, sorted by name, without counters."""
    found = hashlib.sha256()
    for name in sorted(name for name in tensors if not name.endswith(COUNTER)):
        array = tensors[name].detach().cpu().contiguous().numpy()
        found.update(f"{name}{array.dtype}{array.shape}".encode())
        found.update(array.tobytes())
    return found.hexdigest()


def write(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, str]) -> None:
    """Writes weights; an existing file is replaced atomically."""
    plain = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
    with atomic_file(path) as file:
        safetensors.torch.save_file(plain, file, metadata=dict(header))
