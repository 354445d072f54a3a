"""Encoders: from a sample to a distribution of latents.

    q(z | x) = N(mean, diag(exp(log variance)))        Kingma & Welling 2014

    mlp     fully connected layers with ReLU

x [N, *shape], c [N] labels or None, mean and log variance [N, latent].
"""

from __future__ import annotations

import math
from itertools import pairwise

from pydantic import Field
from torch import Tensor, nn

from ganforge.core.types import Spec
from ganforge.nets.base import Encoder
from ganforge.nets.layers.labels import LabelTable


class MlpE(nn.Module):
    """The net of `MlpEncoder`."""

    def __init__(self, widths: tuple[int, ...], spec: Spec, latent: int):
        super().__init__()
        size = math.prod(spec.shape)
        self.first = nn.Linear(size, widths[0])
        self.label = LabelTable(spec.classes, widths[0], (3 * size) ** -0.5) if spec.classes else None
        layers: list[nn.Module] = [nn.ReLU()]
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after), nn.ReLU()]
        self.rest = nn.Sequential(*layers, nn.Linear(widths[-1], 2 * latent))

    def forward(self, x: Tensor, c: Tensor | None = None) -> tuple[Tensor, Tensor]:
        h = self.first(x.flatten(1))
        if self.label is not None:
            h = h + self.label(c)
        mean, log_variance = self.rest(h).chunk(2, 1)
        return mean, log_variance


class MlpEncoder(Encoder, kind="mlp"):
    """Fully connected layers with ReLU, for samples of any shape."""

    widths: tuple[int, ...] = Field(default=(128, 128), min_length=1)
    """Number of units of each hidden layer, first to last."""

    def build(self, spec: Spec, latent: int) -> nn.Module:
        return MlpE(self.widths, spec, latent)
