"""The small DCGAN for 28×28 images from tutorials: 5×5 kernels, dropout in D, no batch norm in D.

    G: z [N, 100] → linear → [N, 256, H/4, W/4] → 5×5 transposed convolutions to 128 (stride 1), 64 and C (stride 2)
       batch norm and LeakyReLU 0.3 after all but the last, tanh after that; no biases
    D: x [N, C, H, W] → 5×5 convolutions to 64 and 128, stride 2, LeakyReLU 0.3 and dropout 0.3 → linear → logit [N]

Initialization is as in Keras (Glorot uniform; batch norm with momentum 0.99 and ε 0.001), and the grids are those of
Keras' "same" padding, 28 → 14 → 7. If the padding is odd, Keras puts the extra pixel at the end, these layers at the
start, in both G and D, which is equivalent up to mirroring.

Measured on two AVX-512 cores, whole steps with batch 256: channels-last layout and `FastDropout` are 1.2 to 1.25 times
as fast as plain eager layers. Sub-pixel convolutions instead of transposed ones (the same function) were slower (0.7
times), except in the last layer, with a gain of 1 % of a step; stride 1 as a plain convolution was equally fast.
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor, nn

from ganforge.core.errors import UserError
from ganforge.core.types import Spec
from ganforge.nets.base import Discriminator, DiscriminatorOutput, Generator
from ganforge.nets.layers.dropout import FastDropout
from ganforge.nets.layers.labels import LabelTable
from ganforge.nets.layers.memory import ChannelsLast


def keras_init(net: nn.Module) -> None:
    """Glorot-uniform weights and zero biases."""
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def norm(channels: int) -> nn.BatchNorm2d:
    """Batch norm with the constants of Keras (whose momentum is 1 − that of torch)."""
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


class ArticleG(nn.Module):
    """The net of `ArticleGenerator`."""

    def __init__(self, latent: int, shape: tuple[int, int, int], classes: int):
        super().__init__()
        colors, height, width = shape
        units = 256 * (height // 4) * (width // 4)
        self.linear = nn.Linear(latent, units, bias=False)
        self.project = nn.Sequential(
            nn.BatchNorm1d(units, eps=1e-3, momentum=0.01),  # before the reshape: per unit, not per channel
            nn.LeakyReLU(0.3, inplace=True),
        )
        self.layers = nn.Sequential(
            nn.Unflatten(1, (256, height // 4, width // 4)),
            ChannelsLast(),
            nn.ConvTranspose2d(256, 128, 5, 1, 2, bias=False),
            norm(128),
            nn.LeakyReLU(0.3, inplace=True),
            nn.ConvTranspose2d(128, 64, 5, 2, 2, output_padding=1, bias=False),
            norm(64),
            nn.LeakyReLU(0.3, inplace=True),
            nn.ConvTranspose2d(64, colors, 5, 2, 2, output_padding=1, bias=False),
            nn.Tanh(),
        )
        keras_init(self)
        # The scale of a one-hot label concatenated to z: with labels as strong as all of z, G soon ignores z.
        self.label = LabelTable(classes, units, (2 / (latent + units)) ** 0.5) if classes else None

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        h = self.linear(z)
        if self.label is not None:
            h = h + self.label(c)
        return self.layers(self.project(h))


class ArticleD(nn.Module):
    """The net of `ArticleDiscriminator`."""

    def __init__(self, dropout: float, shape: tuple[int, int, int], classes: int):
        super().__init__()
        colors, height, width = shape
        self.layers = nn.Sequential(
            ChannelsLast(),
            nn.Conv2d(colors, 64, 5, 2, 2),
            nn.LeakyReLU(0.3, inplace=True),
            FastDropout(dropout),
            nn.Conv2d(64, 128, 5, 2, 2),
            nn.LeakyReLU(0.3, inplace=True),
            FastDropout(dropout),
            nn.Flatten(),
        )
        features = 128 * (height // 4) * (width // 4)
        self.head = nn.Linear(features, 1)
        keras_init(self)
        self.label = LabelTable(classes, features, features**-0.5) if classes else None

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        features = self.layers(x)  # [N, F]
        logits = self.head(features).squeeze(1)
        if self.label is not None:
            logits = logits + (self.label(c) * features).sum(1)  # a head per class in addition to the common one
        return DiscriminatorOutput(logits, features)


class ArticleGenerator(Generator, kind="dcgan-article"):
    """The generator of the DCGAN from tutorials: 256, 128, 64 channels, 5×5 kernels; for sides divisible by 4."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return nearest_picture(shape)

    def build(self, spec: Spec) -> nn.Module:
        return ArticleG(self.latent, checked(spec, "dcgan-article generator"), spec.classes)


class ArticleDiscriminator(Discriminator, kind="dcgan-article"):
    """The discriminator of the DCGAN from tutorials: 64, 128 channels, 5×5 kernels, dropout; for sides divisible by
    4."""

    dropout: float = Field(default=0.3, ge=0, lt=1)
    """Dropout probability after each convolution, in [0, 1)."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return nearest_picture(shape)

    def build(self, spec: Spec) -> nn.Module:
        return ArticleD(self.dropout, checked(spec, "dcgan-article discriminator"), spec.classes)


def nearest_picture(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The closest [C, H, W] with sides divisible by 4; the smaller one of two.

    Raises:
        UserError: `shape` is not the shape of an image.
    """
    if len(shape) != 3:
        raise UserError(
            f"dcgan-article nets are for images [C, H, W], not for samples of shape {list(shape)}; try mlp",
            code="nets.not_for_shape",
        )
    return (shape[0], *(max(4, (side + 1) // 4 * 4) for side in shape[1:]))


def checked(spec: Spec, who: str) -> tuple[int, int, int]:
    """A spec's shape as [C, H, W].

    Raises:
        UserError: the net does not support that size; the message states the closest supported one.
    """
    colors, height, width = nearest_picture(spec.shape)
    if (colors, height, width) != spec.shape:
        raise UserError(
            f"{who}: does not support {spec.shape[1]}×{spec.shape[2]} images, both sides must be divisible by 4; "
            f"the nearest size is {height}×{width}",
            code="nets.unreachable_size",
        )
    return colors, height, width
