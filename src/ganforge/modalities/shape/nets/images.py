"""The encoder of 3D-VAE-GAN (Wu et al. 2016): from an image to a distribution of latents.

    conv 11²/4 64 → conv 5²/2 128 → conv 5²/2 256 → conv 5²/2 512 → conv over the last grid, 8² of 256 px → 2·latent

BN and ReLU after each hidden layer. The paper's 400 outputs are the means and log variances of 200 latents; it states
no padding: here each layer keeps the image's size but for its stride.

y [N, C, P, P], mean and log variance [N, latent].
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor, nn

from ganforge.core.errors import UserError
from ganforge.core.types import Spec
from ganforge.nets.base import Encoder

STRIDE = 32
"""Of all hidden layers together."""


class ImageE(nn.Module):
    """The net of `ImageEncoder`."""

    def __init__(self, channels: int, spec: Spec, latent: int):
        super().__init__()
        widths = [spec.shape[0], *(channels << k for k in range(4))]
        layers: list[nn.Module] = []
        for before, after, (kernel, stride) in zip(widths, widths[1:], [(11, 4), *[(5, 2)] * 3], strict=False):
            layers += [
                nn.Conv2d(before, after, kernel, stride, (kernel - stride + 1) // 2, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(),
            ]
        self.layers = nn.Sequential(*layers, nn.Conv2d(widths[-1], 2 * latent, spec.shape[1] // STRIDE))

    def forward(self, y: Tensor, c: Tensor | None = None) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.layers(y).flatten(1).chunk(2, 1)
        return mean, log_variance


class ImageEncoder(Encoder, kind="3d_vae_gan"):
    """The encoder of 3D-VAE-GAN: five convolutions of a square image."""

    channels: int = Field(default=64, ge=1)
    """Channels of the first layer; each of the next three has twice as many."""

    def build(self, spec: Spec, latent: int) -> nn.Module:
        if len(spec.shape) != 3 or spec.shape[1] != spec.shape[2] or spec.shape[1] % STRIDE:
            raise UserError(
                f"3d_vae_gan encodes square images whose sides are multiples of {STRIDE} px, not {list(spec.shape)}",
                code="nets.not_for_shape",
            )
        return ImageE(self.channels, spec, latent)
