"""Gated convolutions, which learn where the image is to be believed: an inpainter for holes of any form.

Yu et al. 2019, "Free-Form Image Inpainting with Gated Convolution", section 3.1 and the coarse net of section 3.3.

    a gated convolution      φ(features) ⊙ σ(gate),  both from one convolution of twice the channels; φ ELU
    5×5 C → 3×3 ½ 2C → 2C → ½ 4C → 4C 4C → 4C dilated 2, 4, 8, 16 → 4C 4C → (2×) 2C 2C → (2×) C C/2 → 3×3, tanh

½: stride 2; (2×): nearest. The paper refines the result by a second net with attention over patches; that one is left
out here. The source is the image with its holes at 0 and the mask as its last channel.

source [N, Cs, h, w] → [N, Ct, h, w] in [-1, 1].
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import elu

from ganforge.core.errors import UserError
from ganforge.core.types import Spec
from ganforge.modalities.pair.layers.continued import CELL, HALO, continued
from ganforge.modalities.pair.layers.translating import Padding, TranslatorNet, conv, scale_of
from ganforge.nets.base import Translator

DILATIONS = (2, 4, 8, 16)


OPEN = 2.0
"""Bias of the gates at the start: σ(2) is 0.88. Gates that begin half shut halve the signal, and sixteen layers of
them let none of it through."""


class GatedConv(nn.Module):
    """ELU(features) ⊙ σ(gate), with He's weights for the features."""

    def __init__(self, before: int, after: int, padding: Padding, kernel: int = 3, stride: int = 1, dilation: int = 1):
        super().__init__()
        self.both = conv(before, 2 * after, kernel, padding, stride, dilation)
        assert self.both.bias is not None
        nn.init.kaiming_normal_(self.both.weight[:after])
        nn.init.zeros_(self.both.bias[:after])
        nn.init.constant_(self.both.bias[after:], OPEN)

    def forward(self, x: Tensor) -> Tensor:
        features, gate = self.both(x).chunk(2, 1)
        return elu(features) * torch.sigmoid(gate)


class GatedNet(TranslatorNet):
    """The net of `Gated`."""

    def __init__(self, source: int, target: int, C: int, padding: Padding, residual: bool):
        plan = [
            GatedConv(source, C, padding, 5),
            GatedConv(C, 2 * C, padding, stride=2),
            GatedConv(2 * C, 2 * C, padding),
            GatedConv(2 * C, 4 * C, padding, stride=2),
            GatedConv(4 * C, 4 * C, padding),
            GatedConv(4 * C, 4 * C, padding),
            *(GatedConv(4 * C, 4 * C, padding, dilation=d) for d in DILATIONS),
            GatedConv(4 * C, 4 * C, padding),
            GatedConv(4 * C, 4 * C, padding),
            nn.Sequential(nn.Upsample(scale_factor=2), GatedConv(4 * C, 2 * C, padding)),
            GatedConv(2 * C, 2 * C, padding),
            nn.Sequential(nn.Upsample(scale_factor=2), GatedConv(2 * C, C, padding)),
            GatedConv(C, max(C // 2, 1), padding),
        ]
        # Reflection needs more cells than it adds: 17 on the grid of a quarter for the widest dilation.
        least = 4 * (max(DILATIONS) + 1) if padding == "reflect" else 4
        multiple = CELL if residual else 4
        super().__init__(depth=len(plan), multiple=multiple, least=math.ceil(least / multiple) * multiple)
        self.residual = residual
        self.layers = nn.ModuleList(plan)
        paint = conv(max(C // 2, 1), target, 3, padding)
        if residual:
            nn.init.normal_(paint.weight, 0.0, 1e-3)  # the first image is the smooth one
            nn.init.zeros_(paint.bias)  # type: ignore[arg-type]
        self.paint = paint if residual else nn.Sequential(paint, nn.Tanh())

    @property
    def settled_halo(self) -> int | None:
        halo = super().settled_halo
        return halo + HALO if self.residual and halo is not None else halo

    def steps(self, x: Tensor) -> Iterator[Tensor]:
        mask = x[:, -1:]
        smooth = None
        if self.residual:
            smooth = continued(x[:, :-1], mask)
            x = torch.cat([smooth, mask], 1)
        for layer in self.layers:
            x = layer(x)
            yield x
        image = self.paint(x)
        yield image if smooth is None else smooth + mask * image


class Gated(Translator, kind="gated"):
    """Gated and dilated convolutions that fill holes of any form, as in DeepFill v2's coarse net."""

    channels: int = Field(default=24, ge=1)
    """Channels of the finest map; four times the number on the coarsest."""
    residual: bool = False
    """Fill the holes smoothly first, and add what the net gives to that."""
    padding: Padding = "zero"
    """What lies beyond the edge: zeros, the mirror image, or the edge again."""

    def check(self, source: Spec, target: Spec) -> None:
        scale_of(source, target, "gated", least=4)
        if self.residual and source.shape[0] != target.shape[0] + 1:
            raise UserError(
                f"gated with residual=true fills holes: its source must be the target plus a mask channel, but has "
                f"{source.shape[0]} channels for {target.shape[0]}. Use a degradation with a mask, as in "
                "signal.degrade=strokes, or residual=false",
                code="nets.needs_mask",
            )

    def build(self, source: Spec, target: Spec) -> nn.Module:
        self.check(source, target)
        return GatedNet(source.shape[0], target.shape[0], self.channels, self.padding, self.residual)
