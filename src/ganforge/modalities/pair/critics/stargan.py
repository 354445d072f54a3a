"""The critic of StarGAN: convolutions of stride 2 without norms; the coarsest grid scores places and tells attributes.

Choi et al. 2018, "StarGAN: Unified Generative Adversarial Networks for Multi-Domain Image-to-Image Translation", table
5.

    x [N, C, H, W] → n times convolution 4×4, stride 2, LeakyReLU 0.01 → h [N, F, H/2ⁿ, W/2ⁿ]
    logits [N, P]: convolution 3×3 of h, P = H·W / 4ⁿ places;   features [N, F·P]: h

A label, which the paper has none of here, adds ⟨e(c), mean of h⟩ to all logits (Miyato & Koyama 2018).
"""

from __future__ import annotations

from itertools import pairwise

from pydantic import Field
from torch import Tensor, nn

from ganforge.core.errors import UserError
from ganforge.core.types import Spec
from ganforge.nets.base import Discriminator, DiscriminatorOutput
from ganforge.nets.layers.labels import LabelTable


class StarganCriticNet(nn.Module):
    """The net of `StarganCritic`."""

    def __init__(self, colors: int, widths: list[int], classes: int):
        super().__init__()
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Conv2d(before, after, 4, 2, 1), nn.LeakyReLU(0.01))
            for before, after in pairwise([colors, *widths])
        )
        self.score = nn.Conv2d(widths[-1], 1, 3, 1, 1, bias=False)
        self.label = LabelTable(classes, widths[-1], 0.02) if classes else None

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        maps = []
        for block in self.blocks:
            x = block(x)
            maps.append(x)
        logits = self.score(x).flatten(1)
        if self.label is not None:
            logits = logits + (self.label(c) * x.mean((2, 3))).sum(1, keepdim=True)
        return DiscriminatorOutput(logits, x.flatten(1), layers=maps)


class StarganCritic(Discriminator, kind="stargan"):
    """Convolutions of stride 2 without norms, which score places (StarGAN)."""

    channels: int = Field(default=64, ge=1)
    """Number of channels after the first convolution; doubled by each further one."""
    layers: int = Field(default=6, ge=2, le=8)
    """Number of convolutions of stride 2; sides must be multiples of 2 to this power."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(shape) != 3:
            raise UserError(
                f"the critic of stargan is for images [C, H, W], not for samples of shape {list(shape)}",
                code="nets.not_for_shape",
            )
        step = 2**self.layers
        return (shape[0], *(max(step, round(side / step) * step) for side in shape[1:]))

    def build(self, spec: Spec) -> nn.Module:
        if spec.shape != self.nearest(spec.shape):
            _, height, width = self.nearest(spec.shape)
            raise UserError(
                f"stargan discriminator: does not support {spec.shape[1]}×{spec.shape[2]} images; the nearest size is "
                f"{height}×{width}",
                code="nets.unreachable_size",
            )
        return StarganCriticNet(spec.shape[0], [self.channels << k for k in range(self.layers)], spec.classes)
