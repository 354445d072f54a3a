"""The benchmark of a recipe: each part's speed, its share of the machine's limit, and the ratio to other settings."""

from __future__ import annotations

import datetime
import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from ganforge.bench.ceilings import Ceiling, ceilings
from ganforge.bench.parts import parts_of
from ganforge.bench.turns import Spread, by_turns
from ganforge.core.device import pick_device
from ganforge.core.errors import UserError
from ganforge.engine.precision import dtype_for
from ganforge.recipes.base import Recipe


@dataclass(frozen=True)
class Measured:
    """One part of a recipe.

    Attributes:
        part: "training step". rate: samples per second. milliseconds: of one step, or of one call.
        flop_rate: FLOP/s in matrix products and convolutions; None where nothing is multiplied.
        limit: the limit in the precision of the recipe that it is compared with, "convolution" or "matrix product":
            whichever has more of the operations. share: of that limit.
        ratio: how many times as fast as the other settings, pair by pair; None without them.
    """

    part: str
    rate: Spread
    milliseconds: Spread
    flop_rate: float | None
    limit: str | None
    share: float | None
    ratio: Spread | None


@dataclass(frozen=True)
class Benchmark:
    """What was measured, with what is needed to measure it again."""

    recipe: str
    precision: str
    date: str
    processor: str
    threads: int
    torch: str
    device: str
    pairs: int
    ceilings: list[Ceiling]
    parts: list[Measured]


def bench(
    recipe: Recipe,
    other: Recipe | None = None,
    *,
    pairs: int = 7,
    seconds: float = 1.0,
    device: str | None = None,
    progress: Callable[[str], None] = lambda text: None,
) -> Benchmark:
    """Measures a recipe on this machine, by turns with `other` where it is given.

    Args:
        pairs: stretches of each part and side, at least 1; medians and ranges are over them.
        seconds: how long each stretch lasts at least.

    Raises:
        UserError: the data of a recipe cannot be read, or `pairs` or `seconds` is out of range.
    """
    if pairs < 1 or not seconds > 0:
        raise UserError(f"pairs={pairs}, seconds={seconds:g}: both must be greater than 0", code="bench.out_of_range")
    where = pick_device(device)
    progress("limits of the machine")
    limits = ceilings(where)
    precision = "bf16" if dtype_for(recipe.precision, where) == torch.bfloat16 else "fp32"
    limit_of = {one.name: one.value for one in limits}
    sides = [{part.name: part for part in parts_of(side, where)} for side in (recipe, other) if side is not None]
    found = []
    for name, part in sides[0].items():
        progress(name)
        both = [side[name] for side in sides if name in side]
        taken = by_turns(both, pairs, seconds, where)
        rates = [[one.samples / t for t in times] for one, times in zip(both, taken, strict=True)]
        own = Spread.of(rates[0])
        flop_rate = part.work.flops / part.samples * own.median if part.work else None
        limit = part.work.mostly if part.work else None
        found.append(
            Measured(
                part=name,
                rate=own,
                milliseconds=Spread.of([1000 * t / part.times for t in taken[0]]),
                flop_rate=flop_rate,
                limit=limit,
                share=flop_rate / limit_of[f"{limit} {precision}"] if flop_rate is not None else None,
                ratio=Spread.of([a / b for a, b in zip(*rates, strict=True)]) if len(both) > 1 else None,
            )
        )
    return Benchmark(
        recipe=recipe.name,
        precision=precision,
        date=datetime.date.today().isoformat(),
        processor=processor(),
        threads=torch.get_num_threads(),
        torch=torch.__version__,
        device=str(where),
        pairs=pairs,
        ceilings=limits,
        parts=found,
    )


def processor() -> str:
    """The model of the processor and how many cores this process may use."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not on Linux
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{names[0] if names else platform.processor() or platform.machine()}, {cores} cores"


def profile(recipe: Recipe, out: Path, device: str | None = None, rows: int = 10) -> list[tuple[str, float, int]]:
    """Profiles one round of training steps, and writes a trace that Perfetto and chrome://tracing open.

    Returns:
        The operators that take the most time by themselves: name, share of the total in [0, 1], number of calls.

    Raises:
        UserError: the data of the recipe cannot be read.
    """
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as recording

    where = pick_device(device)
    train = next(part for part in parts_of(recipe, where) if part.name == "training step")
    train.call()
    kinds = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if where.type == "cuda" else [])]
    with recording(activities=kinds) as recorded:
        train.call()
    recorded.export_chrome_trace(str(out))
    return dearest(recorded.key_averages(), rows)


def dearest(events: Sequence, rows: int) -> list[tuple[str, float, int]]:
    """The operators with the most time of their own."""
    total = sum(event.self_cpu_time_total + event.self_device_time_total for event in events) or 1
    own = [(e.key, (e.self_cpu_time_total + e.self_device_time_total) / total, e.count) for e in events]
    return sorted(own, key=lambda row: -row[1])[:rows]
