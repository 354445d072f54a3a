"""The degradations that cameras, programs and the web apply to images, in two rounds.

Wang et al. 2021, "Real-ESRGAN: Training Real-World Blind Super-Resolution with Pure Synthetic Data". Each image has
its own draws:

    y = D₂(D₁(x)),   Dᵢ = JPEG ∘ noise ∘ resize ∘ blur
    D₂ ends in  (sinc ∘ resize to 1/s, then JPEG)  or  (JPEG, then sinc ∘ resize to 1/s), one as likely as the other

Blur: one of the six Gaussian kinds or a sinc filter. Resize: larger, smaller or not at all, by area, bilinear or
bicubic. Noise: Gaussian or Poisson, in color or gray. x [N, C, H, W] in 0..255 → y [N, C, H/s, W/s].
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ganforge.core.rng import Rng
from ganforge.modalities.pair.degrade.base import one_by_one, seeds, whole
from ganforge.modalities.pair.degrade.blur import ellipses, filtered, normalized, rings
from ganforge.modalities.pair.degrade.jpeg import written
from ganforge.modalities.pair.degrade.resample import Smaller, bicubic

Draws = np.random.Generator


@dataclass(frozen=True)
class Order:
    """The settings of one of the two rounds, as in the paper's configuration.

    Attributes:
        blurred: how often there is any blur. sigma: its deviation in px.
        ways: how often an image gets larger, smaller, and neither. sizes: by how much.
        gauss: deviation of Gaussian noise in gray levels. poisson: strength of Poisson noise.
    """

    blurred: float
    sigma: tuple[float, float]
    ways: tuple[float, float, float]
    sizes: tuple[float, float]
    gauss: tuple[float, float]
    poisson: tuple[float, float]


FIRST = Order(1.0, (0.2, 3.0), (0.2, 0.7, 0.1), (0.15, 1.5), (1, 30), (0.05, 3.0))
SECOND = Order(0.8, (0.2, 1.5), (0.3, 0.4, 0.3), (0.3, 1.2), (1, 25), (0.05, 2.5))
RADII = (3, 10)  # of kernels, in px
SINC, LAST_SINC = 0.1, 0.8  # how often the blur is a sinc filter; how often there is one at the end
KINDS = ((0.45, "gauss", False), (0.25, "gauss", True), (0.12, "general", False), (0.03, "general", True),
         (0.12, "plateau", False), (0.03, "plateau", True))  # fmt: skip
"""How often each kind of kernel comes, and whether it is longish."""
GENERAL, PLATEAU = (0.5, 4.0), (1.0, 2.0)  # β
GAUSSIAN_NOISE, GRAY_NOISE = 0.5, 0.4  # how often
QUALITY = (30, 95)


class SecondOrder(Smaller, kind="second_order"):
    """Blur, resizing, noise and JPEG, twice, each drawn for every image: Real-ESRGAN's images of the real world."""

    def apply(self, x: Tensor, rng: Rng) -> Tensor:
        size = (x.shape[2] // self.by, x.shape[3] // self.by)
        draws = [Draws(np.random.PCG64(seed)) for seed in seeds(rng.at(self.kind), x.shape[0])]
        return torch.cat(one_by_one(lambda one, g: degraded(one, size, g), x.cpu().split(1), draws)).to(x.device)


def degraded(x: Tensor, size: tuple[int, int], g: Draws) -> Tensor:
    """One image [1, C, H, W] after both rounds, [1, C, *size]."""
    full = (x.shape[2], x.shape[3])
    x = jpeg(one_round(x, full, FIRST, g), g)
    x = one_round(x, size, SECOND, g)
    if g.random() < 0.5:
        return jpeg(ringing(resized(x, size, g), g), g)
    return whole(ringing(resized(jpeg(x, g), size, g), g))


def one_round(x: Tensor, full: tuple[int, int], order: Order, g: Draws) -> Tensor:
    """Blur, resizing relative to the size `full`, noise."""
    if g.random() < order.blurred:
        x = filtered(x, blur_kernel(order.sigma, g, x.dtype))
    way = g.choice(3, p=order.ways)
    factor = (g.uniform(1, order.sizes[1]), g.uniform(order.sizes[0], 1), 1.0)[way]
    x = resized(x, (max(1, round(full[0] * factor)), max(1, round(full[1] * factor))), g)
    return noisy(x.clamp(0, 255), order, g)


def blur_kernel(sigma: tuple[float, float], g: Draws, dtype: torch.dtype) -> Tensor:
    """A kernel [1, K, K]."""
    radius = int(g.integers(RADII[0], RADII[1] + 1))
    if g.random() < SINC:
        low = math.pi / 3 if radius < 7 else math.pi / 5
        return rings(torch.tensor([g.uniform(low, math.pi)], dtype=dtype), radius)
    _, kind, longish = KINDS[g.choice(len(KINDS), p=[share for share, _, _ in KINDS])]
    long = torch.tensor([g.uniform(*sigma)], dtype=dtype)
    short = torch.tensor([g.uniform(*sigma)], dtype=dtype) if longish else long
    q = ellipses(long, short, torch.tensor([g.uniform(-math.pi, math.pi)], dtype=dtype), radius)
    if kind == "gauss":
        return normalized(torch.exp(-0.5 * q))
    low, high = GENERAL if kind == "general" else PLATEAU
    beta = g.uniform(low, 1) if g.random() < 0.5 else g.uniform(1, high)  # flatter as often as steeper
    return normalized(torch.exp(-0.5 * q**beta) if kind == "general" else 1 / (1 + q**beta))


def resized(x: Tensor, size: tuple[int, int], g: Draws) -> Tensor:
    """Another size, by one of three ways."""
    way = g.integers(3)
    if tuple(x.shape[2:]) == size:
        return x
    if way == 0:
        return functional.interpolate(x, size, mode="area")
    if way == 1:
        return functional.interpolate(x, size, mode="bilinear", align_corners=False)
    return bicubic(x, *size)


def noisy(x: Tensor, order: Order, g: Draws) -> Tensor:
    """Noise of one kind, in color or gray."""
    gaussian, gray = g.random() < GAUSSIAN_NOISE, g.random() < GRAY_NOISE
    if gaussian:
        channels = 1 if gray else x.shape[1]
        noise = g.standard_normal((1, channels, *x.shape[2:]), np.float32)
        return x + g.uniform(*order.gauss) * torch.from_numpy(noise)
    seen = x.mean(1, keepdim=True) if gray else x
    counts = torch.from_numpy(g.poisson(seen.numpy()).astype(np.float32))  # a photon a gray level
    return x + g.uniform(*order.poisson) * (counts - seen)


def ringing(x: Tensor, g: Draws) -> Tensor:
    """A sinc filter, most of the times."""
    if g.random() >= LAST_SINC:
        return x
    cutoff = torch.tensor([g.uniform(math.pi / 3, math.pi)], dtype=x.dtype)
    return filtered(x, rings(cutoff, int(g.integers(RADII[0], RADII[1] + 1))))


def jpeg(x: Tensor, g: Draws) -> Tensor:
    """JPEG artifacts."""
    pixels = whole(x).byte()[0].permute(1, 2, 0).numpy()
    back = written(pixels, round(g.uniform(*QUALITY)))
    return torch.from_numpy(np.array(back)).permute(2, 0, 1)[None].to(x)
