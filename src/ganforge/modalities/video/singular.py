"""Singular value clipping: after some steps of D, no layer stretches any direction by more than 1.

Saito, Matsumoto & Saito 2017, "Temporal Generative Adversarial Nets with Singular Value Clipping" (TGAN).

    W ← U min(S, 1) Vᵀ             of every convolution and linear layer, as a matrix [out, in · kernel]
    γ ← min(max(γ, 0), √(σ² + ε))   of batch norms, with their running variance σ²

So D is Lipschitz, as the Wasserstein loss requires, with neither the small weights of weight clipping nor a gradient
penalty.
"""

from __future__ import annotations

from typing import Any

import torch
from pydantic import Field
from torch import nn

from ganforge.recipes.optimizer import RMSprop, plain


@torch.no_grad()
def clip_singular_values(net: nn.Module) -> None:
    """Clips the layers of a net in place."""
    for layer in net.modules():
        if isinstance(layer, nn.modules.conv._ConvNd | nn.Linear):
            u, s, v = torch.linalg.svd(layer.weight.flatten(1), full_matrices=False)
            layer.weight.copy_(((u * s.clamp(max=1)) @ v).view_as(layer.weight))
        elif isinstance(layer, nn.modules.batchnorm._BatchNorm) and layer.running_var is not None:
            layer.weight.copy_(layer.weight.clamp(min=0).minimum((layer.running_var + layer.eps).sqrt()))


class SingularRMSprop(RMSprop, kind="rmsprop_singular"):
    """RMSprop that clips the singular values of all layers to 1 every few steps (TGAN)."""

    every: int = Field(default=5, ge=1)
    """Steps from one clipping to the next."""

    def build(self, net: nn.Module) -> torch.optim.Optimizer:
        every = self.every

        class Clipping(plain(torch.optim.RMSprop)):  # type: ignore[misc]
            def step(self, *args: Any, **kwargs: Any) -> Any:
                done = super().step(*args, **kwargs)
                count = next(iter(self.state.values()))["step"] if self.state else 0
                if int(count) % every == 0:
                    clip_singular_values(net)
                return done

        return Clipping(net.parameters(), alpha=self.alpha, eps=self.eps, **self._common())
