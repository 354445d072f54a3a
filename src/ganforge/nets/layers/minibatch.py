"""What a discriminator may see of a whole batch: a generator that makes one image over and over is caught at once.

    stddev           Karras et al. 2018, "Progressive Growing of GANs for Improved Quality, Stability, and Variation":
                     s = mean over features and places of the deviation within a group of samples; s joins the features
    discrimination   Salimans et al. 2016, "Improved Techniques for Training GANs", section 3.2:
                     M_i = f_i T,  o_ib = mean over j ≠ i of exp(−‖M_ib − M_jb‖₁);  o joins the features

f [N, F] features, M [N, C, B] with B kernels of C numbers, o [N, B]. Both couple the samples of a batch: the output on
one is no longer a function of that one alone. `extra` is how many features a layer adds.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from ganforge.core.types import wide
from ganforge.nets.layers.norms import moments

Minibatch = Literal["none", "stddev", "discrimination"]


class MinibatchStddev(nn.Module):
    """Joins to each sample how much the samples of its group differ: [N, C, ...] → [N, C + 1, ...].

    Args:
        group: samples that are compared. Of a batch that it does not divide the groups are smaller, of the largest size
            that does; where that is 1, the batch is compared as a whole.
    """

    couples_batch = True

    def __init__(self, group: int = 4):
        super().__init__()
        self.group, self.extra = group, 1

    def forward(self, x: Tensor) -> Tensor:
        n = x.shape[0]
        size = max(g for g in range(1, self.group + 1) if n % g == 0)
        size = n if size == 1 else size
        # The members of a group lie n / size apart in the batch, as in the paper.
        deviation = (moments(wide(x).unflatten(0, (size, -1)), 0)[1] + 1e-8).sqrt()  # [n / size, C, ...]
        number = deviation.flatten(1).mean(1).repeat(size).to(x.dtype)  # [N]
        return torch.cat([x, number.view(-1, *[1] * (x.ndim - 1)).expand(n, 1, *x.shape[2:])], 1)

    def extra_repr(self) -> str:
        return f"group={self.group}"


class MinibatchDiscrimination(nn.Module):
    """Joins to each sample how near the others are to it, by several learned measures: [N, F] → [N, F + kernels].

    The paper adds up the nearness of all samples; the mean over the others does not depend on the size of the batch.
    Memory grows with N² · kernels · width.

    Args:
        features: F.
        kernels: B, how many measures there are.
        width: C, numbers that a measure compares.
    """

    couples_batch = True

    def __init__(self, features: int, kernels: int = 50, width: int = 5):
        super().__init__()
        self.extra = kernels
        self.measures = nn.Linear(features, kernels * width, bias=False)
        # Features of unit variance start about 1 apart, where exp(−distance) has a slope; the usual initializations
        # put them so far apart that it is flat.
        nn.init.normal_(self.measures.weight, 0.0, 1 / (width * features**0.5))
        self.shape = (width, kernels)  # kernels last in memory: the sum over C then runs over many at a time

    def forward(self, x: Tensor) -> Tensor:
        m = wide(self.measures(x)).unflatten(1, self.shape)  # [N, C, B]
        # Not cdist: it has no second derivative for this distance.
        near = torch.exp(-(m[:, None] - m[None]).abs().sum(2))  # [N, N, B]
        others = (near.sum(1) - 1) / max(len(x) - 1, 1)  # the sample itself is at distance 0: exp(0) = 1
        return torch.cat([x, others.to(x.dtype)], 1)


def minibatch_layer(kind: Minibatch, features: int) -> MinibatchStddev | MinibatchDiscrimination | None:
    """The layer of that name for features [N, F], or None."""
    makers = {
        "none": lambda: None,
        "stddev": MinibatchStddev,
        "discrimination": lambda: MinibatchDiscrimination(features),
    }
    return makers[kind]()
