"""An encoder of volumes, and the loss by which an autoencoder learns where a solid is.

    voxels E    cells of 2³ as channels → conv 3³ → (conv 4³/2, BN LeakyReLU) … → linear → BN without weights → latents
    inside      mean over cells of   |x − raw|  +  w · H(x < 0, σ(−slope · d))
                d: raw in cells, H: the cross-entropy, w = exp(−|x in cells|) + 0.05 + ridge · [x is a ridge]
                a ridge: a cell inside that no cell around it is deeper than

A distance alone costs little where a thin part breaks: half a cell decides whether a cell is filled, and most cells are
far from any surface. So the second term asks on which side of the surface each cell is, most of all near it and where
parts are as thin as a cell: ridges are what holds a solid together, as the center lines of Shit et al. 2021 (clDice).

N samples, C channels, S cells a side, L latents.  x, raw [N, C, S, S, S] in [-1, 1].
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, max_pool3d

from ganforge.core.types import Spec, wide
from ganforge.modalities.shape.nets.grid import doublings
from ganforge.modalities.shape.nets.voxels import SLOPE, cells_to_channels
from ganforge.nets.base import Encoder, Likelihood

PATCH = 2
FAR = 0.05  # weight of cells far from the surface


class VoxelE(nn.Module):
    """The net of `VoxelEncoder`."""

    def __init__(self, channels: int, spec: Spec, latent: int):
        super().__init__()
        halvings = doublings(spec.shape, "voxels") - 1  # the first one is by cells
        base = spec.shape[1] >> (halvings + 1)
        layers: list[nn.Module] = [nn.Conv3d(spec.shape[0] * PATCH**3, channels, 3, padding=1), nn.LeakyReLU(SLOPE)]
        for _ in range(halvings):
            layers += [nn.Conv3d(channels, 2 * channels, 4, 2, 1, bias=False), nn.BatchNorm3d(2 * channels)]
            layers += [nn.LeakyReLU(SLOPE)]
            channels *= 2
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * base**3, latent))
        self.norm = nn.BatchNorm1d(latent, affine=False)

    def forward(self, x: Tensor, c: Tensor | None = None) -> tuple[Tensor, Tensor]:
        mean = self.norm(wide(self.layers(cells_to_channels(x, PATCH))))
        return mean, mean.new_zeros(mean.shape)


class VoxelEncoder(Encoder, kind="voxels"):
    """Convolutions of stride 2 for volumes; each latent has mean 0 and variance 1, so that noise on it has a scale."""

    channels: int = Field(default=32, ge=1)
    """Channels of the finest hidden grid; each coarser one has twice as many."""

    def build(self, spec: Spec, latent: int) -> nn.Module:
        return VoxelE(self.channels, spec, latent)


def ridges(x: Tensor) -> Tensor:
    """Cells inside (x below 0) that none of the 26 around them is deeper than, bool [N, C, S, S, S]."""
    return (x < 0) & (-max_pool3d(-x, 3, 1, 1) == x)


class InsideModule(nn.Module):
    """The loss of `Inside`."""

    def __init__(self, clip: float, slope: float, weight: float, ridge: float):
        super().__init__()
        self.clip, self.slope, self.weight, self.ridge = clip, slope, weight, ridge

    def nll(self, raw: Tensor, x: Tensor) -> Tensor:
        raw, x = wide(raw), wide(x)
        found = (raw - x).abs()
        if self.weight:
            side = binary_cross_entropy_with_logits(-self.slope * self.clip * raw, (x < 0).to(raw), reduction="none")
            near = (-self.clip * x.abs()).exp() + FAR
            found = found + self.weight * side * (near + self.ridge * ridges(x))
        return found.flatten(1).mean(1)

    def draw(self, raw: Tensor, uniform: Tensor) -> Tensor:
        return raw


class Inside(Likelihood, kind="inside"):
    """For volumes: the absolute distance to the real values and, where these are distances to a surface, on which side
    of it each cell is, in place of a likelihood; samples are G's output itself."""

    slope: float = Field(default=4.0, gt=0)
    """How fast a cell counts as inside, per cell of distance."""
    weight: float = Field(default=1.0, ge=0)
    """Weight of the side of the surface."""
    ridge: float = Field(default=1.0, ge=0)
    """Further weight of cells where the solid is thin or deepest. More keeps legs whole, and makes them thicker."""

    def build(self, spec: Spec, raw: tuple[int, ...] | None = None) -> nn.Module:
        weight = self.weight if spec.state.get("form") in ("occupancy", "distance") else 0.0
        return InsideModule(float(spec.state.get("clip", 1)), self.slope, weight, self.ridge)
