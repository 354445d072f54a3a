"""What a run would take, found by a few steps of it: parameters, memory and time."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import torch

from ganforge.core.device import pick_device
from ganforge.core.types import Spec
from ganforge.engine import transfer
from ganforge.engine.build import make_loader, open_data, reading
from ganforge.engine.train import check
from ganforge.engine.trainer import Trainer
from ganforge.recipes.base import Recipe
from ganforge.registry import load_all


@dataclass(frozen=True)
class Plan:
    """What a run would be, found by building it and measuring a few steps. Nothing is written.

    Attributes:
        players: parameters of each player.
        memory_bytes: at the peak: what torch allocated on a GPU; on a CPU, by how much the process grew.
        step_seconds: mean of iterations at moments spread over the run. seconds_total: for all of its samples.
    """

    recipe: Recipe
    spec: Spec
    device: str
    dataset_size: int
    players: dict[str, int]
    memory_bytes: int
    step_seconds: float
    samples_per_second: float
    seconds_total: float
    notes: list[str] = field(default_factory=list)


def plan(recipe: Recipe, device: str | None = None, steps: int = 4) -> Plan:
    """Builds a recipe whole, takes a few steps in memory, and estimates what the run would take.

    Raises:
        UserError: as `train` would.
    """
    load_all()
    check(recipe)
    place = pick_device(device)
    dataset, spec = open_data(recipe)
    loader = make_loader(recipe, dataset, spec, place)
    try:
        kind = Trainer.of(recipe)
        recipe = kind.finalize(recipe, loader)
        with torch.random.fork_rng():
            before = _process_bytes()
            trainer = kind(recipe, spec, loader, place)
            init_notes = transfer.start(trainer)
            iterations = -(-recipe.samples // trainer.stride)
            times = []
            for k in range(steps):
                # Spread over the run, since nets may grow; at odd iterations, at which few lazy phases are due.
                moment = iterations * (2 * k - 1) // (2 * (steps - 1)) | 1 if k else 0
                trainer.samples = moment * trainer.stride
                start = time.perf_counter()
                trainer.iterate()
                trainer.check_finite()  # waits for the device
                times.append(time.perf_counter() - start)
            if place.type == "cuda":
                memory = torch.cuda.max_memory_allocated(place)
            else:
                memory = max(
                    _process_bytes() - before, sum(t.numel() * t.element_size() for t in trainer.state().values())
                )
        step = sum(times[1:]) / len(times[1:])  # the first one sets everything up
        notes = [f"{len(loader.skipped)} samples cannot be used"] if loader.skipped else []
        notes += [line.text for line in reading(dataset)] + kind.notes(recipe) + init_notes
        return Plan(
            recipe=recipe,
            spec=spec,
            device=str(place),
            dataset_size=len(loader),
            players={name: sum(p.numel() for p in net.parameters()) for name, net in trainer.nets.items()},
            memory_bytes=memory,
            step_seconds=step,
            samples_per_second=trainer.stride / step,
            seconds_total=iterations * step,
            notes=notes,
        )
    finally:
        loader.close()


def _process_bytes() -> int:
    """The most memory this process has held, in bytes; 0 where the system does not report it (Windows)."""
    try:
        import resource
        import sys
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
