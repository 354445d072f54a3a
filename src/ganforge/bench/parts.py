"""The parts of a recipe that take time: a training step, loading, sampling or translating."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import torch
from torch.utils.flop_counter import FlopCounterMode

from ganforge.core.types import Request
from ganforge.engine.build import make_loader, open_data
from ganforge.engine.trainer import Trainer
from ganforge.recipes.base import Recipe

SAMPLES = 64
"""Samples made at a time, as many as `ganforge sample` makes."""
SOURCES = 4
"""Sources translated at a time."""


@dataclass(frozen=True)
class Work:
    """The floating-point operations (a multiply-add is two) of a call, forward and backward.

    Attributes:
        flops: in matrix products and convolutions. mostly: which of the two has more of them.
    """

    flops: int
    mostly: str


@dataclass(frozen=True)
class Part:
    """Something that a recipe spends time on.

    Attributes:
        name: "training step".
        call: does it `times` times.
        samples: how many one call trains on or makes.
        work: what one call multiplies; None where it multiplies nothing.
    """

    name: str
    call: Callable[[], object]
    samples: int
    work: Work | None = None
    times: int = 1


def parts_of(recipe: Recipe, device: torch.device) -> list[Part]:
    """The parts of a recipe with its own data, from its initial weights on.

    Raises:
        UserError: the data cannot be read, or does not fit the recipe.
    """
    dataset, spec = open_data(recipe)
    loader = make_loader(recipe, dataset, spec, device)
    kind = Trainer.of(recipe)
    trainer = kind(kind.finalize(recipe, spec, loader), spec, loader, device)
    steps = max(phase.every for phase in trainer.phases)  # a round of the lazy phases: each stretch has its share

    def train() -> None:
        for _ in range(steps):
            trainer.iterate()

    def load() -> None:
        for start in range(0, trainer.stride, recipe.batch):
            trainer.batch_at(trainer.samples + start)

    found = [
        Part("training step", train, trainer.stride * steps, work_of(train), steps),
        Part("loading", load, trainer.stride),
    ]
    if recipe.task.can_sample:
        request = Request(SAMPLES, seed=1)

        def sample() -> None:
            trainer.generate(request)

        found.append(Part("sampling", sample, SAMPLES, work_of(sample)))
    elif (source := trainer.batch_at(0).extra.get("source")) is not None:

        def translate() -> None:
            trainer.translate(source[:SOURCES])

        found.append(Part("translating", translate, min(SOURCES, len(source)), work_of(translate)))
    return found


class Whole:
    """In place of the counter's own, which tells modules apart by hooks that a gradient with respect to the input of a
    net, as penalties take it, does not allow."""

    parents = ("Global",)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing to leave."""


def work_of(call: Callable[[], object]) -> Work | None:
    """The operations of one call, which is made."""
    counter = FlopCounterMode(display=False)
    counter.mod_tracker = Whole()  # type: ignore[assignment]
    with counter:
        call()
    kinds = {"convolution": 0, "matrix product": 0}
    for operator, flops in counter.get_flop_counts().get("Global", {}).items():
        kinds["convolution" if "convolution" in str(operator) else "matrix product"] += flops
    total = sum(kinds.values())
    return Work(total, max(kinds, key=lambda kind: kinds[kind])) if total else None
