"""Adam's fused kernel, called with lists that are made once.

torch's own step sorts the tensors of all weights by device and type at every call, which takes longer than the kernel
itself for small nets.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Lists:
    """What a step reads and writes.

    Attributes:
        graded: for each weight, whether it had a gradient: the others are not among the tensors.
        state: that of the first of these weights; another one after a checkpoint was loaded.
    """

    graded: list[bool]
    weights: list[Tensor]
    averages: list[Tensor]
    squares: list[Tensor]
    steps: list[Tensor]
    state: dict[str, Any]


TORCH_STEP = inspect.unwrap(torch.optim.Adam.step)


class AdamWithLists(torch.optim.Adam):
    """Adam, or AdamW with `decoupled_weight_decay`, of one group of weights, without AMSGrad."""

    lists: Lists | None = None

    def step(self, closure: None = None) -> None:  # type: ignore[override]
        (group,) = self.param_groups
        lists, weights = self.lists, group["params"]
        gradients = [weight.grad for weight in weights]
        graded = [gradient is not None for gradient in gradients]
        if lists is None or lists.graded != graded or self.state.get(lists.weights[0]) is not lists.state:
            TORCH_STEP(self)
            self.lists = self._listed(weights, graded)
            return
        torch._foreach_add_(lists.steps, 1)
        kernel = torch._fused_adamw_ if group["decoupled_weight_decay"] else torch._fused_adam_
        kernel(
            lists.weights,
            [gradient for gradient in gradients if gradient is not None],
            lists.averages,
            lists.squares,
            [],
            lists.steps,
            amsgrad=False,
            lr=group["lr"],
            beta1=group["betas"][0],
            beta2=group["betas"][1],
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            maximize=False,
        )

    def _listed(self, weights: list[Tensor], graded: list[bool]) -> Lists | None:
        found = [weight for weight, has in zip(weights, graded, strict=True) if has]
        if len({(weight.device, weight.dtype) for weight in found}) != 1:  # torch calls the kernel for each
            return None
        states = [self.state[weight] for weight in found]
        averages, squares, steps = ([state[name] for state in states] for name in ("exp_avg", "exp_avg_sq", "step"))
        return Lists(graded, found, averages, squares, steps, states[0])
