"""The running average of the generators' weights, which samples are made from (Yazıcı 2019; Karras 2018)."""

from __future__ import annotations

import copy

import torch
from torch import nn

from ganforge.core.component import Component, Count


class Ema(Component):
    """An exponential moving average whose window is counted in samples, so that it is independent of the batch size."""

    half_life: Count = 10_000
    """Samples after which a step's weight in the average has halved; 0 turns the average off."""
    warmup: float = 0.05
    """Early on the half-life is at most this share of the samples seen: the first weights are soon forgotten."""

    def copy(self, net: nn.Module) -> nn.Module:
        """A frozen copy of a net, in evaluation mode, to hold the average."""
        return copy.deepcopy(net).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, average: nn.Module, net: nn.Module, batch: int, samples: int) -> None:
        """Moves `average` towards `net` after a step of `batch` samples that ended at `samples` seen.

        Floating buffers (the statistics of batch norm) are averaged as the weights are, so that they fit them;
        counters are copied.
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
