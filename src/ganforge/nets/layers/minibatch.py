"""Layers through which a discriminator sees statistics of the batch, so that it can detect mode collapse.

    stddev           Karras et al. 2018, "Progressive Growing of GANs for Improved Quality, Stability, and Variation":
                     s = standard deviation within a group of samples, averaged over features and positions; appended to
                     the features
    discrimination   Salimans et al. 2016, "Improved Techniques for Training GANs", section 3.2:
                     M_i = f_i T,  o_ib = mean over j ≠ i of exp(−‖M_ib − M_jb‖₁);  o is appended to the features

f [N, F] features, M [N, C, B] with B kernels of C values, o [N, B]. With both, the output for a sample depends on the
other samples of the batch. `extra` is the number of features that a layer adds.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from ganforge.core.types import wide
from ganforge.nets.layers.norms import moments

Minibatch = Literal["none", "stddev", "discrimination"]


class MinibatchStddev(nn.Module):
    """Appends the standard deviation within each sample's group: [N, C, ...] → [N, C + 1, ...].

    Args:
        group: samples per group. If it does not divide the batch, the largest smaller size that does is used; if that
            is 1, the whole batch is one group.
    """

    couples_batch = True

    def __init__(self, group: int = 4):
        super().__init__()
        self.group, self.extra = group, 1

    def forward(self, x: Tensor) -> Tensor:
        n = x.shape[0]
        size = max(g for g in range(1, self.group + 1) if n % g == 0)
        size = n if size == 1 else size
        # The members of a group are n / size apart in the batch, as in the paper.
        deviation = (moments(wide(x).unflatten(0, (size, -1)), 0)[1] + 1e-8).sqrt()  # [n / size, C, ...]
        number = deviation.flatten(1).mean(1).repeat(size).to(x.dtype)  # [N]
        return torch.cat([x, number.view(-1, *[1] * (x.ndim - 1)).expand(n, 1, *x.shape[2:])], 1)

    def extra_repr(self) -> str:
        return f"group={self.group}"


class MinibatchDiscrimination(nn.Module):
    """Appends the similarity of each sample to the others, by several learned kernels: [N, F] → [N, F + kernels].

    The paper sums over all samples; here it is the mean over the others, which does not depend on the batch size.
    Memory is proportional to N² · kernels · width.

    Args:
        features: F.
        kernels: B, the number of kernels.
        width: C, the number of values per kernel.
    """

    couples_batch = True

    def __init__(self, features: int, kernels: int = 50, width: int = 5):
        super().__init__()
        self.extra = kernels
        self.measures = nn.Linear(features, kernels * width, bias=False)
        # With this initialization, features of unit variance have distances of about 1, where exp(−distance) has a
        # useful gradient; with the usual ones they are so far apart that it vanishes.
        nn.init.normal_(self.measures.weight, 0.0, 1 / (width * features**0.5))
        self.shape = (width, kernels)  # kernels last in memory, so that the sum over C is vectorized

    def forward(self, x: Tensor) -> Tensor:
        m = wide(self.measures(x)).unflatten(1, self.shape)  # [N, C, B]
        # Not cdist: it has no second derivative for this distance.
        near = torch.exp(-(m[:, None] - m[None]).abs().sum(2))  # [N, N, B]
        others = (near.sum(1) - 1) / max(len(x) - 1, 1)  # the sample itself is at distance 0: exp(0) = 1
        return torch.cat([x, others.to(x.dtype)], 1)


def minibatch_layer(kind: Minibatch, features: int) -> MinibatchStddev | MinibatchDiscrimination | None:
    """The layer of this kind for features [N, F], or None."""
    makers = {
        "none": lambda: None,
        "stddev": MinibatchStddev,
        "discrimination": lambda: MinibatchDiscrimination(features),
    }
    return makers[kind]()
