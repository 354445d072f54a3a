"""The convolutional classifier of semi-supervised learning on photos: dropout, weight norm, no pooling but strides.

Salimans et al. 2016, "Improved Techniques for Training GANs", CIFAR-10 and SVHN. With C channels:

    x [N, c, ...] → dropout 0.2 → 3 × conv C, the third of stride 2 → dropout 0.5 → 3 × conv 2C, the third of stride 2
    → dropout 0.5 → conv 2C without padding → 2 × conv 2C of one pixel → mean over places → logit [N]

Convolutions are over 3 places a side and followed by LeakyReLU 0.2. The filters have fixed norms (`layers.normed`).
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor, nn

from ganforge.core.errors import UserError
from ganforge.core.types import Spec
from ganforge.nets.base import Discriminator, DiscriminatorOutput
from ganforge.nets.layers.dropout import FastDropout
from ganforge.nets.layers.labels import LabelTable
from ganforge.nets.layers.normed import Normed

PIXEL_SQUARE, HIDDEN_SQUARE = 0.3, 0.52
"""Mean square of pixels in [-1, 1], and of values after LeakyReLU."""


class NoisyConvD(nn.Module):
    """The net of `NoisyConvDiscriminator`."""

    def __init__(self, channels: int, drop: float, shape: tuple[int, ...], classes: int):
        super().__init__()
        axes = len(shape) - 1
        wide = 2 * channels
        layers: list[nn.Module] = [FastDropout(0.4 * drop)]
        plan = [(shape[0], channels, 3, 1, 1), (channels, channels, 3, 1, 1), (channels, channels, 3, 2, 1)]
        plan += [(channels, wide, 3, 1, 1), (wide, wide, 3, 1, 1), (wide, wide, 3, 2, 1)]
        plan += [(wide, wide, 3, 1, 0), (wide, wide, 1, 1, 0), (wide, wide, 1, 1, 0)]
        for k, (before, after, size, stride, padding) in enumerate(plan):
            square = HIDDEN_SQUARE if k else PIXEL_SQUARE
            layers += [Normed(before, after, square, axes, size, stride, padding), nn.LeakyReLU(0.2)]
            if k in (2, 5):
                layers.append(FastDropout(drop))
        self.layers = nn.Sequential(*layers)
        self.label = LabelTable(classes, wide, 1.0) if classes else None
        self.head = nn.Linear(wide, 1)

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        features = self.layers(x).flatten(2).mean(2)  # [N, 2C]
        if self.label is not None:
            features = features + self.label(c)
        return DiscriminatorOutput(self.head(features).squeeze(1), features)


class NoisyConvDiscriminator(Discriminator, kind="noisy_conv"):
    """Convolutions with dropout and normed weights, for images and series [C, T] with few labels."""

    channels: int = Field(default=96, ge=1)
    """Filters of the first layers; 96 in the paper."""
    drop: float = Field(default=0.5, ge=0, lt=1)
    """Share of hidden values that dropout sets to 0; of the input two fifths of it."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(shape) not in (2, 3):
            raise UserError(
                f"noisy_conv nets are for images and series, and samples have the shape {list(shape)}. Use noisy_mlp",
                code="nets.not_for_shape",
            )
        return (shape[0], *(max(12, size) for size in shape[1:]))

    def build(self, spec: Spec) -> nn.Module:
        return NoisyConvD(self.channels, self.drop, spec.shape, spec.classes)
