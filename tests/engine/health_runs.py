"""Runs whose end is known, to hold the watch to account: 20 that go well and 20 that do not.

`python tests/engine/health_runs.py` prints what the watch says of each, a letter a look.
"""

from __future__ import annotations

import sys

import torch
import toys

from ganforge.core.component import build, to_plain
from ganforge.core.overrides import apply
from ganforge.engine.build import make_loader, open_data
from ganforge.engine.health.watcher import Watcher
from ganforge.engine.step import NotFinite
from ganforge.engine.trainer import Trainer
from ganforge.recipes import make_recipe
from ganforge.recipes.base import Recipe

CONV = ("task.generator.channels=16", "task.discriminator.channels=16")
THIN_CONV = ("task.generator.channels=8", "task.discriminator.channels=8")
MLP = ("task.generator.widths=[32,64]", "task.discriminator.widths=[64,32]")
PLAIN = ("task.conditional=false",)

GOOD: list[tuple[str, ...]] = [
    ("toy-gan",),
    ("toy-gan", "health.every=20"),
    ("toy-gan", "task.d_steps=1", "task.penalties=[]"),
    ("toy-gan", *PLAIN),
    ("toy-gan", "batch=64"),
    ("toy-gan", "batch=32", "optimizers.G.lr=2e-3", "optimizers.D.lr=2e-3"),
    ("demo", *CONV),
    ("demo", *CONV, "batch=32"),
    ("demo", *THIN_CONV),
    ("demo", *THIN_CONV, "optimizers.D.lr=1e-3"),
    ("demo", *CONV, *PLAIN),
    ("demo", *THIN_CONV, *PLAIN),
    ("dcgan", *CONV),
    ("dcgan", *CONV, "batch=32"),
    ("gan", *MLP),
    ("gan", *MLP, "batch=128"),
    ("gan", *MLP, "task.objective.smoothing=0.1"),
    ("gan", *MLP, "batch=32", "optimizers.D.lr=1e-4"),
    ("cgan", *MLP),
    ("cgan", *MLP, "optimizers.G.lr=1e-3", "optimizers.D.lr=1e-3"),
]
BAD: list[tuple[str, ...]] = [
    ("toy-gan", "optimizers.G.lr=1"),
    ("toy-gan", "optimizers.G.lr=1e-7"),
    ("toy-gan", "optimizers.D.lr=1e-7"),
    ("toy-gan", "optimizers.D.lr=10"),
    ("toy-gan", "optimizers.G.lr=30", "optimizers.D.lr=30"),
    ("toy-gan", "optimizers.D=sgd", "optimizers.D.lr=1e6"),
    ("toy-gan", "task.generator=toy-deaf"),
    ("toy-gan", "task.generator=toy-deaf", *PLAIN),
    ("demo", *CONV, "optimizers.G.lr=1e-7"),
    ("demo", *CONV, "optimizers.D.lr=1e-7"),
    ("demo", *CONV, "optimizers.G.lr=0.1"),
    ("demo", *CONV, "optimizers.G.lr=1", "optimizers.D.lr=1"),
    ("demo", *CONV, *PLAIN, "optimizers.G.lr=0.05", "optimizers.D.lr=0.01"),
    ("demo", *CONV, *PLAIN, "task.generator.latent=1", "optimizers.G.lr=5e-3"),
    ("demo", *CONV, "optimizers.D=sgd", "optimizers.D.lr=1000"),
    ("gan", *MLP, "optimizers.G.lr=1e-7"),
    ("gan", *MLP, "optimizers.D.lr=1e-7"),
    ("gan", *MLP, "optimizers.G.lr=0.1"),
    ("gan", *MLP, "optimizers.D.lr=0.3"),
    ("gan-minimax", *MLP, "optimizers.D.lr=0.05"),
]


def recipe_of(name: str, *items: str, seed: int = 0) -> Recipe:
    """A small recipe on toys or digits with fields set."""
    if name.startswith("toy"):
        return build(Recipe, apply(to_plain(toys.toy_gan()), [f"seed={seed}", *items], Recipe))
    return make_recipe(name, overrides=["data=digits", "callbacks=[]", f"seed={seed}", *items])


def states_of(recipe: Recipe, iterations: int) -> list[str]:
    """What the watch says at each of its looks; ends early where the numbers do."""
    dataset, spec = open_data(recipe)
    cpu = torch.device("cpu")
    loader = make_loader(recipe, dataset, spec, cpu)
    states = []
    try:
        trainer, watcher = Trainer(recipe, spec, loader, cpu), Watcher(recipe.health)
        for iteration in range(iterations):
            trace = trainer.iterate(probe=watcher.due(iteration))
            try:
                trainer.check_finite()
            except NotFinite:
                return [*states, "diverging"]
            if trace is not None:
                watcher.probe(trace, recipe.task.generators(), trainer.live_samples)
                states.append(watcher.diagnosis.state)
    finally:
        loader.close()
    return states


def troubles(states: list[str]) -> list[str]:
    """The troubles among states, in order, each once."""
    return list(dict.fromkeys(state for state in states if state not in ("healthy", "unsettled")))


if __name__ == "__main__":
    torch.set_num_threads(1)
    iterations, first = int(sys.argv[1]) if len(sys.argv) > 1 else 800, int(sys.argv[2]) if len(sys.argv) > 2 else 0
    for kind, runs in (("good", GOOD), ("bad", BAD)):
        for seed, words in enumerate(runs):
            states = states_of(recipe_of(*words, seed=first + seed), iterations)
            found = troubles(states)
            wrong = bool(found) != (kind == "bad")
            line = "".join(state[0] for state in states)
            print("WRONG" if wrong else "     ", kind, line, ", ".join(found), "|", *words, flush=True)
