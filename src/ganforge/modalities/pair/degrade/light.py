"""Light and air: without color, too dark, behind haze, in the rain.

    gray       0.299·R + 0.587·G + 0.114·B (Rec. 601)
    low light  255·β·(α·x/255)^γ                       Lv et al. 2021, "Attention Guided Low-Light Image Enhancement"
    haze       x·t + A·(1 − t),  t = exp(−β·d)         Koschmieder 1924; β and A as in RESIDE (Li et al. 2019)
    rain       x + 255·s·l,  l: sparse drops, drawn out along one direction

The depth d of a photo is not known: here it goes from 0 at its lower edge to 1 at its upper one, as over open land, and
hills and hollows of low frequency lie over it. x [N, C, H, W] in 0..255.
"""

from __future__ import annotations

import math
from typing import Annotated, ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from ganforge.core.rng import Rng
from ganforge.modalities.pair.degrade.base import Alter, Degrade, Range, draw, per_image, whole, within
from ganforge.modalities.pair.degrade.blur import filtered, segments

HILLS = 4  # knots a side of the field that lies over the depth


class Gray(Degrade, kind="gray"):
    """Without color: one channel."""

    def channels(self, channels: int) -> int:
        return 1

    def apply(self, x: Tensor, rng: Rng) -> Tensor:
        if x.shape[1] == 1:
            return x
        shares = torch.tensor([0.299, 0.587, 0.114], device=x.device, dtype=x.dtype)
        return whole((x * shares[:, None, None]).sum(1, keepdim=True))


class LowLight(Alter, kind="low_light"):
    """Underexposure, strongest in dark areas."""

    number: ClassVar[str] = "gamma"

    gamma: Annotated[Range, within(1, 10)] = (1.5, 5)
    """γ, or a..b: 1 keeps the tone curve, 5 leaves only the highlights."""
    gain: Annotated[Range, within(0, 1)] = (0.5, 1)
    """β, how bright white is left, or a..b."""
    exposure: Annotated[Range, within(0, 1)] = (0.9, 1)
    """α, or a..b."""

    def alter(self, x: Tensor, rng: Rng) -> Tensor:
        n = x.shape[0]
        gamma, gain, exposure = (
            per_image(draw(rng, name, getattr(self, name), n)) for name in ("gamma", "gain", "exposure")
        )
        return 255 * gain * (exposure * x / 255) ** gamma


class Haze(Alter, kind="haze"):
    """Haze that gets denser with the distance, which is assumed to grow upwards."""

    number: ClassVar[str] = "density"

    density: Annotated[Range, within(0, 10)] = (0.6, 1.8)
    """β, or a..b: at 1, 37% of the farthest objects remains visible."""
    air: Annotated[Range, within(0, 255)] = (178, 255)
    """A, the gray level of the haze, or a..b."""

    def alter(self, x: Tensor, rng: Rng) -> Tensor:
        n, _, height, width = x.shape
        up = torch.linspace(1, 0, height, device=x.device, dtype=x.dtype)[:, None]
        hills = rng.normal("hills", (n, 1, HILLS, HILLS)) * 0.15
        hills = functional.interpolate(hills, (height, width), mode="bicubic", align_corners=True)
        left = torch.exp(-per_image(draw(rng, "density", self.density, n)) * (up + hills).clamp(0, 1))
        return x * left + per_image(draw(rng, "air", self.air, n)) * (1 - left)


class Rain(Alter, kind="rain"):
    """Streaks of rain, all in one direction."""

    number: ClassVar[str] = "percent"

    percent: Annotated[Range, within(0, 20)] = (0.1, 0.5)
    """Percentage of pixels where a streak begins, or a..b."""
    length: Annotated[Range, within(3, 100)] = (12, 30)
    """Length of a streak in px, or a..b."""
    slant: Annotated[Range, within(0, 60)] = (0, 30)
    """Angle from the vertical in degrees, to the left or right, or a..b."""
    strength: Annotated[Range, within(0, 1)] = (0.25, 0.6)
    """Brightness of a streak as a share of white, or a..b."""

    def alter(self, x: Tensor, rng: Rng) -> Tensor:
        n, _, height, width = x.shape
        drops = rng.uniform("drops", (n, 1, height, width)) < per_image(draw(rng, "percent", self.percent, n)) / 100
        bright = rng.uniform("bright", (n, 1, height, width), 0.4, 1) * drops
        length = draw(rng, "length", self.length, n)
        side = torch.where(rng.uniform("side", (n,)) < 0.5, -1.0, 1.0)
        angle = math.pi / 2 + torch.deg2rad(draw(rng, "slant", self.slant, n)) * side
        streaks = filtered(bright, segments(length, angle, math.ceil(self.length[1] / 2) + 1)) * per_image(length)
        return x + 255 * per_image(draw(rng, "strength", self.strength, n)) * streaks.clamp(0, 1)
