"""Predicting conditions from samples: a head on D's last hidden layer, with one hidden layer, for all conditions.

Odena et al. 2017 (ACGAN) for categories; numbers and angles are regressed. The loss of a sample is the sum over its
conditions; one whose value is unknown does not count.

    category         −log softmax(o)[v]
    labels, ordinal  Σ binary cross-entropy of each number, / their number for labels
    number, angle    H Σ_k w_k |o_k − e_k(v)|²,  e_k(v): cos kφ and sin kφ, as `core.conditions` encodes them; w_k ∝ 1/k
                     with sum 1, since high harmonics are learned late and matter only for the last few degrees

N samples, F features, o [N, known] outputs, c [N, K] vectors of conditions, losses [N].
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from ganforge.core.condition_kinds import HARMONICS, Angle, Category, Condition, Labels, Number, Ordinal
from ganforge.core.conditions import Conditions
from ganforge.core.types import DiscriminatorOutput, wide

HIDDEN = 256


def _category(outputs: Tensor, target: Tensor) -> Tensor:
    return cross_entropy(outputs, target, reduction="none")


def _labels(outputs: Tensor, target: Tensor) -> Tensor:
    return binary_cross_entropy_with_logits(outputs, target, reduction="none").mean(1)


def _ordinal(outputs: Tensor, target: Tensor) -> Tensor:
    bits = (target > 0).to(target.dtype)
    return binary_cross_entropy_with_logits(outputs, bits, reduction="none").sum(1)


def _circular(outputs: Tensor, target: Tensor) -> Tensor:
    weights = 1 / torch.arange(1, HARMONICS + 1, dtype=outputs.dtype, device=outputs.device)
    errors = (outputs - target).square().unflatten(1, (2, HARMONICS)).sum(1)  # [N, H]
    return errors @ (HARMONICS * weights / weights.sum())


LOSSES: dict[type[Condition], Callable[[Tensor, Tensor], Tensor]] = {
    Category: _category,
    Labels: _labels,
    Ordinal: _ordinal,
    Number: _circular,
    Angle: _circular,
}


def outputs_of(conditions: Conditions) -> int:
    """How many outputs a head has for these conditions."""
    return sum(one.known for one in conditions.each)


def losses_of(outputs: Tensor, c: Tensor, conditions: Conditions) -> list[Tensor]:
    """The loss [N] of each condition; 0 where its value is unknown.

    Args:
        outputs: [N, outputs_of(conditions)]. c: vectors [N, K].
    """
    found, start = [], 0
    for one in conditions.each:
        block = c[:, conditions.slices[one.name]].to(outputs.dtype)
        loss = LOSSES[type(one)](outputs[:, start : start + one.known], block[:, :-1])
        found.append(loss * (1 - block[:, -1]))
        start += one.known
    return found


class Reader(nn.Module):
    """A discriminator with a second head that predicts the conditions of its input; it gets none itself, unless by
    projection."""

    def __init__(self, net: nn.Module, features: int, conditions: Conditions, projection: bool = False):
        super().__init__()
        self.net, self.conditions, self.projection = net, conditions, projection
        self.read = nn.Sequential(
            nn.Linear(features, HIDDEN), nn.LeakyReLU(0.2), nn.Linear(HIDDEN, outputs_of(conditions))
        )

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        output: DiscriminatorOutput = self.net(x, c) if self.projection else self.net(x)
        outputs = wide(self.read(output.features))
        if c is None:
            return output._replace(classes=outputs)
        return output._replace(classes=outputs, misread=sum(losses_of(outputs, c, self.conditions), c.new_zeros(())))
