"""The first steps of every recipe give the losses that they gave before, on every processor.

Each recipe trains for three steps in a small form (`systems.py`), in float64 (`precision=fp64`) on one thread, and
`losses/NAME.json` holds what it must find: all losses of all phases, and after the last step the norm of the weights
of each player and of each average. In float32 the rounding of one step differs between processors and grows with every
step, up to tenfold, so that after twenty steps no tolerance tells a change of maths from another processor. In float64
three sets of kernels (AVX-512, AVX2, none) agree to 5e-13 in all recipes after five steps (to 7e-9 after ten).

This protects the maths of a step: data, draws, first weights, nets, losses, penalties, optimizers, averages. It does
not protect what float32 and bfloat16 make of it, GPUs, what happens after these steps, nor speed. That a change
keeps many steps of float32 bit for bit is shown on one machine, before and after it, by `tools/pin.py`.

A refactor must leave these files as they are. A change of maths changes them on purpose: run
`python tests/golden/test_golden.py dcgan wgan` with the recipes that it concerns and put the reason into the commit.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import torch
from systems import SMALL, SYSTEMS
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ganforge import recipes
from ganforge.core.component import Component, fields_of
from ganforge.engine.build import make_loader, open_data
from ganforge.engine.privacy import secret
from ganforge.engine.trainer import Trainer
from ganforge.registry import load_all

FOLDER = Path(__file__).with_name("losses")
STEPS = (1, 2, 3)
LATER = dict.fromkeys(("selfies-small", "seqgan", "stylegan2-256", "stylegan2-ada", "timegan"), (1, 2, 5))
"""Recipes in which a loss begins after three steps."""
RELATIVE, ABSOLUTE = 1e-8, 1e-11
"""Tolerances: the first 20,000 times what three sets of kernels differ by."""
Losses = dict[str, dict[str, float]]


class Cuts(TorchDispatchMode):
    """Collects the operations that make float32 of float64."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if _holds(torch.float64, args) and _holds(torch.float32, result):
            self.found.add(str(func))
        return result


def _holds(dtype: torch.dtype, values: Any) -> bool:
    return any(isinstance(value, Tensor) and value.dtype == dtype for value in tree_leaves(values))


@contextlib.contextmanager
def repeatable() -> Iterator[None]:
    """One thread, since sums depend on their number; and a known secret in place of that of a private run."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(), patch.object(secret.secrets, "token_bytes", lambda n: bytes(range(n))):
            yield
    finally:
        torch.set_num_threads(threads)


def norm(net: nn.Module) -> float:
    return sum(p.detach().double().square().sum().item() for p in net.parameters()) ** 0.5


def play(name: str, steps: int | None = None, watch: contextlib.AbstractContextManager | None = None) -> Losses:
    """Trains a recipe for a few steps, under a watch.

    Returns:
        Step → {loss: value}, with the norms of weights and averages among those of the last step.
    """
    kept = LATER.get(name, STEPS)
    steps = steps or kept[-1]
    with repeatable():
        recipe = recipes.make_recipe(name, overrides=[*SMALL, *SYSTEMS[name], "precision=fp64"])
        dataset, spec = open_data(recipe)
        cpu = torch.device("cpu")
        with contextlib.closing(make_loader(recipe, dataset, spec, cpu)) as loader:
            kind = Trainer.of(recipe)
            trainer = kind(kind.finalize(recipe, spec, loader), spec, loader, cpu)
            found: Losses = {}
            for step in range(1, steps + 1):
                with watch or contextlib.nullcontext():
                    trainer.iterate()
                values = trainer.stats.take()
                if step in kept:
                    found[str(step)] = {k: v for k, v in values.items() if k.startswith("loss/")}
    last = found[str(steps)]
    last |= {f"weights/{player}": norm(net) for player, net in trainer.nets.items()}
    last |= {f"average/{player}": norm(net) for player, net in trainer.averages.items()}
    return found


def file(name: str) -> Path:
    return FOLDER / f"{name}.json"


def parts(value: object) -> set[tuple[str, str]]:
    """The components of a recipe that its first steps depend on: their families and kinds."""
    if isinstance(value, dict):
        return set().union(*map(parts, value.values()))
    if isinstance(value, tuple | list):
        return set().union(*map(parts, value))
    if not isinstance(value, Component) or value.family in ("data", "callback", "metric", "health"):
        return set()
    inner = (parts(getattr(value, name)) for name in fields_of(type(value)))
    return {(value.family, value.kind)}.union(*inner)


def cases() -> list[Any]:
    """All recipes. Daily are those in which a loss begins late, and as many more as it takes to try every component:
    one after the other the recipe with the most components that none before it has. The others are slow.
    """
    load_all()
    made = {name: parts(recipes.get(name)) for name in SYSTEMS}
    daily, seen = set(LATER), set().union(*(made[name] for name in LATER))
    while new := max((found - seen for found in made.values()), key=len):
        daily.add(next(name for name, found in made.items() if found - seen == new))
        seen |= new
    return [pytest.param(name, marks=() if name in daily else pytest.mark.slow) for name in SYSTEMS]


def test_every_recipe_has_a_small_form_and_losses():
    load_all()
    names = {name for name, make in recipes.RECIPES.items() if make.__module__.startswith("ganforge.")}  # no test's own
    assert len(names) > 80
    assert set(SYSTEMS) == names
    assert {path.stem for path in FOLDER.iterdir()} == names


def test_every_component_is_tried_daily():
    every, daily = set(), set()
    for case in cases():
        found = parts(recipes.get(case.values[0]))
        every |= found
        daily |= set() if case.marks else found
    assert daily == every
    assert {"objective", "penalty", "generator", "translator", "optimizer", "task", "signal"} <= {f for f, _ in every}


@pytest.mark.parametrize("name", cases())
def test_losses_are_those_of_before(name):
    found = play(name)
    wanted: Losses = json.loads(file(name).read_text())
    assert list(found) == list(wanted)
    for step, losses in wanted.items():
        assert found[step] == pytest.approx(losses, rel=RELATIVE, abs=ABSOLUTE), f"step {step}"


def uncut(name: str) -> None:
    """All of a step is float64, or the losses would differ between processors."""
    play(name, steps=1, watch=(cuts := Cuts()))
    assert not cuts.found, "float64 is cut to float32 on the way to a loss"


@pytest.mark.slow
@pytest.mark.parametrize("name", SYSTEMS)
def test_nothing_is_cut_on_the_way_to_a_loss(name):
    uncut(name)


def write(name: str, losses: Losses) -> None:
    """A line a step, so that a diff shows where a change sets in."""
    rounded = {step: {k: float(f"{v:.12g}") for k, v in values.items()} for step, values in losses.items()}
    lines = [f"  {json.dumps(step)}: {json.dumps(values)}" for step, values in rounded.items()]
    file(name).write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    load_all()
    for name in sys.argv[1:]:
        uncut(name)
        write(name, play(name))
