"""An encoder of images for VAEs: DCGAN's D with another output layer.

    q(z | x) = N(mean, diag(exp(log variance)))        Kingma & Welling 2014

Convolutions 4×4 of stride 2 with batch norm and LeakyReLU 0.2, until the shorter side is at most 4, then one linear
layer. A label embedding is added to the channels after the first convolution.

x [N, C, H, W], c [N] labels or None, mean and log variance [N, latent].
"""

from __future__ import annotations

from itertools import pairwise

from pydantic import Field
from torch import Tensor, nn

from ganforge.core.errors import UserError
from ganforge.core.types import Spec
from ganforge.modalities.image.nets.dcgan import levels, normal_init
from ganforge.nets.base import Encoder
from ganforge.nets.layers.labels import LabelTable
from ganforge.nets.layers.memory import ChannelsLast

COARSEST = 4
"""Grids are halved until their shorter side has at most this many cells."""


class ConvE(nn.Module):
    """The net of `ConvEncoder`."""

    def __init__(self, channels: int, top: int, spec: Spec, latent: int):
        super().__init__()
        colors, height, width = spec.shape
        halvings = 1
        while min(height, width) >> halvings > COARSEST:
            halvings += 1
        widths = levels(channels, top, halvings)
        self.first = nn.Sequential(ChannelsLast(), nn.Conv2d(colors, widths[0], 4, 2, 1))
        layers: list[nn.Module] = [nn.LeakyReLU(0.2)]
        for before, after in pairwise(widths):
            layers += [nn.Conv2d(before, after, 4, 2, 1, bias=False), nn.BatchNorm2d(after), nn.LeakyReLU(0.2)]
        cells = (height >> halvings) * (width >> halvings)
        self.rest = nn.Sequential(*layers, nn.Flatten(), nn.Linear(widths[-1] * cells, 2 * latent))
        normal_init(self)
        self.label = LabelTable(spec.classes, widths[0], 0.1) if spec.classes else None

    def forward(self, x: Tensor, c: Tensor | None = None) -> tuple[Tensor, Tensor]:
        h = self.first(x)
        if self.label is not None:
            h = h + self.label(c)[:, :, None, None]
        mean, log_variance = self.rest(h).chunk(2, 1)
        return mean, log_variance


class ConvEncoder(Encoder, kind="conv"):
    """Convolutions of stride 2 with batch norm, for images of at least 2×2 px."""

    channels: int = Field(default=64, ge=1)
    """Number of channels of the finest grid; doubled on each coarser grid."""
    max_channels: int = Field(default=512, ge=1)
    """Maximum number of channels of a grid."""

    def build(self, spec: Spec, latent: int) -> nn.Module:
        if len(spec.shape) != 3 or min(spec.shape[1:]) < 2:
            raise UserError(
                f"task.encoder=conv is for images of at least 2×2 px, not for samples of shape {list(spec.shape)}; "
                "use task.encoder=mlp",
                code="nets.not_for_shape",
            )
        return ConvE(self.channels, self.max_channels, spec, latent)
