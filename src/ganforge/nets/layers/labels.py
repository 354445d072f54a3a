"""Embeddings of what a sample is conditioned on: a class, or a vector that stands for conditions of any kind.

Concatenation, conditional norms, projections and mapping networks all use these two, so no net knows what a condition
is: a vector is embedded as a one-hot class is, by the same weights.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import embedding_bag, one_hot


def as_vectors(c: Tensor | None, classes: int, dtype: torch.dtype) -> Tensor:
    """Classes c int64 [N] as one-hot vectors [N, classes]; vectors of conditions, float [N, classes], as they are."""
    if c is None:
        raise ValueError(f"a net for {classes} classes needs a label for each sample, got None")
    return c.to(dtype) if c.is_floating_point() else one_hot(c, classes).to(dtype)


def hidden(c: Tensor, rows: Tensor, unknown: np.ndarray) -> Tensor:
    """Vectors of conditions c [N, K] in which the samples of `rows`, bool [N], have the vector `unknown` [K]."""
    return torch.where(rows[:, None], torch.from_numpy(unknown).to(c), c)


def guided(c: Tensor, weight: float, unknown: np.ndarray) -> Tensor:
    """u + weight · (c − u), u: the vector `unknown` [K]. 1 leaves vectors of conditions c [N, K] as they are, 0 asks
    for nothing, and more than 1 follows the conditions more strictly. Nets embed vectors linearly."""
    u = torch.from_numpy(unknown).to(c)
    return u + weight * (c - u)


class LabelTable(nn.Embedding):
    """A learned embedding of each class: c int64 [N] → [N, width]; for c int64 [N, m], the sum of m embeddings; for
    vectors of conditions, float [N, classes], the linear map by the same weights.

    It is equivalent to concatenating a one-hot label to the input of a linear layer, which adds a row of weights to its
    output.

    Args:
        classes: number of classes, or of the numbers of a vector of conditions.
        width: dimension of an embedding.
        std: standard deviation of the normal initialization.
    """

    def __init__(self, classes: int, width: int, std: float = 1.0):
        super().__init__(classes, width)
        self.classes = classes
        nn.init.normal_(self.weight, 0.0, std)

    def forward(self, c: Tensor | None) -> Tensor:  # type: ignore[override]
        if c is None:
            raise ValueError(f"a net for {self.classes} classes needs a label for each sample, got None")
        if c.is_floating_point():
            return c @ self.weight
        return super().forward(c) if c.ndim == 1 else embedding_bag(c, self.weight, mode="sum")
