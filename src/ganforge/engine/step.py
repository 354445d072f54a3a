"""Measurements of training steps: averages of what the phases report, and the details of a single iteration."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from ganforge.core.errors import TrainingError
from ganforge.core.types import Batch, wide

MOST = 4096
"""Values of a name that wait to be added up."""


class NotFinite(TrainingError):
    """A loss or a weight is no longer finite."""


class Averages:
    """Running means of the values that phases report, kept on the device until they are read."""

    def __init__(self) -> None:
        self.values: dict[str, list[Tensor]] = {}  # added up when they are read, which is cheaper than at every step
        self.added: dict[str, int] = {}  # how many values the first of them is the sum of, if not one

    def add(self, name: str, value: Tensor) -> None:
        values = self.values.setdefault(name, [])
        values.append(wide(value.detach()).mean())
        if len(values) == MOST:
            self.added[name] = self._count(name)
            values[:] = [values[0].new_tensor(in_turn(torch.stack(values)))]

    def peek(self) -> dict[str, float]:
        """The means since the last `take`."""
        return {name: in_turn(torch.stack(values)) / self._count(name) for name, values in self.values.items()}

    def take(self) -> dict[str, float]:
        """Returns the means since the last call, and resets them."""
        found = self.peek()
        self.clear()
        return found

    def clear(self) -> None:
        """Forgets all values."""
        self.values.clear()
        self.added.clear()

    def _count(self, name: str) -> int:
        return len(self.values[name]) - 1 + self.added.get(name, 1)


def in_turn(values: Tensor) -> float:
    """The sum of values [n], added one after the other: torch's own sum depends on their number."""
    return float(np.cumsum(values.cpu().numpy())[-1]) + 0.0


@dataclass
class StepTrace:
    """The details of one iteration, not averaged.

    Attributes:
        batch: its last batch.
        stats: what the phases reported; of the last part if the batch was split.
        gradients: norm of each net's gradient, before clipping, in the first phase that trained it.
    """

    batch: Batch
    stats: dict[str, Tensor] = field(default_factory=dict)
    gradients: dict[str, Tensor] = field(default_factory=dict)


def gradient_norm(net: torch.nn.Module) -> Tensor:
    """The L2 norm of the whole gradient of a net."""
    gradients = [p.grad for p in net.parameters() if p.grad is not None]
    return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients))) if gradients else torch.zeros(())
