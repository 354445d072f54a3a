"""Speed of texts, graphs and molecules: which share of a training step is loading, and how long sampling takes.

    python benchmarks/discrete_speed.py loading lm=image_coco.txt text-latent-small=image_coco.txt \
        graphs-small=enzymes.zip molecule-small=qm9.smi.gz selfies-small=hiv.csv.gz
    python benchmarks/discrete_speed.py sampling runs/0001-text-latent-small=10000 runs/0002-graphs-small=1000

Goal: loading takes at most 10 % of a step. A step is measured in the first phase of the recipe, with its usual batch.
Times are those of the processor, of all threads together, so that other work on the machine counts less. Samples come
from trained runs, since nets that have not learned when to end make texts that are too long.
"""

from __future__ import annotations

import argparse
import time

import torch

import ganforge as gf
from ganforge.bench.parts import parts_of
from ganforge.cli.train_words import resolve
from ganforge.registry import load_all

GOAL = 0.1


def seconds(work, times: int) -> float:
    """Seconds of the processor for one call, after one that does not count."""
    work()
    start = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - start) / times


def loading(name: str, data: str, times: int) -> None:
    recipe, _ = resolve([name, f"data={data}"], None, [], None, "cpu")
    parts = {part.name: part for part in parts_of(recipe, torch.device("cpu"))}
    step, load = (parts[key] for key in ("training step", "loading"))
    whole, part = seconds(step.call, times) / step.times, seconds(load.call, 5 * times)
    note = f"{part / whole:.1%} (≤ {GOAL:.0%}: {'met' if part <= GOAL * whole else 'missed'})"
    print(f"{name:20} step {1e3 * whole:7.1f} ms, loading {1e3 * part:6.2f} ms, {note}")


def sampling(run: str, count: int) -> None:
    model = gf.load(run, device="cpu")
    taken = seconds(lambda: model.sample(count), 1)
    print(f"{model.recipe.name:20} {count:,} samples in {taken:.1f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("loading", "sampling"))
    parser.add_argument("pairs", nargs="+", metavar="RECIPE=DATA|RUN=N")
    parser.add_argument("--steps", type=int, default=10)
    asked = parser.parse_args()
    load_all()
    for one in asked.pairs:
        left, _, right = one.rpartition("=")
        loading(left, right, asked.steps) if asked.what == "loading" else sampling(left, int(right))


if __name__ == "__main__":
    main()
