"""Processor time of a training step, of this source tree and of another one in turn.

    python benchmarks/small_steps.py toy gan ctgan-fast:data=adult.csv --other ../before/src
    python benchmarks/small_steps.py dcgan-article:data=mnist:batch=128 --steps 10 --pairs 5

    python benchmarks/small_steps.py r3gan-small:data=./mnist --set THP_MEM_ALLOC_ENABLE=1 --pairs 9

With `--set` the stretches of this tree get an environment variable that the others lack. Each stretch is a process of
its own, one thread. The ratio above 1 says how much faster this tree is.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

OWN = Path(__file__).parents[1] / "src"


def stretch(words: list[str], steps: int) -> tuple[float, int]:
    """Milliseconds of processor time of a step, after a third as many to warm up; and the samples of a step."""
    import torch

    from ganforge.engine.build import make_loader, open_data
    from ganforge.engine.trainer import Trainer
    from ganforge.recipes import make_recipe
    from ganforge.registry import load_all

    load_all()
    torch.set_num_threads(1)
    cpu = torch.device("cpu")
    recipe = make_recipe(words[0], overrides=[*words[1:], "callbacks=[]"])
    dataset, spec = open_data(recipe)
    loader = make_loader(recipe, dataset, spec, cpu)
    kind = Trainer.of(recipe)
    trainer = kind(kind.finalize(recipe, spec, loader), spec, loader, cpu)
    start = 0.0
    for k in range(steps + steps // 3):
        if k == steps // 3:
            start = time.process_time()
        trainer.iterate()
        trainer.check_finite()
    loader.close()
    return 1000 * (time.process_time() - start) / steps, trainer.stride


def measured(tree: Path, recipe: str, steps: int, more: dict[str, str]) -> float:
    """A stretch with the package in a source tree, and more environment variables."""
    command = [sys.executable, __file__, recipe, "--steps", str(steps), "--here"]
    environment = {**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"} | more
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="+", help="a recipe, and fields after colons: dcgan:data=mnist:batch=128")
    parser.add_argument("--other", type=Path, help="the source tree (src/) to compare with")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="an environment variable, beside its absence"
    )
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.here:
        print(stretch(asked.recipes[0].split(":"), asked.steps)[0])
        return
    added = dict(one.split("=", 1) for one in asked.set)
    sides = [(OWN, added)]
    if asked.other or added:
        sides.append((asked.other or OWN, {}))
    for recipe in asked.recipes:
        pairs = []
        for k in range(asked.pairs):
            found = {
                n: measured(sides[n][0], recipe, asked.steps, sides[n][1])
                for n in range(len(sides))[:: 1 - 2 * (k % 2)]
            }
            pairs.append([found[n] for n in range(len(sides))])
        line = f"{recipe}: {statistics.median(pair[0] for pair in pairs):.2f} ms a step"
        if len(sides) == 2:
            ratios = sorted(other / own for own, other in pairs)
            line += f", {statistics.median(pair[1] for pair in pairs):.2f} ms in {asked.other or 'the same without it'}"
            line += f"; as fast: {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        print(line, flush=True)


if __name__ == "__main__":
    main()
