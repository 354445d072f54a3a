"""Optimizers as components, with the gradient clipping and the schedule that belong to them."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import torch
from pydantic import Field
from torch import nn

from ganforge.core.component import Component
from ganforge.core.schedule import Rate, Schedule, at


class Optimizer(Component, family="optimizer"):
    """How a player's weights are updated from its gradients."""

    lr: Rate = 2e-4
    """Learning rate, or a schedule of it."""
    weight_decay: float = Field(default=0.0, ge=0)
    """L2 penalty on the weights (decoupled in AdamW)."""
    clip: float | None = Field(default=None, gt=0)
    """Clip the gradient of a step to this norm; null: no clipping."""
    clamp: float | None = Field(default=None, gt=0)
    """Clamp every weight to ± this after each step, as the first WGAN does (0.01); null: no clamping."""

    def build(self, net: nn.Module) -> torch.optim.Optimizer:
        """The optimizer of a net's parameters."""
        raise NotImplementedError

    def set_rates(self, group: dict[str, Any], samples: int) -> None:
        """Gives a parameter group what it is to step with at `samples` samples seen."""
        group["lr"] = at(self.lr, samples)

    def _common(self) -> dict[str, Any]:
        return {"lr": at(self.lr, 0), "weight_decay": self.weight_decay}


class Adam(Optimizer, kind="adam"):
    """Adam (Kingma & Ba 2015)."""

    betas: tuple[Rate, Rate] = (0.5, 0.999)
    """Decay of the running mean and of the running square of the gradient; each may be a schedule."""
    eps: float = 1e-8

    def build(self, net: nn.Module) -> torch.optim.Optimizer:
        betas = decays(self.betas, 0)
        return plain(torch.optim.Adam)(net.parameters(), betas=betas, eps=self.eps, fused=True, **self._common())

    def set_rates(self, group: dict[str, Any], samples: int) -> None:
        super().set_rates(group, samples)
        group["betas"] = decays(self.betas, samples)


class AdamW(Optimizer, kind="adamw"):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019)."""

    betas: tuple[Rate, Rate] = (0.5, 0.999)
    """Decay of the running mean and of the running square of the gradient; each may be a schedule."""
    eps: float = 1e-8

    def build(self, net: nn.Module) -> torch.optim.Optimizer:
        betas = decays(self.betas, 0)
        return plain(torch.optim.AdamW)(net.parameters(), betas=betas, eps=self.eps, fused=True, **self._common())

    def set_rates(self, group: dict[str, Any], samples: int) -> None:
        super().set_rates(group, samples)
        group["betas"] = decays(self.betas, samples)


class RMSprop(Optimizer, kind="rmsprop"):
    """RMSprop (Tieleman & Hinton 2012), the optimizer of the first WGAN."""

    alpha: float = 0.99
    """Decay of the running square of the gradient."""
    eps: float = 1e-8

    def build(self, net: nn.Module) -> torch.optim.Optimizer:
        return plain(torch.optim.RMSprop)(net.parameters(), alpha=self.alpha, eps=self.eps, **self._common())


class SGD(Optimizer, kind="sgd"):
    """Stochastic gradient descent, with momentum where it is above 0."""

    momentum: float = Field(default=0.0, ge=0, lt=1)

    def build(self, net: nn.Module) -> torch.optim.Optimizer:
        return plain(torch.optim.SGD)(net.parameters(), momentum=self.momentum, fused=True, **self._common())


@functools.cache
def plain(cls: type[torch.optim.Optimizer]) -> Any:
    """An optimizer of torch without the guards around its methods, which import torch's compiler (a second of CPU time)
    to keep it away from them. Nothing of a step is compiled here."""
    guarded = ("add_param_group", "load_state_dict", "state_dict", "zero_grad")
    methods = {name: inspect.unwrap(getattr(cls, name)) for name in guarded}
    return type(cls.__name__, (cls,), methods | {"step": torch.no_grad()(inspect.unwrap(cls.step))})


def decays(betas: tuple[float | Schedule, float | Schedule], samples: int) -> tuple[float, float]:
    """Both decays of Adam at `samples` samples seen."""
    return at(betas[0], samples), at(betas[1], samples)
