"""Activation checkpointing: parts of nets keep their inputs alone, and compute what lies between again in the backward
pass.

Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost". A sequence of n layers is cut into √n segments, and
every block of a list of blocks is a segment. Memory falls from n activations to about 2 √n, for one more forward pass.

Phases with a second derivative (penalties on gradients) are computed as usual: the graph of a recomputed segment is
gone when the second derivative is taken. What layers keep of a batch (statistics of batch norm) is restored after a
segment is computed again, so that it is counted once.
"""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ganforge.core.types import Nets

Context = Callable[[], AbstractContextManager[None]]


class Recompute:
    """Makes the segments of nets recompute their activations within `with self.active(order):`.

    Args:
        nets: the nets of a run; their segments are replaced by ones that can be recomputed.
        again: the context in which a segment is computed again.
    """

    def __init__(self, nets: Nets, again: Context):
        self.again, self.on = again, False
        for net in nets.values():
            for module in outermost(net):
                if isinstance(module, nn.Sequential):
                    self._wrap(module, functools.partial(self._in_segments, [*module]))  # a layer may occur twice
                else:
                    for block in module.children():
                        self._wrap(block, functools.partial(self._segment, [block], block.forward))

    @contextlib.contextmanager
    def active(self, order: int) -> Iterator[None]:
        """The context in which a loss of this order of derivatives is computed."""
        self.on = order == 1
        try:
            yield
        finally:
            self.on = False

    def _wrap(self, module: nn.Module, wrapped: Callable[..., Any]) -> None:
        usual = module.forward

        def forward(*args: Any, **kwargs: Any) -> Any:
            return wrapped(*args, **kwargs) if self.on and torch.is_grad_enabled() else usual(*args, **kwargs)

        module.forward = forward

    def _in_segments(self, layers: list[nn.Module], x: Tensor) -> Tensor:
        size = math.ceil(len(layers) / math.ceil(math.sqrt(len(layers))))
        for start in range(0, len(layers), size):
            part = layers[start : start + size]
            x = self._segment(part, functools.partial(through, part), x)
        return x

    def _segment(self, modules: list[nn.Module], run: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        buffers = [buffer for module in modules for buffer in module.buffers()]

        def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
            return contextlib.nullcontext(), self._repeat(buffers)

        return checkpoint(run, *args, use_reentrant=False, context_fn=contexts, **kwargs)

    @contextlib.contextmanager
    def _repeat(self, buffers: list[Tensor]) -> Iterator[None]:
        kept = [buffer.clone() for buffer in buffers]
        try:
            with self.again():
                yield
        finally:
            with torch.no_grad():
                for buffer, value in zip(buffers, kept, strict=True):
                    buffer.copy_(value)


def through(layers: list[nn.Module], x: Tensor) -> Tensor:
    for layer in layers:
        x = layer(x)
    return x


def outermost(net: nn.Module) -> list[nn.Module]:
    """The sequences and the lists of blocks in a net that are in no other one."""
    found: list[nn.Module] = []
    for child in [net] if is_sequence(net) else net.children():
        found += [child] if is_sequence(child) else outermost(child)
    return found


def is_sequence(module: nn.Module) -> bool:
    """Whether a module is a plain sequence, or a list of blocks that its parent calls one by one."""
    plain = isinstance(module, nn.Sequential) and type(module).forward is nn.Sequential.forward
    return (plain or isinstance(module, nn.ModuleList)) and len(module._modules) > 1
