"""MSG-GAN: G outputs an image on every grid, and D takes all of them as input, so that every grid gets gradients.

Karnewar & Wang 2020, "MSG-GAN: Multi-Scale Gradients for Generative Adversarial Networks", with the nets of ProGAN.

    G   x_k = image of grid k, for every k (1×1 convolution of its map)
    D   finest grid:  h = from_rgb(x_top)
        each grid:    minibatch stddev → convolution → convolution → half;  the coarser x_k is concatenated: [h, x_k]

The image itself is concatenated to the map (φ_simple in the paper). A single image is used with its downscaled copies.
The rest is as in `nets.progan`, without growing.

N samples, z [N, L], c [N], x_k [N, C, H_k, W_k] coarsest first, h [N, h, w, K] channels last, logits [N].
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from ganforge.core.types import Spec
from ganforge.modalities.image.layers.pyramid import Size, check_picture, grids, nearest_picture, pyramid
from ganforge.modalities.image.nets.progan import GROUP, Judge, Trunk, half, last, levels
from ganforge.nets.base import Discriminator, DiscriminatorOutput, Generator
from ganforge.nets.layers.equalized import EqualConv, EqualLinear, act
from ganforge.nets.layers.minibatch import MinibatchStddev


class MsgG(nn.Module):
    """The net of `MsgGenerator`."""

    unit_axis = -1
    """The axis of hidden layers that holds the channels."""

    def __init__(self, latent: int, widths: list[int], sizes: list[Size], colors: int, classes: int):
        super().__init__()
        self.sizes = sizes
        self.trunk = Trunk(latent, widths, sizes, classes)
        self.paint = nn.ModuleList(EqualLinear(width, colors) for width in widths)

    def scales(self, z: Tensor, c: Tensor | None = None) -> list[Tensor]:
        """Images [N, C, *size] of every grid, coarsest first."""
        pictures = zip(self.paint, self.trunk(z, c), strict=True)
        return [paint(h).permute(0, 3, 1, 2).contiguous() for paint, h in pictures]

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        return self.scales(z, c)[-1]


class MsgBlock(nn.Module):
    """D's grid: [N, h, w, before + extra] → [N, h/2, w/2, after]."""

    def __init__(self, before: int, extra: int, after: int):
        super().__init__()
        self.across = MinibatchStddev(GROUP)
        self.first = EqualConv(before + extra + self.across.extra, before)
        self.second = EqualConv(before, after)

    def forward(self, h: Tensor) -> Tensor:
        h = self.across(h.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return half(act(self.second(act(self.first(h)))))


class MsgD(nn.Module):
    """The net of `MsgDiscriminator`."""

    def __init__(self, widths: list[int], sizes: list[Size], colors: int, classes: int):
        super().__init__()
        self.sizes = sizes
        self.read = EqualLinear(colors, widths[-1])
        steps = list(pairwise(widths))
        finest = len(steps) - 1
        self.blocks = nn.ModuleList(
            MsgBlock(after, 0 if k == finest else colors, before) for k, (before, after) in enumerate(steps)
        )
        self.judge = Judge(widths[0], sizes[0], classes, extra=colors if steps else 0)

    def scaled(self, scales: Sequence[Tensor], c: Tensor | None = None) -> DiscriminatorOutput:
        """Scores images [N, C, *size] of every grid, coarsest first."""
        h = act(self.read(last(scales[-1])))
        for block, x in zip(reversed(self.blocks), reversed(scales[:-1]), strict=True):
            h = torch.cat([block(h), last(x)], 3)
        return self.judge(h, c)

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        return self.scaled(pyramid(x, len(self.sizes)), c)


class MsgGenerator(Generator, kind="msg_gan"):
    """The layers of ProGAN with an output image on each grid (MSG-GAN); for images of any size and the task
    `msg_gan`."""

    within_one: ClassVar[bool] = False
    latent: int = 512
    """Dimension of the latent z, which is normalized to mean square 1."""
    channels: int = Field(default=64, ge=1)
    """Number of channels of the finest grid; doubled on each coarser grid. 64 at 256 pixels in the paper."""
    max_channels: int = Field(default=512, ge=1)
    """Maximum number of channels of a grid."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return nearest_picture(shape, "msg_gan")

    def truncate(self, z: Tensor, truncation: float) -> Tensor:
        return z  # the length of z has no effect

    def build(self, spec: Spec) -> nn.Module:
        check_picture(spec, "msg_gan")
        sizes = grids(*spec.shape[1:])
        widths = levels(self.channels, self.max_channels, len(sizes))
        return MsgG(self.latent, widths, sizes, spec.shape[0], spec.classes)


class MsgDiscriminator(Discriminator, kind="msg_gan"):
    """Convolutions with an input image and minibatch standard deviation on each grid (MSG-GAN); for images of any
    size."""

    channels: int = Field(default=64, ge=1)
    """Number of channels of the finest grid; doubled on each coarser grid."""
    max_channels: int = Field(default=512, ge=1)
    """Maximum number of channels of a grid."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return nearest_picture(shape, "msg_gan")

    def build(self, spec: Spec) -> nn.Module:
        check_picture(spec, "msg_gan")
        sizes = grids(*spec.shape[1:])
        return MsgD(levels(self.channels, self.max_channels, len(sizes)), sizes, spec.shape[0], spec.classes)
