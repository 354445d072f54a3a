"""Batch norm over a batch whose rows are spread over processes.

    μ = Σ_r Σ_i x_i / n      σ² = Σ_r Σ_i (x_i − μ)² / n      y = γ (x − μ) / √(σ² + ε) + β

x [N, C, ...] rows of this process, r: processes, n: values per channel in all processes, μ, σ², γ, β [C]. The two sums
over processes are differentiable, twice too: the derivative of a sum over processes is the sum over processes of the
derivatives.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from ganforge.core.types import wide

Sum = Callable[[Tensor], Tensor]
"""A tensor → its sum over all processes, in the order of ranks."""


class Synchronized(TorchFunctionMode):
    """A context in which every batch norm in training mode uses the statistics of all processes."""

    def __init__(self, total: Sum, size: int):
        super().__init__()
        self.total, self.size = total, size

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.nn.functional.batch_norm:
            return self._batch_norm(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))

    def _batch_norm(
        self,
        x: Tensor,
        running_mean: Tensor | None,
        running_var: Tensor | None,
        weight: Tensor | None = None,
        bias: Tensor | None = None,
        training: bool = False,
        momentum: float = 0.1,
        eps: float = 1e-5,
    ) -> Tensor:
        if not training:
            return torch.nn.functional.batch_norm(x, running_mean, running_var, weight, bias, False, momentum, eps)
        h, over = wide(x), (0, *range(2, x.ndim))
        shape = (1, -1, *[1] * (x.ndim - 2))
        n = x.numel() // x.shape[1] * self.size
        mean = SumOverProcesses.apply(h.sum(over), self.total) / n
        centered = h - mean.view(shape)
        var = SumOverProcesses.apply(centered.square().sum(over), self.total) / n
        scale = torch.rsqrt(var + eps) if weight is None else weight * torch.rsqrt(var + eps)
        y = centered * scale.view(shape)
        if running_mean is not None and running_var is not None:
            with torch.no_grad():
                running_mean.lerp_(mean.to(running_mean), momentum)
                running_var.lerp_((var * (n / max(n - 1, 1))).to(running_var), momentum)
        return (y if bias is None else y + bias.view(shape)).to(x.dtype)


class SumOverProcesses(torch.autograd.Function):
    """The sum of a tensor over all processes; its derivative is of the same form."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, total: Sum) -> Tensor:
        ctx.total = total
        return total(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return SumOverProcesses.apply(gradients[0], ctx.total), None
