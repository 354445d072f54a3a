"""How much memory and time every image recipe takes on a processor, at its own widths.

    python benchmarks/memory_steps.py                       # every recipe: hours, since some are made for large GPUs
    python benchmarks/memory_steps.py lapgan-small progan-small --batch 16
    python benchmarks/memory_steps.py stylegan2-small fastgan --size 512

Each recipe trains in a process of its own for a few steps, on random images of the size that it is about (28 or 32
pixels where it takes any), with as large a batch as two cores do well with: that of the recipe, but no more than 65,536
pixels a batch and no fewer than 4 samples. It prints a table in Markdown: parameters of all players, the most memory
that the process held, and the seconds of 1,000 samples.

A step in which lazy phases are due costs more than one in which they are not, so both are timed, and each phase counts
as often as it comes. Nets that grow are measured at full height. Give the machine nothing else to do meanwhile.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

PIXELS = 64 * 32 * 32
FEWEST = 4
PICTURES = 256
LATE = 100
"""Iterations (times that of all lazy phases) after which nets have grown up, at one sample a grid."""
TIMES = 2
"""How often each kind of step is timed; the least counts."""


def picture_recipes() -> list[str]:
    """The recipes that make images out of latents."""
    from ganforge import recipes
    from ganforge.nets.base import Generator
    from ganforge.registry import load_all

    load_all()
    made = {name: recipes.get(name) for name in recipes.names()}
    return [
        name
        for name, recipe in made.items()
        if recipe.signal.kind == "image" and isinstance(getattr(recipe.task, "generator", None), Generator)
    ]


def measure(name: str, size: int | None, batch: int | None, threads: int) -> None:
    """Takes steps of one recipe and prints what they cost as JSON."""
    import torch

    from ganforge import recipes
    from ganforge.core.component import build, to_plain
    from ganforge.core.overrides import apply
    from ganforge.engine.build import make_loader, open_data
    from ganforge.engine.trainer import Trainer
    from ganforge.recipes.base import Recipe
    from ganforge.registry import load_all

    load_all()
    torch.set_num_threads(threads)
    plain = to_plain(recipes.get(name))
    own: int | list[int] = plain["signal"]["size"] or (32 if plain["data"]["kind"] == "cifar10" else 28)
    side = size or (own if isinstance(own, int) else max(own))
    rows: int = batch or min(plain["batch"], max(FEWEST, PIXELS // side**2))
    with tempfile.TemporaryDirectory() as folder:
        draws = np.random.default_rng(0)
        colors = 1 if side == 28 else 3
        pictures = draws.integers(0, 256, (max(PICTURES, rows), side, side, colors), np.uint8)
        np.savez(Path(folder) / "pictures.npz", images=pictures, labels=np.arange(len(pictures)) % 10)
        items = [f"data={folder}/pictures.npz", f"batch={rows}", "accumulate=1", f"signal.size={side}"]
        items += ["callbacks=[]"]
        items += ["task.steady=1", "task.fade=1"] if "fade" in plain["task"] else []
        recipe = build(Recipe, apply(plain, items))
        dataset, spec = open_data(recipe)
        cpu = torch.device("cpu")
        loader = make_loader(recipe, dataset, spec, cpu)
        kind = Trainer.of(recipe)
        recipe = kind.finalize(recipe, spec, loader)
        trainer = kind(recipe, spec, loader, cpu)

        def seconds(iteration: int) -> float:
            trainer.samples = iteration * trainer.stride
            start = time.perf_counter()
            trainer.iterate()
            trainer.check_finite()
            return time.perf_counter() - start

        everys = sorted({phase.every for phase in trainer.phases if phase.every > 1})
        late = LATE * math.lcm(*everys)
        seconds(late)  # all phases are due: the first step makes the optimizers' state and shows the most memory
        step = min(seconds(late + 1) for _ in range(TIMES))  # no lazy phase is due
        extra: dict[int, float] = {}
        for every in everys:
            due = sum(cost for other, cost in extra.items() if every % other == 0)
            extra[every] = max(min(seconds(late + every) for _ in range(TIMES)) - step - due, 0.0)
        step += sum(cost / every for every, cost in extra.items())
        loader.close()
    found = {
        "shape": list(spec.shape),
        "batch": rows,
        "parameters": sum(p.numel() for net in trainer.nets.values() for p in net.parameters()),
        "gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "seconds": 1000 * step / trainer.stride,
    }
    print(json.dumps(found))


def row(name: str, asked: argparse.Namespace) -> str:
    """A recipe's line of the table, from a process of its own."""
    words = [sys.executable, __file__, name, "--threads", str(asked.threads), "--child"]
    words += [] if asked.batch is None else ["--batch", str(asked.batch)]
    words += [] if asked.size is None else ["--size", str(asked.size)]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=asked.limit, check=False)
    except subprocess.TimeoutExpired:
        return f"| `{name}` | more than {asked.limit:g} s for these few steps | | | | |"
    if done.returncode:
        why = (done.stderr.strip().splitlines() or [f"ended with {done.returncode}, perhaps for want of memory"])[-1]
        return f"| `{name}` | failed: {why} | | | | |"
    found = json.loads(done.stdout.splitlines()[-1])
    channels, height, width = found["shape"]
    return (
        f"| `{name}` | {height}×{width}×{channels} | {found['batch']} | {found['parameters'] / 1e6:.2f} M "
        f"| {found['gib']:.2f} GiB | {found['seconds']:.1f} s |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="recipes; by default every one that makes images")
    parser.add_argument("--size", type=int, help="side of the images in px, instead of the recipe's own")
    parser.add_argument("--batch", type=int, help="samples a step, in place of the rule")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--limit", type=float, default=1800, help="seconds after which a recipe is given up")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    known = picture_recipes()
    if unknown := [name for name in asked.names if name not in known]:
        parser.error(f"no image recipe is named {', '.join(unknown)} (known: {', '.join(known)})")
    if asked.child:
        measure(asked.names[0], asked.size, asked.batch, asked.threads)
        return
    print("| recipe | images | batch | parameters | most memory | 1,000 samples |\n|---|---|---|---|---|---|")
    for name in asked.names or known:
        print(row(name, asked), flush=True)


if __name__ == "__main__":
    main()
