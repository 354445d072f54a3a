"""Noise: of the sensor (Gaussian), of few photons (Poisson), of broken pixels (salt and pepper).

    Gaussian         x + σ·ε,                       ε ~ N(0, 1)
    Poisson          255·k / λ,                     k ~ Poisson(λ·x / 255): λ photons make white
    salt and pepper  0 or 255, each half the time, at a share of the places; x elsewhere

x [N, C, H, W] in 0..255; σ, λ and the share are one number an image.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import torch
from torch import Tensor

from ganforge.core.rng import Rng
from ganforge.modalities.pair.degrade.base import Alter, Range, draw, per_image, seeds, within


class Gaussian(Alter, kind="gaussian"):
    """Gaussian noise."""

    number: ClassVar[str] = "sigma"

    sigma: Annotated[Range, within(0, 255)] = (25, 25)
    """Its standard deviation in gray levels of 255, or a..b."""
    gray: bool = False
    """The same noise in all channels."""

    def alter(self, x: Tensor, rng: Rng) -> Tensor:
        n, channels, height, width = x.shape
        noise = rng.normal("noise", (n, 1 if self.gray else channels, height, width))
        return x + per_image(draw(rng, "sigma", self.sigma, n)) * noise


class Poisson(Alter, kind="poisson"):
    """Shot noise: stronger in bright areas, and stronger the fewer the photons."""

    number: ClassVar[str] = "photons"

    photons: Annotated[Range, within(1, 1e6)] = (60, 60)
    """Number of photons of a white pixel, or a..b."""

    def alter(self, x: Tensor, rng: Rng) -> Tensor:
        photons = per_image(draw(rng, "photons", self.photons, x.shape[0]))
        counts = [
            torch.poisson(mean, generator=torch.Generator().manual_seed(seed))
            for mean, seed in zip((photons * x / 255).cpu(), seeds(rng, x.shape[0]), strict=True)
        ]
        return torch.stack(counts).to(x.device) * 255 / photons


class SaltPepper(Alter, kind="salt_pepper"):
    """Single pixels that are black or white."""

    number: ClassVar[str] = "percent"

    percent: Annotated[Range, within(0, 100)] = (5, 5)
    """Percentage of the pixels, or a..b."""

    def alter(self, x: Tensor, rng: Rng) -> Tensor:
        n, _, height, width = x.shape
        share = per_image(draw(rng, "percent", self.percent, n)) / 100
        u = rng.uniform("where", (n, 1, height, width))
        x = torch.where(u < share, torch.zeros_like(x), x)
        return torch.where(u < share / 2, torch.full_like(x, 255), x)
