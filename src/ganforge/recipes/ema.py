"""Exponential moving average of the generators' weights, used for sampling (Yazıcı 2019; Karras 2018)."""

from __future__ import annotations

import copy

import torch
from torch import nn

from ganforge.core.component import Component, Count


class Ema(Component):
    """Exponential moving average with a half-life in samples, independent of the batch size."""

    half_life: Count = 10_000
    """Number of samples after which the contribution of a step has halved; 0 turns averaging off."""
    warmup: float = 0.05
    """The half-life is limited to this fraction of the samples seen so far, so that the initial weights quickly lose
    influence."""

    def copy(self, net: nn.Module) -> nn.Module:
        """A frozen copy of a net, in evaluation mode, to hold the average."""
        return copy.deepcopy(net).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, average: nn.Module, net: nn.Module, batch: int, samples: int) -> None:
        """Moves `average` toward `net` after a step on `batch` samples, with `samples` seen so far.

        Floating-point buffers (batch-norm statistics) are averaged like the weights, so that they match; counters are
        copied.
        """
        half_life = min(self.half_life, samples * self.warmup) if self.warmup else self.half_life
        keep = 0.5 ** (batch / half_life) if half_life > 0 else 0.0
        pairs = [
            *zip(average.parameters(), net.parameters(), strict=True),
            *zip(average.buffers(), net.buffers(), strict=True),
        ]
        ours = [a for a, _ in pairs if a.is_floating_point()]
        theirs = [b.to(a.dtype) for a, b in pairs if a.is_floating_point()]
        torch._foreach_lerp_(ours, theirs, 1 - keep)
        for a, b in pairs:
            if not a.is_floating_point():
                a.copy_(b)
