"""Automatic choice of a recipe for a data set: by the rules of its signal, or the only recipe for that signal.

data set, Machine (device, cores, memory, bf16, minutes) → Choice(recipe, fields, reasons)
"""

from __future__ import annotations

from ganforge.core.choice import Choice, Machine
from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.recipes.fitting import for_signal
from ganforge.signals import signal_of

__all__ = ["Choice", "Machine", "choose"]


def choose(dataset: Dataset, machine: Machine) -> Choice:
    """The recipe for a data set and a machine.

    Raises:
        UserError: no sample can be read, there are too few, or there is no rule for such data.
    """
    if not dataset.shapes():
        raise UserError(
            f"data {dataset.name}: none of its {len(dataset)} samples can be read", code="data.none_readable"
        )
    signal = signal_of(dataset)
    if (choice := signal.recommend(dataset, machine)) is not None:
        return choice
    names = for_signal(dataset)
    if len(names) == 1:
        facts = f"{len(dataset):,} {signal.noun.many}; {machine}"
        return Choice(facts, names[0], (), (f"{names[0]}: the only recipe for the signal {signal.kind}",))
    (shape, _), _ = max(dataset.shapes().items(), key=lambda found: found[1])
    raise UserError(
        f"data {dataset.name}: no recipe is chosen automatically for samples of shape {'×'.join(map(str, shape))}. "
        "Name one: `ganforge recipes` lists them",
        code="recipe.no_default",
    )
