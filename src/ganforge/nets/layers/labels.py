"""Embeddings of class labels."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import embedding_bag


class LabelTable(nn.Embedding):
    """A learned embedding of each class: c int64 [N] → [N, width]; for c [N, m], the sum of m embeddings.

    It is equivalent to concatenating a one-hot label to the input of a linear layer, which adds a row of weights to its
    output.

    Args:
        classes: number of classes.
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
        return super().forward(c) if c.ndim == 1 else embedding_bag(c, self.weight, mode="sum")
