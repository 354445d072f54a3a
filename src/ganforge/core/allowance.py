"""A limit on memory allocation while nets are built from an untrusted configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

MAKERS: frozenset[Callable[..., Any]] = frozenset(
    getattr(torch, name)
    for name in (
        "arange", "empty", "empty_strided", "eye", "full", "hann_window", "linspace", "logspace", "normal", "ones",
        "rand", "randint", "randn", "randperm", "zeros",
    )
)  # fmt: skip
"""The functions of torch that create a tensor of a given size."""


class Exceeded(Exception):
    """More memory was requested than allowed."""


class Allowance(TorchFunctionMode):
    """A context in which at most `count` tensors with at most `size` bytes in total can be created.

    The size of each is determined on the meta device before it is allocated, and sizes are summed, including tensors
    that are freed again. Tensors on the meta device have size 0, but count.

    Raises:
        Exceeded: a limit would be exceeded. The tensor is not allocated.
    """

    def __init__(self, size: int, count: int):
        super().__init__()
        self.size, self.count = size, count

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        options = dict(kwargs or {})
        if func in MAKERS:
            self.count -= 1
            where = torch.device(options.get("device") or "cpu")
            if where.type != "meta":
                planned = func(*args, **{k: v for k, v in options.items() if k != "generator"} | {"device": "meta"})
                self.size -= planned.numel() * planned.element_size()
            if self.size < 0 or self.count < 0:
                raise Exceeded
        return func(*args, **options)


_without_weights = False


def without_weights() -> bool:
    """Whether nets are built for a trained model, which holds all weights itself."""
    return _without_weights


class WithoutWeights:
    """A context in which critics are built on the meta device: with shapes, but without memory for their weights.

    For using a trained model, which does not need its critics.
    """

    def __enter__(self) -> None:
        global _without_weights
        self.before, _without_weights = _without_weights, True

    def __exit__(self, *_: object) -> None:
        global _without_weights
        _without_weights = self.before


class WithWeights(WithoutWeights):
    """A context inside `WithoutWeights` for a critic that a trained model does need: one that classifies samples."""

    def __enter__(self) -> None:
        global _without_weights
        self.before, _without_weights = _without_weights, False


FILLS: frozenset[Callable[..., Any]] = frozenset(
    [getattr(owner, name) for owner in (nn.init, torch.Tensor) for name in ("normal_", "uniform_")]
)


DRAWN: frozenset[Callable[..., Any]] = frozenset([torch.rand, torch.randn])
SCALED: frozenset[Callable[..., Any]] = frozenset([torch.Tensor.mul, torch.Tensor.div])


class _Unfilled(TorchFunctionMode):
    """A context in which no tensor is filled with random numbers, nor made of them.

    On the meta device there is nothing to fill, and torch would import its compiler for it, which takes seconds.
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        options = dict(kwargs or {})
        if func in FILLS:
            return args[0] if args else options["tensor"]
        if func in DRAWN:
            return torch.empty(*args, **{k: v for k, v in options.items() if k != "generator"})
        if func in SCALED and not isinstance(args[1], torch.Tensor):
            return args[0]
        return func(*args, **options)


def may_be_weightless(build: Callable[..., nn.Module]) -> Callable[..., nn.Module]:
    """Decorator for a critic's `build`, which makes it respect `WithoutWeights`."""
    import functools

    @functools.wraps(build)
    def built(*args: Any, **kwargs: Any) -> nn.Module:
        if not _without_weights:
            return build(*args, **kwargs)
        with torch.device("meta"), _Unfilled():
            return build(*args, **kwargs)

    return built
