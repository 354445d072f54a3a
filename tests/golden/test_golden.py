"""Fifty deterministic steps of each system give the losses that they gave before.

A refactor must leave `losses.json` as it is. A change of maths changes it on purpose: run
`python tests/golden/test_golden.py dcgan wgan` with the systems that it concerns and put the reason into the commit.
Rounding differs between processors and grows as the game goes on, hence the tolerances.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch
from systems import SMALL, SYSTEMS

from ganforge.engine.build import make_loader, open_data
from ganforge.engine.trainer import Trainer
from ganforge.recipes import make_recipe

FILE = Path(__file__).with_name("losses.json")
STEPS = {1: 1e-4, 5: 1e-3, 20: 1e-2, 50: 5e-2}
"""Step → relative tolerance."""
PHASES = ("D", "G", "VAE", "E", "D0", "G0", "D1", "G1", "D2", "G2")


def losses(name: str) -> dict[str, list[float]]:
    """[D's loss, G's loss] at each of `STEPS`; of a system without critics its one loss, of a pyramid every level's."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng():
            recipe = make_recipe(name, overrides=SMALL + SYSTEMS[name])
            dataset, spec = open_data(recipe)
            cpu = torch.device("cpu")
            trainer = Trainer(recipe, spec, make_loader(recipe, dataset, spec, cpu), cpu)
            found = {}
            for step in range(1, max(STEPS) + 1):
                trainer.iterate()
                values = trainer.stats.take()
                if step in STEPS:
                    found[str(step)] = [values[f"loss/{p}"] for p in PHASES if f"loss/{p}" in values]
            return found
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("name", json.loads(FILE.read_text()))
def test_losses_are_those_of_before(name):
    wanted, found = json.loads(FILE.read_text())[name], losses(name)
    for step, tolerance in STEPS.items():
        assert found[str(step)] == pytest.approx(wanted[str(step)], rel=tolerance, abs=tolerance), f"step {step}"


if __name__ == "__main__":
    known = json.loads(FILE.read_text())
    known |= {name: losses(name) for name in sys.argv[1:]}
    FILE.write_text(json.dumps(known, indent=1) + "\n")
