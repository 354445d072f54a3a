"""A fully connected discriminator with maxout units, as in the first GANs and in later tests of mode collapse.

Goodfellow et al. 2013, "Maxout Networks". A unit is the maximum of k linear functions:

    h = max over j of (W_j x + b_j),  j = 1..k

D: x [N, *shape] → widths, each of maxout units → logit [N]. A label is added to the input of the first layer.
"""

from __future__ import annotations

import math
from itertools import pairwise

from pydantic import Field
from torch import Tensor, nn

from ganforge.core.types import Spec
from ganforge.nets.base import Discriminator, DiscriminatorOutput
from ganforge.nets.layers.labels import LabelTable

# As a default linear layer's output for unit-variance input, so that label and input initially have equal weight.
LABEL_STD = 3**-0.5


class Maxout(nn.Module):
    """The maximum over groups of `pieces` adjacent values: [N, width · pieces] → [N, width]."""

    def __init__(self, pieces: int):
        super().__init__()
        self.pieces = pieces

    def forward(self, x: Tensor) -> Tensor:
        return x.unflatten(1, (-1, self.pieces)).amax(2)

    def extra_repr(self) -> str:
        return f"pieces={self.pieces}"


class MaxoutD(nn.Module):
    """The net of `MaxoutDiscriminator`."""

    def __init__(self, widths: tuple[int, ...], pieces: int, shape: tuple[int, ...], classes: int):
        super().__init__()
        self.first = nn.Linear(math.prod(shape), widths[0] * pieces)
        self.label = LabelTable(classes, widths[0] * pieces, LABEL_STD) if classes else None
        layers: list[nn.Module] = [Maxout(pieces)]
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after * pieces), Maxout(pieces)]
        self.rest = nn.Sequential(*layers)
        self.head = nn.Linear(widths[-1], 1)

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        h = self.first(x.flatten(1))
        if self.label is not None:
            h = h + self.label(c)
        features = self.rest(h)  # [N, widths[-1]]
        return DiscriminatorOutput(self.head(features).squeeze(1), features)


class MaxoutDiscriminator(Discriminator, kind="maxout"):
    """Fully connected layers of maxout units, for samples of any shape."""

    widths: tuple[int, ...] = Field(default=(200, 200, 200), min_length=1)
    """Number of units of each hidden layer, first to last."""
    pieces: int = Field(default=5, ge=2)
    """Number of linear functions per maxout unit, of which the maximum is taken."""

    def build(self, spec: Spec) -> nn.Module:
        return MaxoutD(self.widths, self.pieces, spec.shape, spec.classes)
