"""What contract tests try things on: recipes small enough to train, and specs of samples of every kind."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import Any

from ganforge.core.component import build, to_plain
from ganforge.core.errors import UserError
from ganforge.core.overrides import flatten
from ganforge.core.types import Spec
from ganforge.data.base import DataSource
from ganforge.nets.base import Discriminator, Generator
from ganforge.recipes.base import Recipe
from ganforge.signals import Signal

FIELDS: dict[str, Any] = {"alone": 0, "channels": 4, "max_channels": 8, "growth": 4, "widths": [8, 8], "latent": 8}
FIELDS |= {"generator.features": [8] * 6, "sentence_encoder.width": 8, "embedding": 8}
FIELDS |= {"d_steps": 1, "translator.blocks": 3}  # as few as CUT, which compares the layers of the second block, takes
STEPS = {"batch": 4, "samples": 8, "log_every": 4, "checkpoint_every": 8, "seed": 3}


IMAGES = [(3, 24, 16), (1, 28, 28), (3, 32, 32), (4, 16, 16), (1, 8, 8), (3, 48, 64)]  # [C, H, W], first the usual
GRAPHS = (9, 5, 5)  # molecules: types of atoms and bonds, for every pair
OTHERS = [(2,), (24,), (1, 64), (3, 48), (1, 8, 16, 16)]  # points, rows; series [C, T]; films


@functools.cache
def own_signals() -> tuple[type[Signal], ...]:
    """The signals of the package, in the order of their kinds; other tests register toys."""
    return tuple(cls for _, cls in sorted(Signal.kinds.items()) if cls.__module__.startswith("ganforge."))


@functools.cache
def example_spec(signal: type[Signal]) -> Spec:
    """Of the signal's own example data."""
    with tempfile.TemporaryDirectory() as folder:
        dataset = build(DataSource, signal.example(Path(folder), 16)).open()
        return signal().spec(signal().items(dataset), lambda shape: shape)


@functools.cache
def all_specs() -> list[Spec]:
    """Without labels: shapes of many kinds, and the example of every signal whose samples are of none of these."""
    fixed = [Spec(shape) for shape in (*IMAGES, GRAPHS, *OTHERS)]
    found = [example_spec(signal) for signal in own_signals()]
    known = {len(shape) for shape in IMAGES}
    return fixed + [Spec(spec.shape, state=spec.state) for spec in found if len(spec.shape) not in known]


def reached(net: Generator | Discriminator, specs: list[Spec]) -> list[Spec]:
    """Those of some specs that a net can work with, each at the nearest shape that it can make; no spec twice."""
    found: list[Spec] = []
    for spec in specs:
        try:
            shape = tuple(net.nearest(spec.shape))
        except UserError:
            continue  # not for samples of this kind, and it says so
        near = Spec(shape, state=spec.state if shape == spec.shape else {})
        found += [near] if near not in found else []
    return found


def reached_by(net: Generator | Discriminator) -> list[Spec]:
    """All the specs that a net can work with.

    A net that refuses all of them would pass every test that runs once per case, so that is a failure here.
    """
    found = reached(net, all_specs())
    assert found, (
        f"{net.family} {net.kind!r} refuses the shapes {[spec.shape for spec in all_specs()]}, so no test would try "
        "it. The example data of its signal should have a shape that it accepts; or add one to tests/contracts/small.py"
    )
    return found


def shrunk(recipe: Recipe) -> list[str]:
    """The overrides that make a recipe a run of two steps with narrow nets."""
    plain = to_plain(recipe)
    found = [
        f"{path}={value}" for path in flatten(plain) for field, value in FIELDS.items() if path.endswith(f".{field}")
    ]
    for player in ("generator", "discriminator", "encoder"):
        if "widths" in plain["task"].get(player, {}):
            found.append(f"task.{player}.widths=[8,8]")
    return found + [f"{path}={value}" for path, value in STEPS.items()]
