"""Blur: every pixel becomes a mean of those around it, weighted by a kernel.

    y = k ⋆ x,  Σ k = 1
    Gaussian   k(v) ∝ exp(−½·q),  q = vᵀ Σ⁻¹ v,  Σ = R diag(σ₁², σ₂²) Rᵀ,  R a turn by θ
    motion     k(v) ∝ max(0, 1 − distance of v to a segment of length L through 0 at the angle θ)
    defocus    k(v) ∝ max(0, min(1, r + ½ − |v|)): a disc, soft at its rim

and, of the kernels of Real-ESRGAN (Wang et al. 2021, after Liu et al. 2020),

    generalized Gaussian  k(v) ∝ exp(−½·q^β)          plateau  k(v) ∝ 1 / (1 + q^β)
    sinc (ringing)        k(v) ∝ ω·J₁(ω|v|) / (2π|v|), J₁ the Bessel function: all frequencies above ω are cut

v in px from the kernel's middle. Images are continued beyond their edges by the pixels there.
x [N, C, H, W], kernels [N, K, K], K odd.
"""

from __future__ import annotations

import math
from typing import Annotated, ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from ganforge.core.rng import Rng
from ganforge.modalities.pair.degrade.base import Alter, Range, draw, within


class Blur(Alter, kind="blur"):
    """Gaussian blur, isotropic or anisotropic."""

    number: ClassVar[str] = "sigma"

    sigma: Annotated[Range, within(0.05, 30)] = (2, 2)
    """Its standard deviation in px, or a..b."""
    aspect: Annotated[Range, within(1, 10)] = (1, 1)
    """Ratio of the deviations along and across an axis at a random angle, or a..b."""

    def alter(self, x: Tensor, rng: Rng) -> Tensor:
        n = x.shape[0]
        sigma, aspect = draw(rng, "sigma", self.sigma, n), draw(rng, "aspect", self.aspect, n)
        radius = math.ceil(3 * self.sigma[1] * self.aspect[1])
        q = ellipses(sigma * aspect, sigma, rng.uniform("angle", (n,), 0, math.pi), radius)
        return filtered(x, normalized(torch.exp(-0.5 * q)))


class Motion(Alter, kind="motion"):
    """Motion blur along a straight line."""

    number: ClassVar[str] = "length"

    length: Annotated[Range, within(1, 100)] = (15, 15)
    """Length of the movement in px, or a..b."""
    angle: Annotated[Range, within(0, 180)] = (0, 180)
    """The direction in degrees, or a..b; 0 is to the right, 90 up."""

    def alter(self, x: Tensor, rng: Rng) -> Tensor:
        n = x.shape[0]
        length, angle = draw(rng, "length", self.length, n), draw(rng, "angle", self.angle, n)
        return filtered(x, segments(length, torch.deg2rad(angle), math.ceil(self.length[1] / 2) + 1))


class Defocus(Alter, kind="defocus"):
    """Out-of-focus blur: every point becomes a disc."""

    number: ClassVar[str] = "radius"

    radius: Annotated[Range, within(0.5, 50)] = (3, 3)
    """Radius of the disc in px, or a..b."""

    def alter(self, x: Tensor, rng: Rng) -> Tensor:
        radius = draw(rng, "radius", self.radius, x.shape[0])[:, None, None]
        down, right = places(math.ceil(self.radius[1]) + 1, radius)
        return filtered(x, normalized((radius + 0.5 - torch.hypot(down, right)).clamp(0, 1)))


def filtered(x: Tensor, kernels: Tensor) -> Tensor:
    """Each image with its own kernel."""
    n, reach = x.shape[0], kernels.shape[-1] // 2
    x = functional.pad(x, [reach] * 4, mode="replicate").transpose(0, 1)  # [C, N, H, W]: a group an image
    return functional.conv2d(x, kernels[:, None].to(x.dtype), groups=n).transpose(0, 1)


def places(radius: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """How far down and to the right of the middle each weight of a kernel is, [K, 1] and [1, K], dtype as `like`."""
    along = torch.arange(-radius, radius + 1, device=like.device, dtype=like.dtype)
    return along[:, None], along


def ellipses(long: Tensor, short: Tensor, angle: Tensor, radius: int) -> Tensor:
    """q of each place for deviations [N] along and across an axis at an angle [N]: [N, K, K]."""
    down, right = places(radius, long)
    cos, sin = torch.cos(angle)[:, None, None], torch.sin(angle)[:, None, None]
    along, across = cos * right - sin * down, sin * right + cos * down
    return (along / long[:, None, None]) ** 2 + (across / short[:, None, None]) ** 2


def segments(length: Tensor, angle: Tensor, radius: int) -> Tensor:
    """Kernels [N, K, K] of movements by `length` px [N] at `angle` [N]."""
    down, right = places(radius, length)
    cos, sin = torch.cos(angle)[:, None, None], torch.sin(angle)[:, None, None]
    along, across = cos * right - sin * down, sin * right + cos * down
    beyond = (along.abs() - (length[:, None, None] - 1) / 2).clamp(min=0)
    return normalized((1 - torch.hypot(beyond, across)).clamp(min=0))


def rings(cutoff: Tensor, radius: int) -> Tensor:
    """Sinc kernels [N, K, K] that cut frequencies above `cutoff` [N], in radians a px."""
    down, right = places(radius, cutoff)
    distance = torch.hypot(down, right)
    cutoff = cutoff[:, None, None]
    wave = cutoff * torch.special.bessel_j1(cutoff * distance) / (2 * math.pi * distance.clamp(min=1e-6))
    return normalized(torch.where(distance == 0, cutoff.square() / (4 * math.pi), wave))


def normalized(kernels: Tensor) -> Tensor:
    """Weights that sum to 1."""
    return kernels / kernels.sum((1, 2), keepdim=True)
