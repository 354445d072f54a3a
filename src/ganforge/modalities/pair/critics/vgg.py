"""The critic of SRGAN: eight convolutions in the manner of VGG and two linear layers, one output an image.

Ledig et al. 2017, "Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial Network", figure 4.

    conv3 64 → ½ 64 → 128 → ½ 128 → 256 → ½ 256 → 512 → ½ 512 → linear 1024 → linear 1

½: stride 2. LeakyReLU 0.2; batch norm after all convolutions but the first. A label adds ⟨e(c), f⟩, f what the first
linear layer gives. It accepts only images of the size that it was built for.

x [N, C, H, W] → logits [N].
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from ganforge.core.types import Spec
from ganforge.modalities.pair.critics.patchgan import NORMS, at_least, refuse_smaller
from ganforge.nets.base import Discriminator, DiscriminatorOutput
from ganforge.nets.layers.init import xavier_init
from ganforge.nets.layers.labels import LabelTable
from ganforge.nets.layers.memory import ChannelsLast
from ganforge.nets.layers.spectral import spectral

LEAST = 16
Norm = Literal["batch", "spectral", "none"]


class VggNet(nn.Module):
    """The net of `VggCritic`. `widths`: channels of the four grids, finest first."""

    def __init__(self, colors: int, classes: int, size: tuple[int, int], widths: list[int], hidden: int, norm: Norm):
        super().__init__()
        bias = norm != "batch"  # a norm would remove a bias before it
        blocks: list[nn.Module] = []
        before, (height, width) = colors, size
        for after in widths:
            for stride in (1, 2):
                own = NORMS[norm](after) if blocks else []
                layer = nn.Conv2d(before, after, 3, stride, 1, bias=bias or not blocks)
                blocks.append(nn.Sequential(layer, *own, nn.LeakyReLU(0.2)))
                before = after
            height, width = (height + 1) // 2, (width + 1) // 2
        self.layout = ChannelsLast()
        self.blocks = nn.ModuleList(blocks)
        self.hidden = nn.Sequential(nn.Flatten(), nn.Linear(before * height * width, hidden), nn.LeakyReLU(0.2))
        self.head = nn.Linear(hidden, 1)
        xavier_init(self)
        self.label = LabelTable(classes, hidden, 0.02) if classes else None
        if norm == "spectral":
            spectral(self)

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        maps = []
        h = self.layout(x)
        for block in self.blocks:
            h = block(h)
            maps.append(h)
        features = self.hidden(h)  # [N, hidden]
        logits = self.head(features).squeeze(1)
        if self.label is not None:
            logits = logits + (self.label(c) * features).sum(1)
        return DiscriminatorOutput(logits, features, layers=maps)


class VggCritic(Discriminator, kind="vgg_critic"):
    """Eight convolutions and two linear layers that score the whole image, as in SRGAN and ESRGAN."""

    channels: int = Field(default=64, ge=1)
    """Channels of the finest grid; each coarser one has twice the number."""
    max_channels: int = Field(default=512, ge=1)
    """Maximum number of channels of a grid."""
    hidden: int = Field(default=1024, ge=1)
    """Width of the linear layer before the output; 100 in ESRGAN."""
    norm: Norm = "batch"
    """Batch norm (the paper's), spectral norm of all weights, or none."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return at_least(shape, LEAST, "vgg_critic")

    def build(self, spec: Spec) -> nn.Module:
        refuse_smaller(spec, LEAST, "vgg_critic")
        widths = [min(self.channels << k, self.max_channels) for k in range(4)]
        size = (spec.shape[1], spec.shape[2])
        return VggNet(spec.shape[0], spec.classes, size, widths, self.hidden, self.norm)
