"""A discriminator after LeNet-5: small, fast and without normalization.

LeCun, Bottou, Bengio & Haffner 1998, "Gradient-Based Learning Applied to Document Recognition".

    x [N, C, H, W] → conv 5×5 (6) → half → conv 5×5 (16) → half → 120 → 84 = features → logit [N]

Halving is a mean over 2×2 cells; activations are LeakyReLU 0.2 (those of the paper saturate, and a confident D would
give G no gradient). The first convolution is padded, so that 28×28 stays 28×28 (the paper pads digits to 32×32); the
second one is not padded if its grid has at least 6 cells per side. With ten outputs instead of one it has the 61,706
weights of LeNet-5 at 28×28. Labels are used by projection (Miyato & Koyama 2018).
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor, nn

from ganforge.core.types import Spec
from ganforge.modalities.image.layers.pyramid import check_picture, nearest_picture
from ganforge.nets.base import Discriminator, DiscriminatorOutput
from ganforge.nets.layers.labels import LabelTable

FRAMED = 6
"""Minimum number of cells per side for the second convolution without padding."""


class LenetD(nn.Module):
    """The net of `LenetDiscriminator`."""

    def __init__(self, channels: int, spec: Spec):
        super().__init__()
        colors, *size = spec.shape
        deeper, wide, features = (round(channels * k / 6) for k in (16, 120, 84))
        grid = [side // 2 for side in size]
        padding = [0 if side >= FRAMED else 2 for side in grid]
        cells = [(side + 2 * pad - 4) // 2 for side, pad in zip(grid, padding, strict=True)]
        act = nn.LeakyReLU(0.2)
        self.layers = nn.Sequential(
            *(nn.Conv2d(colors, channels, 5, padding=2), act, nn.AvgPool2d(2)),
            *(nn.Conv2d(channels, deeper, 5, padding=(padding[0], padding[1])), act, nn.AvgPool2d(2)),
            *(nn.Flatten(), nn.Linear(deeper * cells[0] * cells[1], wide), act, nn.Linear(wide, features), act),
        )
        self.head = nn.Linear(features, 1)
        self.label = LabelTable(spec.classes, features, features**-0.5) if spec.classes else None

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        features = self.layers(x)  # [N, F]
        logits = self.head(features).squeeze(1)
        if self.label is not None:
            logits = logits + (self.label(c) * features).sum(1)
        return DiscriminatorOutput(logits, features)


class LenetDiscriminator(Discriminator, kind="lenet"):
    """Two 5×5 convolutions and three linear layers, as in LeNet-5; a small discriminator for digits and similar
    images."""

    channels: int = Field(default=6, ge=1)
    """Number of channels of the first convolution; all other widths are in proportion to LeNet-5 (16, 120 and 84 for
    6)."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return nearest_picture(shape, "lenet")

    def build(self, spec: Spec) -> nn.Module:
        check_picture(spec, "lenet")
        return LenetD(self.channels, spec)
