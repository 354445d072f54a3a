"""Exponential moving average of the generators' weights, used for sampling (Yazıcı 2019; Karras 2018)."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from pydantic import Field
from torch import Tensor, nn

from ganforge.core.component import Component, Count

MOST_SNAPSHOTS = 256


class Ema(Component):
    """Exponential moving average with a half-life in samples, independent of the batch size."""

    half_life: Count = 10_000
    """Number of samples after which the contribution of a step has halved; 0 turns averaging off."""
    warmup: float = 0.05
    """The half-life is limited to this fraction of the samples seen so far, so that the initial weights quickly lose
    influence."""
    snapshots: int = Field(default=0, ge=0, le=MOST_SNAPSHOTS)
    """Number of moments, at most, at which two more averages are written, so that `ganforge ema` can choose the length
    of the average after training; 16 is usual, 0 turns it off. Each takes as much disk space as the model file."""

    def copy(self, net: nn.Module) -> nn.Module:
        """A frozen copy of a net, in evaluation mode, to hold the average."""
        return copy.deepcopy(net).eval().requires_grad_(False)

    def update(self, sides: Sides, batch: int, samples: int) -> None:
        """Moves an average toward its net after a step on `batch` samples, with `samples` seen so far."""
        half_life = min(self.half_life, samples * self.warmup) if self.warmup else self.half_life
        keep = 0.5 ** (batch / half_life) if half_life > 0 else 0.0
        sides.move(keep)


class Sides:
    """The parameters and buffers of an average and of its net. Where they are is found once: a search through all
    modules at every step takes longer than averaging a small net."""

    def __init__(self, average: nn.Module, net: nn.Module):
        self.places: list[tuple[dict[str, Tensor], dict[str, Tensor], str]] = []
        seen: set[int] = set()  # a tensor in several places is one
        for ours, theirs in zip(average.modules(), net.modules(), strict=True):
            for a, b in ((ours._parameters, theirs._parameters), (ours._buffers, theirs._buffers)):
                for name, tensor in a.items():
                    if tensor is not None and id(tensor) not in seen:
                        seen.add(id(tensor))
                        self.places.append((a, b, name))  # type: ignore[arg-type]  # without those that are None

    def tensors(self) -> Iterator[tuple[Tensor, Tensor]]:
        """(of the average, of the net), each tensor once; modules may have replaced their buffers."""
        return ((a[name], b[name]) for a, b, name in self.places)

    @torch.no_grad()
    def move(self, keep: float) -> None:
        """average ← keep · average + (1 − keep) · net.

        Floating-point buffers (batch-norm statistics) are averaged like the weights, so that they match; counters are
        copied.
        """
        ours, theirs = [], []
        for a, b in self.tensors():
            if a.is_floating_point():
                ours.append(a)
                theirs.append(b if b.dtype == a.dtype else b.to(a.dtype))
            else:
                a.copy_(b)
        torch._foreach_lerp_(ours, theirs, 1 - keep)
