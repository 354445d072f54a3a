"""Which recipe for which data, where nobody names one: the data's signal has the rules.

data set, Machine (device, cores, memory, bf16, minutes) → Choice(recipe, fields, reasons)
"""

from __future__ import annotations

from ganforge.core.choice import Choice, Machine
from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.signals import signal_of

__all__ = ["Choice", "Machine", "choose"]


def choose(dataset: Dataset, machine: Machine) -> Choice:
    """The recipe for a data set and a machine.

    Raises:
        UserError: nothing of the data can be read, it is too little, or there is no rule for such data.
    """
    if not dataset.shapes():
        raise UserError(f"data {dataset.name}: none of its {len(dataset)} samples can be read")
    return signal_of(dataset).recommend(dataset, machine)
