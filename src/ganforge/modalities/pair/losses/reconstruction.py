"""Losses between an output and its target.

    l1                   mean |y − t|                                   Isola et al. 2017
    l2                   mean (y − t)²                                  Ledig et al. 2017, as the content of SRResNet
    charbonnier          mean √((y − t)² + ε²)                          Charbonnier et al. 1994; Lai et al. 2017
    total_variation      mean |y→ − y| + mean |y↓ − y|                  Rudin et al. 1992; Johnson et al. 2016
    feature_match        mean over critics and layers of mean |D_l(y) − D_l(t)|     Wang et al. 2018 (pix2pixHD)
    perceptual           Σ_l s_l · mean |φ_l(y) − φ_l(t)|               Johnson et al. 2016; Wang et al. 2018 (ESRGAN)
    style                Σ_l s_l · ‖Gram φ_l(y) − Gram φ_l(t)‖²,  Gram φ = φφᵀ / (F·h·w)        Gatys et al. 2016

y [N, C, H, W] the output, t [N, C, H, W] the target, both in [-1, 1]; φ_l [N, F, h, w]: map l through the task's
lens, D_l: hidden layer l of a critic, s_l: its share. Losses [N].
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from ganforge.core.errors import UserError
from ganforge.core.types import wide
from ganforge.losses.base import ReconstructionLoss, TranslatedPair


class _ByPixel(ReconstructionLoss):
    """A mean over all values of an image."""

    hole: float = Field(default=1.0, ge=0)
    """Weight of the pixels that are filled, if there is a mask."""
    rest: float = Field(default=1.0, ge=0)
    """Weight of the known pixels, if there is a mask."""

    def loss(self, pair: TranslatedPair) -> Tensor:
        loss = self.of(wide(pair.raw) - pair.target)
        if pair.mask is not None:
            loss = loss * (self.rest + (self.hole - self.rest) * pair.mask)
        return loss.mean((1, 2, 3))

    def of(self, difference: Tensor) -> Tensor:
        """The loss of each number."""
        raise NotImplementedError


class L1(_ByPixel, kind="l1"):
    """Mean absolute error of the pixels: blurs where several outputs are plausible, but is never far off."""

    def of(self, difference: Tensor) -> Tensor:
        return difference.abs()


class L2(_ByPixel, kind="l2"):
    """Mean squared error of the pixels: what PSNR measures."""

    def of(self, difference: Tensor) -> Tensor:
        return difference.square()


class Charbonnier(_ByPixel, kind="charbonnier"):
    """Like l1, but differentiable where the difference is 0."""

    eps: float = Field(default=1e-3, gt=0)
    """Differences well below this count quadratically."""

    def of(self, difference: Tensor) -> Tensor:
        return (difference.square() + self.eps**2).sqrt()


class TotalVariation(ReconstructionLoss, kind="total_variation"):
    """Neighboring pixels should be alike: less noise, less detail."""

    paired = False

    def loss(self, pair: TranslatedPair) -> Tensor:
        y = wide(pair.made)
        across, down = (y[..., 1:] - y[..., :-1]).abs(), (y[..., 1:, :] - y[..., :-1, :]).abs()
        return across.mean((1, 2, 3)) + down.mean((1, 2, 3))


class FeatureMatch(ReconstructionLoss, kind="feature_match"):
    """Matches the critics' hidden layers on output and target: stabilizes the training, needs no other net."""

    sees = "critics"

    def loss(self, pair: TranslatedPair) -> Tensor:
        return torch.stack([apart(a, b) for a, b in zip(*pair.critic_features, strict=True)]).mean(0)


class _Seen(ReconstructionLoss):
    """A sum over the feature maps of the task's lens."""

    sees = "lens"
    shares: tuple[float, ...] | None = None
    """Weight of each map, from fine to coarse; by default equal, 1 in sum."""

    def loss(self, pair: TranslatedPair) -> Tensor:
        maps = list(zip(*pair.features, strict=True))
        shares = self.shares or [1 / len(maps)] * len(maps)
        if len(shares) != len(maps):
            raise UserError(
                f"task.terms: {self.kind} has {len(shares)} shares, but the lens yields {len(maps)} maps",
                code="loss.wrong_number_of_shares",
            )
        return torch.stack([share * self.of(a, b) for share, (a, b) in zip(shares, maps, strict=True)]).sum(0)

    def of(self, made: Tensor, wanted: Tensor) -> Tensor:
        """The loss [N] of one map."""
        raise NotImplementedError


class Perceptual(_Seen, kind="perceptual"):
    """Features of output and target should agree: sharper than l1, less exact."""

    def of(self, made: Tensor, wanted: Tensor) -> Tensor:
        return apart(made, wanted)


class Style(_Seen, kind="style"):
    """Correlations of features, regardless of place, should match those of the target: its style."""

    paired = False

    def of(self, made: Tensor, wanted: Tensor) -> Tensor:
        return (gram(made) - gram(wanted)).square().sum((1, 2))


def apart(a: Tensor, b: Tensor) -> Tensor:
    """Mean |a − b| of each sample, [N]."""
    return (wide(a) - wide(b)).abs().mean((1, 2, 3))


def gram(maps: Tensor) -> Tensor:
    """Gram matrices [N, F, F] of maps [N, F, h, w]."""
    rows = wide(maps).flatten(2)
    return rows @ rows.transpose(1, 2) / (rows.shape[1] * rows.shape[2])
