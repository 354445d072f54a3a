"""What a run needs, said before its first step, and how long it takes, said after its first few.

What it needs is known from its tensors: nothing is computed for it. How long it takes is measured on the run's own
steps, so that no step is made twice.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch

from ganforge import recipes
from ganforge.core.errors import UserError
from ganforge.core.words import counted
from ganforge.data.memory import free_memory
from ganforge.engine.trainer import Trainer
from ganforge.recipes.base import Recipe

LONG = 86_400.0  # seconds, from which on a run is said to be long
LITTLE = 0.05
"""The share of a recipe's samples, below which --minutes are said to be few for it."""
MOMENTS = 2
"""Tensors that an optimizer keeps beside each weight, as Adam does."""


@dataclass(frozen=True)
class Needs:
    """What a run needs at least.

    Attributes:
        memory: bytes of weights, gradients, optimizers and averages on the device; what the nets keep while they
            compute comes on top.
        memory_free: bytes that are free there, with what the run holds already.
        checkpoint: bytes of one. disk: of all that are kept at once. disk_free: bytes where the run is written.
    """

    memory: int
    memory_free: int
    checkpoint: int
    disk: int
    disk_free: int

    def __str__(self) -> str:
        return (
            f"memory: {size(self.memory)} for weights, gradients and optimizers ({size(self.memory_free)} free); "
            f"disk: {size(self.disk)} for checkpoints ({size(self.disk_free)} free)"
        )


def needs(trainer: Trainer, folder: Path) -> Needs:
    """What a run in `folder` needs."""
    weights = sum(nbytes(one) for one in trainer.weights.values())
    averages = sum(nbytes(net.parameters()) for net in trainer.averages.values())
    power = nbytes(trainer.power.state().values())
    memory = weights * (2 + MOMENTS) + averages + power
    free = torch.cuda.mem_get_info(trainer.device)[0] if trainer.device.type == "cuda" else free_memory()
    checkpoint = weights * (1 + MOMENTS) + averages + power + nbytes(trainer.nets.memory.buffers.values())
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    return Needs(
        memory=memory,
        memory_free=free + weights + averages + power,
        checkpoint=checkpoint,
        # The oldest checkpoint goes when the newest is whole.
        disk=checkpoint * (trainer.recipe.keep + 1) + averages + trainer.power.disk_space,
        disk_free=shutil.disk_usage(there).free,
    )


def check(trainer: Trainer, folder: Path) -> list[str]:
    """Refuses a run that cannot be written; returns warnings of what will be slow or fail.

    Raises:
        UserError: the disk has no room for its checkpoints.
    """
    recipe, need, warnings = trainer.recipe, needs(trainer, folder), []
    if need.disk > need.disk_free:
        raise UserError(
            f"{folder}: the checkpoints of this run take {size(need.disk)} ({recipe.keep + 1} of "
            f"{size(need.checkpoint)}{snapshots(trainer)}), and {size(need.disk_free)} are free. Free some space, "
            "write elsewhere with --run-dir, or keep fewer: keep=1",
            code="run.disk_too_small",
        )
    if need.memory > need.memory_free:
        warnings.append(
            f"weights, gradients and optimizers take {size(need.memory)}, and {size(need.memory_free)} are free: this "
            f"run will probably end for lack of memory{instead(recipe)}"
        )
    if recipe.batch > len(trainer.loader):
        warnings.append(
            f"batch={recipe.batch} is larger than the data ({len(trainer.loader):,}): each batch holds samples more "
            f"than once. batch={max(2, len(trainer.loader) // 4)} would not"
        )
    return warnings


def forecast(recipe: Recipe, rate: float, minutes: float | None, device: str) -> tuple[str, bool]:
    """How long a run takes at `rate` samples a second, in a sentence, and whether that is a warning."""
    total = recipe.samples / rate
    if minutes is None or 60 * minutes >= total:
        text = f"{per_second(rate)}: about {span(total)} for {recipe.samples:,} samples"
        if total < LONG:
            return text, False
        return f"{text} on this machine ({device}){instead(recipe)}. To set an end: --minutes 60", True
    seen = 60 * minutes * rate
    share = seen / recipe.samples
    text = (
        f"{per_second(rate)}: {counted(minutes, 'minute')} of training see about {seen:,.0f} of "
        f"{recipe.samples:,} samples ({100 * share:.2g}%)"
    )
    if share >= LITTLE:
        return text, False
    return f"{text}; all of them would take {span(total)} on this machine ({device}){instead(recipe)}", True


def instead(recipe: Recipe) -> str:
    """The small recipe of the same kind, where there is one."""
    small = small_recipe(recipe.name)
    return f". The recipe for small machines: {small}" if small else ""


def small_recipe(name: str) -> str | None:
    """`denoise` → `denoise-small`, `stylegan2-256` → `stylegan2-small`; None where there is none."""
    known = set(recipes.names())
    stem = name
    while stem and not name.endswith("-small"):
        if f"{stem}-small" in known:
            return f"{stem}-small"
        stem = stem.rpartition("-")[0]
    return None


def nbytes(tensors: Iterable[torch.Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def size(count: float) -> str:
    """Bytes as `310 MiB` or `11.2 GiB`."""
    return f"{count / 2**30:,.1f} GiB" if count >= 2**30 else f"{count / 2**20:,.1f} MiB"


def per_second(rate: float) -> str:
    """`1,340 samples/s`; three digits of a slow run."""
    return f"{rate:,.0f} samples/s" if rate >= 100 else f"{rate:.3g} samples/s"


def span(seconds: float) -> str:
    """A duration as `40 s`, `12 min`, `3.4 hours` or `464 days`."""
    for unit, length in (("days", 86_400), ("hours", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:,.0f} {unit}" if unit != "hours" else f"{seconds / length:,.1f} {unit}"
    return f"{seconds:.0f} s"


def snapshots(trainer: Trainer) -> str:
    """What the snapshots of `ema.snapshots` add to the checkpoints, for messages; empty without any."""
    power = trainer.power
    return f", and {size(power.disk_space)} of at most {power.most} snapshots" if power.nets else ""
