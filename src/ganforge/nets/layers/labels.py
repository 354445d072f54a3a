"""Class labels as vectors."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import embedding_bag


class LabelTable(nn.Embedding):
    """A learned vector for every class: c int64 [N] → [N, width], or [N, m] for the sum of m of them.

    A one-hot label joined to the input of a linear layer adds a row of that layer's weights to its output; such a row
    is what this table holds, without the one-hot.

    Args:
        classes: how many labels there are.
        width: of a vector.
        std: of the normal distribution that the table starts from.
    """

    def __init__(self, classes: int, width: int, std: float = 1.0):
        super().__init__(classes, width)
        self.classes = classes
        nn.init.normal_(self.weight, 0.0, std)

    def forward(self, c: Tensor | None) -> Tensor:  # type: ignore[override]
        if c is None:
            raise ValueError(f"a net for {self.classes} classes needs a label for each sample, got None")
        return super().forward(c) if c.ndim == 1 else embedding_bag(c, self.weight, mode="sum")
