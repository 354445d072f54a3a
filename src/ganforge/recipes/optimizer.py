"""Optimizers as components, with learning-rate schedules, gradient clipping and weight clipping."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import torch
from pydantic import Field
from torch import nn

from ganforge.core.component import Component
from ganforge.core.schedule import Rate, Schedule, at
from ganforge.recipes.fused_adam import AdamWithLists


class Optimizer(Component, family="optimizer"):
    """How the weights of a net are updated from its gradients."""

    lr: Rate = 2e-4
    """Learning rate, or a schedule."""
    weight_decay: float = Field(default=0.0, ge=0)
    """L2 penalty on the weights (decoupled in AdamW)."""
    clip: float | None = Field(default=None, gt=0)
    """Clip the gradient to this L2 norm; null: no clipping."""
    clamp: float | None = Field(default=None, gt=0)
    """Clamp all weights to [-clamp, clamp] after each step, as in the original WGAN (0.01); null: no clamping."""

    def build(self, net: nn.Module) -> torch.optim.Optimizer:
        """The optimizer of a net's parameters."""
        raise NotImplementedError

    def set_rates(self, group: dict[str, Any], samples: int) -> None:
        """Sets the rates of a parameter group for a step at `samples` samples seen."""
        group["lr"] = at(self.lr, samples)

    def _common(self) -> dict[str, Any]:
        return {"lr": at(self.lr, 0), "weight_decay": self.weight_decay}


class Adam(Optimizer, kind="adam"):
    """Adam (Kingma & Ba 2015)."""

    betas: tuple[Rate, Rate] = (0.5, 0.999)
    """Decay rates (β1, β2) of the running averages of the gradient and of its square; each may be a schedule."""
    eps: float = 1e-8

    def build(self, net: nn.Module) -> torch.optim.Optimizer:
        betas = decays(self.betas, 0)
        return plain(AdamWithLists)(net.parameters(), betas=betas, eps=self.eps, fused=True, **self._common())

    def set_rates(self, group: dict[str, Any], samples: int) -> None:
        super().set_rates(group, samples)
        group["betas"] = decays(self.betas, samples)


class AdamW(Optimizer, kind="adamw"):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019)."""

    betas: tuple[Rate, Rate] = (0.5, 0.999)
    """Decay rates (β1, β2) of the running averages of the gradient and of its square; each may be a schedule."""
    eps: float = 1e-8

    def build(self, net: nn.Module) -> torch.optim.Optimizer:
        betas = decays(self.betas, 0)
        return plain(AdamWithLists)(
            net.parameters(), betas=betas, eps=self.eps, fused=True, decoupled_weight_decay=True, **self._common()
        )

    def set_rates(self, group: dict[str, Any], samples: int) -> None:
        super().set_rates(group, samples)
        group["betas"] = decays(self.betas, samples)


class RMSprop(Optimizer, kind="rmsprop"):
    """RMSprop (Tieleman & Hinton 2012), the optimizer of the original WGAN."""

    alpha: float = 0.99
    """Decay rate of the running average of the squared gradient."""
    eps: float = 1e-8

    def build(self, net: nn.Module) -> torch.optim.Optimizer:
        return plain(torch.optim.RMSprop)(net.parameters(), alpha=self.alpha, eps=self.eps, **self._common())


class SGD(Optimizer, kind="sgd"):
    """Stochastic gradient descent, optionally with momentum."""

    momentum: float = Field(default=0.0, ge=0, lt=1)

    def build(self, net: nn.Module) -> torch.optim.Optimizer:
        return plain(torch.optim.SGD)(net.parameters(), momentum=self.momentum, fused=True, **self._common())


class Adafactor(Optimizer, kind="adafactor"):
    """Adafactor (Shazeer & Stern 2018): a small state instead of Adam's two numbers a weight.

    Of the squared gradients of a weight's last two dimensions it keeps the means of rows and columns: of a linear layer
    [1024, 1024] 2,048 numbers instead of Adam's 2 M, of kernels of 3×3 a third of Adam's. There is no momentum.
    """

    lr: Rate = 1e-2
    """Learning rate, or a schedule. Relative: multiplied by the root mean square of each weight (at least 0.001)."""
    beta2_decay: float = Field(default=-0.8, lt=0, gt=-1)
    """The running average at step t has the decay rate 1 − t^beta2_decay."""

    def build(self, net: nn.Module) -> torch.optim.Optimizer:
        return plain(torch.optim.Adafactor)(net.parameters(), beta2_decay=self.beta2_decay, **self._common())


@functools.cache
def plain(cls: type[torch.optim.Optimizer]) -> Any:
    """An optimizer of torch without what its methods are wrapped in: guards that import torch's compiler (a second of
    CPU time) to keep it away from them, and hooks and marks for profilers around each step. Nothing of a step is
    compiled here."""
    guarded = ("add_param_group", "load_state_dict", "state_dict", "zero_grad")
    methods = {name: inspect.unwrap(getattr(cls, name)) for name in guarded}
    step: Any = torch.no_grad()(inspect.unwrap(cls.step))
    step.hooked = True  # so that torch does not wrap it again
    return type(cls.__name__, (cls,), methods | {"step": step})


def decays(betas: tuple[float | Schedule, float | Schedule], samples: int) -> tuple[float, float]:
    """Both decay rates of Adam at `samples` samples seen."""
    return at(betas[0], samples), at(betas[1], samples)
