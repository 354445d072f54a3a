"""Measurements of training steps: averages of what the phases report, and the details of a single iteration."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from ganforge.core.errors import TrainingError
from ganforge.core.types import Batch, wide


class NotFinite(TrainingError):
    """A loss or a weight is no longer finite."""


class Averages:
    """Running means of the values that phases report, kept on the device until they are read."""

    def __init__(self) -> None:
        self.sums: dict[str, tuple[Tensor, int]] = {}

    def add(self, name: str, value: Tensor) -> None:
        value = wide(value.detach()).mean()
        total, count = self.sums.get(name, (torch.zeros_like(value), 0))
        self.sums[name] = (total + value, count + 1)

    def peek(self) -> dict[str, float]:
        """The means since the last `take`."""
        return {name: total.item() / count for name, (total, count) in self.sums.items()}

    def take(self) -> dict[str, float]:
        """Returns the means since the last call, and resets them."""
        values = self.peek()
        self.sums.clear()
        return values


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
