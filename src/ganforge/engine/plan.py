"""Estimates parameters, memory and time of a run from a few of its steps."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

import torch

from ganforge.core.device import pick_device
from ganforge.core.types import Spec
from ganforge.engine import preflight, transfer
from ganforge.engine.build import make_loader, open_data, reading
from ganforge.engine.train import check
from ganforge.engine.trainer import Trainer
from ganforge.recipes.base import Recipe
from ganforge.registry import load_all


@dataclass(frozen=True)
class Plan:
    """The estimated cost of a run, from building it and measuring a few steps. Nothing is written.

    Attributes:
        players: number of parameters of each net.
        memory_bytes: peak memory: allocated by torch on a GPU; growth of the process on a CPU.
        checkpoint_bytes: size of one checkpoint.
        step_seconds: mean time of iterations spread over the run. seconds_total: for the whole run.
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
    checkpoint_bytes: int = 0
    notes: list[str] = field(default_factory=list)


def plan(recipe: Recipe, device: str | None = None, steps: int = 4) -> Plan:
    """Builds everything in a recipe, runs a few steps in memory, and estimates the cost of the run.

    Raises:
        UserError: as in `train`.
    """
    load_all()
    check(recipe)
    place = pick_device(device)
    dataset, spec = open_data(recipe)
    loader = make_loader(recipe, dataset, spec, place)
    try:
        kind = Trainer.of(recipe)
        recipe = kind.finalize(recipe, spec, loader)
        with torch.random.fork_rng():
            before = _process_bytes()
            trainer = kind(recipe, spec, loader, place)
            init_notes = transfer.start(trainer)
            needs = preflight.needs(trainer, Path("runs"))
            warnings = preflight.check(trainer, Path("runs"))
            iterations = -(-recipe.samples // trainer.stride)
            times = []
            for k in range(steps):
                # Spread over the run, since nets may grow; at odd iterations, where few lazy phases are due.
                moment = iterations * (2 * k - 1) // (2 * (steps - 1)) | 1 if k else 0
                trainer.samples = moment * trainer.stride
                start = time.perf_counter()
                trainer.iterate()
                trainer.check_finite()  # synchronizes with the device
                times.append(time.perf_counter() - start)
            if place.type == "cuda":
                memory = torch.cuda.max_memory_allocated(place)
            else:
                memory = max(_process_bytes() - before, preflight.nbytes(trainer.state().values()))
        step = sum(times[1:]) / len(times[1:])  # the first one includes setup
        notes = [f"{len(loader.skipped)} samples cannot be used"] if loader.skipped else []
        notes += [line.text for line in reading(dataset)] + kind.notes(recipe) + init_notes + warnings
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
            checkpoint_bytes=needs.checkpoint,
            notes=notes,
        )
    finally:
        loader.close()


def _process_bytes() -> int:
    """Peak memory of this process in bytes; 0 if the system does not report it (Windows)."""
    try:
        import resource
        import sys
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
