"""A bound on what is allocated while nets are built from numbers that a stranger wrote."""

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
"""The functions of torch that make a tensor of a size that they are given."""


class Exceeded(Exception):
    """More is asked for than may be allocated."""


class Allowance(TorchFunctionMode):
    """A context in which no more than `size` bytes of tensors, in no more than `count` pieces, are made.

    The size of each is found on the meta device before it is allocated, and all are added up, those that are freed
    again among them. Tensors on the meta device take no room; they count as pieces.

    Raises:
        Exceeded: more is asked for. It was not allocated.
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


class WithoutWeights:
    """A context in which critics are built on the meta device: their shapes are known, and take no room.

    For a trained model in use, which never asks its critics.
    """

    def __enter__(self) -> None:
        global _without_weights
        self.before, _without_weights = _without_weights, True

    def __exit__(self, *_: object) -> None:
        global _without_weights
        _without_weights = self.before


def may_be_weightless(build: Callable[..., nn.Module]) -> Callable[..., nn.Module]:
    """A critic's `build`, which follows `WithoutWeights`."""
    import functools

    @functools.wraps(build)
    def built(*args: Any, **kwargs: Any) -> nn.Module:
        if not _without_weights:
            return build(*args, **kwargs)
        with torch.device("meta"):
            return build(*args, **kwargs)

    return built
