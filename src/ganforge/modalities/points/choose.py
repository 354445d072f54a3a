"""Which recipe for vectors of numbers, where none is named."""

from __future__ import annotations

from ganforge.core.choice import Choice, Machine
from ganforge.core.dataset import Dataset


def choose(dataset: Dataset, machine: Machine) -> Choice:
    """The recipe for a set of vectors."""
    ((width,), _), *_ = dataset.shapes()
    return Choice(
        f"{len(dataset):,} vectors of {width} numbers; {machine}",
        "toy",
        (),
        ("toy: vectors of numbers, for which it forgot no mode in ten seeds (docs/results.md)",),
    )
