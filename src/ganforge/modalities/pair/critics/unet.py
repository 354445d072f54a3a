"""A critic that scores every pixel with its context: the U-Net with spectral norm of Real-ESRGAN.

Wang et al. 2021, "Real-ESRGAN: Training Real-World Blind Super-Resolution with Pure Synthetic Data", section 3.3 and
figure 6; after Schönfeld et al. 2020, "A U-Net Based Discriminator for Generative Adversarial Networks".

    conv3 C → ½ 2C → ½ 4C → ½ 8C → (2×) 4C, + its like → (2×) 2C, + its like → (2×) C, + its like → conv3 conv3 → 1

½: 4×4, stride 2; (2×): bilinear, then conv3. LeakyReLU 0.2. Spectral norm of all weights but the first and the last.
A label adds ⟨e(c), mean of the coarsest map⟩ to all logits of a sample.

x [N, C, H, W] → logits [N, H·W], one a pixel.
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu

from ganforge.core.types import Spec
from ganforge.modalities.pair.critics.patchgan import at_least, refuse_smaller
from ganforge.nets.base import Discriminator, DiscriminatorOutput
from ganforge.nets.layers.labels import LabelTable
from ganforge.nets.layers.memory import ChannelsLast
from ganforge.nets.layers.spectral import spectral

LEAST = 8


class UnetCriticNet(nn.Module):
    """The net of `UnetCritic`."""

    def __init__(self, colors: int, classes: int, C: int, top: int):
        super().__init__()
        widths = [min(C << k, top) for k in range(4)]
        self.layout = ChannelsLast()
        self.first = nn.Conv2d(colors, widths[0], 3, 1, 1)
        self.downs = nn.ModuleList(nn.Conv2d(widths[k], widths[k + 1], 4, 2, 1, bias=False) for k in range(3))
        self.ups = nn.ModuleList(nn.Conv2d(widths[k], widths[k - 1], 3, 1, 1, bias=False) for k in (3, 2, 1))
        self.last = nn.ModuleList(nn.Conv2d(widths[0], widths[0], 3, 1, 1, bias=False) for _ in range(2))
        self.head = nn.Conv2d(widths[0], 1, 3, 1, 1)
        self.label = LabelTable(classes, widths[3], 0.02) if classes else None
        for part in (self.downs, self.ups, self.last):
            spectral(part)

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        h = leaky_relu(self.first(self.layout(x)), 0.2)
        maps = [h]
        for down in self.downs:
            h = leaky_relu(down(h), 0.2)
            maps.append(h)
        features = h.mean((2, 3))  # [N, 8C]
        skips = maps[:3]
        for up, skip in zip(self.ups, reversed(skips), strict=True):
            h = interpolate(h, skip.shape[2:], mode="bilinear")
            h = leaky_relu(up(h), 0.2) + skip
            maps.append(h)
        for layer in self.last:
            h = leaky_relu(layer(h), 0.2)
        logits = self.head(h).flatten(1)  # [N, H·W]
        if self.label is not None:
            logits = logits + (self.label(c) * features).sum(1, keepdim=True)
        return DiscriminatorOutput(logits, features, layers=maps)


class UnetCritic(Discriminator, kind="unet_critic"):
    """Scores every pixel with its context, with spectral norm, as in Real-ESRGAN."""

    channels: int = Field(default=64, ge=1)
    """Channels of the finest map; each coarser one has twice the number."""
    max_channels: int = Field(default=512, ge=1)
    """Maximum number of channels of a map."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return at_least(shape, LEAST, "unet_critic")

    def build(self, spec: Spec) -> nn.Module:
        refuse_smaller(spec, LEAST, "unet_critic")
        return UnetCriticNet(spec.shape[0], spec.classes, self.channels, self.max_channels)
