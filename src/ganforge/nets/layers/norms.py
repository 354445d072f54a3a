"""Normalization layers: which values share a mean and a variance.

batch     per channel, over the batch               Ioffe & Szegedy 2015
layer     per sample, over all channels             Ba et al. 2016; used in the critic of WGAN-GP
virtual   per channel, over a fixed reference batch and the sample itself     Salimans et al. 2016, section 3.5
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganforge.core.types import wide

EPS = 1e-5


def moments(x: Tensor, dim: int | tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Mean and variance along axes. On a CPU it is several times faster than `torch.var_mean`, which is not
    vectorized."""
    mean = x.mean(dim, keepdim=True)
    return mean.squeeze(dim), (x - mean).square().mean(dim)


class VirtualBatchNorm(nn.Module):
    """Batch norm with statistics of a fixed reference batch and of the sample itself.

    The result for a sample does not depend on the other samples, in training and evaluation. The reference batch is in
    the first rows of the input [R + N, C, ...] and passes through the net with the batch, since its statistics change
    in every step. The sample is included with weight 1 / (R + 1):

        μ_i = (R μ + m_i) / (R + 1),   σ²_i = (R (σ² + (μ − μ_i)²) + s²_i + (m_i − μ_i)²) / (R + 1)

    μ, σ²: statistics of the reference; m_i, s²_i: of sample i over its positions. The reference itself is normalized by
    μ and σ².

    Args:
        channels: C.
        reference: R.
    """

    def __init__(self, channels: int, reference: int, eps: float = EPS):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.reference, self.eps = reference, eps

    def forward(self, x: Tensor) -> Tensor:
        h = wide(x) if x.ndim > 2 else wide(x).unsqueeze(2)
        own_mean, own_var = moments(h, tuple(range(2, h.ndim)))  # [R + N, C]
        R = self.reference
        mean = own_mean[:R].mean(0)  # [C]
        var = (own_var[:R] + (own_mean[:R] - mean).square()).mean(0)
        share = 1 / (R + 1)
        joint_mean = mean.lerp(own_mean[R:], share)
        joint_var = (var + (mean - joint_mean).square()).lerp(own_var[R:] + (own_mean[R:] - joint_mean).square(), share)
        means = torch.cat([mean.expand(R, -1), joint_mean])
        variances = torch.cat([var.expand(R, -1), joint_var])
        scale = self.weight * torch.rsqrt(variances + self.eps)  # [R + N, C]
        shape = (*scale.shape, *[1] * (x.ndim - 2))
        return (x * scale.view(shape) + (self.bias - means * scale).view(shape)).to(x.dtype)

    def extra_repr(self) -> str:
        return f"{len(self.weight)}, reference={self.reference}"


class Reference(nn.Module):
    """The reference batch of a generator with virtual batch norm: latents, and labels where there are classes.

    Drawn once, when the net is built, and part of its state in checkpoints and model files.
    """

    z: Tensor
    c: Tensor | None

    def __init__(self, count: int, latent: int, classes: int):
        super().__init__()
        self.register_buffer("z", torch.randn(count, latent))
        self.register_buffer("c", torch.arange(count) % classes if classes else None)

    def forward(self, z: Tensor, c: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """z and c with the reference prepended."""
        if self.c is not None and c is not None:
            c = torch.cat([self.c, c])
        return torch.cat([self.z.to(z.dtype), z]), c


class WithoutReference(nn.Module):
    """Removes the reference batch: [R + N, ...] → [N, ...]."""

    def __init__(self, reference: int):
        super().__init__()
        self.reference = reference

    def forward(self, x: Tensor) -> Tensor:
        return x[self.reference :]


def layer_norm(channels: int) -> nn.Module:
    """Layer norm: mean and variance per sample, over channels and positions; scale and offset per channel."""
    return nn.GroupNorm(1, channels)
