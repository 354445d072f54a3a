"""`batch=auto`: the recipe's batch in as few parts as fit into memory, found by a short trial.

The batch stays that of the recipe, with which its quality was measured; only `accumulate` is chosen, and is stored in
the run's recipe, so that a resume computes the same.

On a GPU an iteration is tried, first with the whole batch, until one fits. On a CPU a failed trial could end other
programs, so that the activations of a small part are counted and scaled to the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from ganforge.core.device import is_out_of_memory, pick_device
from ganforge.core.errors import UserError
from ganforge.core.words import counted
from ganforge.data.memory import free_memory
from ganforge.engine.build import make_loader, open_data
from ganforge.engine.out_of_memory import remedies
from ganforge.engine.preflight import size
from ganforge.engine.trainer import Trainer
from ganforge.recipes.base import Recipe

AUTO = "batch=auto"
SHARE = 0.8
"""Share of the free memory that a run may take; the rest is for previews, metrics and fragmentation."""
PEAK = 2.0
"""Peak memory of a step on a CPU, relative to the activations that are kept for the backward pass: gradients of
activations and temporaries come on top."""
SMALL = 8
"""Samples of the part whose activations are counted, at least."""


def fitted(recipe: Recipe, device: str | None = None, processes: int = 1) -> tuple[Recipe, str]:
    """The recipe with the smallest `accumulate` that fits, and a sentence about it.

    Args:
        processes: number of processes that share a batch and, on a CPU, the memory.

    Raises:
        UserError: the data or the recipe cannot be used, or not even the smallest parts fit.
    """
    place = pick_device(device)
    rows = recipe.batch // processes
    choices = [parts for parts in range(1, rows + 1) if rows % parts == 0 and is_possible(recipe, rows // parts)]
    if not choices:
        raise UserError(
            f"{AUTO}: batch={recipe.batch} has no parts that the task accepts", code="recipe.batch_too_small"
        )
    one = replace(recipe, batch=rows)  # of one process
    measured = by_trial(one, choices, place) if place.type == "cuda" else by_counting(one, choices, place, processes)
    if measured is None:
        raise UserError(
            f"{AUTO}: not even parts of {counted(rows // choices[-1], 'sample')} fit into the memory of {place}. "
            f"{'; '.join(remedies(replace(recipe, accumulate=rows))[-3:])}",
            code="run.out_of_memory",
        )
    parts, used = measured
    text = f"{AUTO}: batches of {recipe.batch}"
    if processes > 1:
        text += f" on {processes} processes"
    text += f", each in {counted(parts, 'part')} of {counted(rows // parts, 'sample')} (accumulate={parts}), {used}"
    return replace(recipe, accumulate=parts), text


def without_auto(items: Sequence[str]) -> tuple[list[str], bool]:
    """`path=value` items without `batch=auto`, and whether it was among them."""
    kept = [item for item in items if item != AUTO]
    return kept, len(kept) < len(items)


def is_possible(recipe: Recipe, size: int) -> bool:
    """Whether a task can train on parts of `size` samples."""
    try:
        recipe.task.check(size)
    except UserError:
        return False
    return True


def by_trial(recipe: Recipe, choices: list[int], place: torch.device) -> tuple[int, str] | None:
    """The first number of parts with which an iteration succeeds, and what it took; None if none does."""
    for parts in choices:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(place)
        try:
            iterate_once(replace(recipe, accumulate=parts), place)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            continue
        _, total = torch.cuda.mem_get_info(place)
        used = torch.cuda.max_memory_allocated(place)
        if used <= SHARE * total:
            return parts, f"which took {size(used)} of {size(total)} on {place}"
    return None


def by_counting(recipe: Recipe, choices: list[int], place: torch.device, processes: int) -> tuple[int, str] | None:
    """The first number of parts whose estimated memory is free, and the estimate; None if there is none."""
    small = next((parts for parts in reversed(choices) if recipe.batch // parts >= SMALL), choices[0])
    kept: dict[str, int] = {"now": 0, "most": 0}

    class Activation:
        """A tensor that is kept for the backward pass, counted while it is."""

        def __init__(self, x: torch.Tensor):
            self.x, self.bytes = x, x.numel() * x.element_size()
            kept["now"] += self.bytes
            kept["most"] = max(kept["most"], kept["now"])

        def __del__(self) -> None:
            kept["now"] -= self.bytes

    with torch.autograd.graph.saved_tensors_hooks(Activation, lambda activation: activation.x):
        free = iterate_once(replace(recipe, accumulate=small), place) / processes
    for parts in choices:
        needed = PEAK * kept["most"] * small / parts
        if needed <= SHARE * free:
            return parts, f"whose activations take about {size(needed)} of {size(free)} that are free"
    return None


def iterate_once(recipe: Recipe, place: torch.device) -> int:
    """Runs one iteration with all phases; returns the bytes of main memory that are free beside data, nets and
    optimizers."""
    dataset, spec = open_data(recipe)
    loader = make_loader(recipe, dataset, spec, place)
    try:
        with torch.random.fork_rng():
            trainer = Trainer.of(recipe)(recipe, spec, loader, place)
            trainer.phases = [replace(phase, every=1, after=0, until=None) for phase in trainer.phases]
            trainer.iterate()
            trainer.stats.take()  # synchronizes with the device
            return free_memory()
    finally:
        loader.close()
