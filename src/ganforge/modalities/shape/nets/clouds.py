"""Nets of clouds of points that do not depend on the order of points, and the distances by which an autoencoder learns.

    pointnet D: each point by the same layers → max ‖ mean over points (or max) → layers → logit
    pointnet E: each point by the same layers, BN ReLU → max over points → latents            Achlioptas et al. 2018
    chamfer     mean over points of the squared distance to the nearest point of the other cloud, both ways, and
                optionally the sliced one: the mean squared difference of sorted projections      Rabin et al. 2011

N samples, P points.  x [N, 3, P].
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from ganforge.core.errors import UserError
from ganforge.core.types import Spec, wide
from ganforge.nets.base import Discriminator, DiscriminatorOutput, Encoder, Likelihood
from ganforge.nets.layers.labels import LabelTable

PROJECTIONS = 16


def check_cloud(shape: tuple[int, ...], who: str, features: bool = False) -> tuple[int, ...]:
    """The shape; raises UserError if it is not that of a cloud.

    Args:
        features: whether points may have a normal or a color besides.
    """
    if len(shape) != 2 or shape[0] not in ((3, 6) if features else (3,)):
        raise UserError(
            f"{who} nets are for clouds of points [3{' or 6' * features}, P], not for samples of shape {list(shape)}",
            code="nets.not_for_shape",
        )
    return shape


def per_point(widths: tuple[int, ...], norm: bool) -> nn.Sequential:
    """The same layers for each point, [N, widths[0], P] → [N, widths[-1], P]."""
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Conv1d(before, after, 1)]
        layers += [nn.BatchNorm1d(after), nn.ReLU()] if norm else [nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers)


class PointNetD(nn.Module):
    """The net of `PointNetDiscriminator`."""

    def __init__(self, widths: tuple[int, ...], head: tuple[int, ...], pool: str, spec: Spec):
        super().__init__()
        check_cloud(spec.shape, "pointnet", features=True)
        self.points = per_point((spec.shape[0], *widths), norm=False)
        self.both = pool == "both"
        sizes = ((2 if self.both else 1) * widths[-1], *head)
        self.rest = nn.Sequential(*[m for a, b in pairwise(sizes) for m in (nn.Linear(a, b), nn.LeakyReLU(0.2))])
        self.head = nn.Linear(sizes[-1], sizes[-1] if spec.classes else 1)
        self.label = LabelTable(spec.classes, sizes[-1], spec.classes**-0.5) if spec.classes else None

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        h = self.points(x)
        pooled = torch.cat([h.amax(2), h.mean(2)], 1) if self.both else h.amax(2)
        features = self.rest(pooled)
        outputs = self.head(features)
        if self.label is None:
            return DiscriminatorOutput(outputs.squeeze(1), features)
        e = self.label(c)
        return DiscriminatorOutput((outputs * e).sum(1) / math.sqrt(e.shape[1]), features)


class PointNetDiscriminator(Discriminator, kind="pointnet"):
    """The same layers for every point, pooled over points: for clouds of any number of points."""

    widths: tuple[int, ...] = Field(default=(64, 128, 256), min_length=1)
    """Number of units of each layer of a point."""
    head: tuple[int, ...] = Field(default=(256, 128), min_length=1)
    """Number of units of each layer after pooling."""
    pool: Literal["both", "max"] = "both"
    """How points are pooled: their maximum and their mean, or their maximum."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return check_cloud(shape, "pointnet", features=True)

    def build(self, spec: Spec) -> nn.Module:
        return PointNetD(self.widths, self.head, self.pool, spec)


class PointNetE(nn.Module):
    """The net of `PointNetEncoder`."""

    def __init__(self, widths: tuple[int, ...], seen: int, spec: Spec, latent: int):
        super().__init__()
        check_cloud(spec.shape, "pointnet", features=True)
        self.seen = seen
        self.points = per_point((spec.shape[0], *widths), norm=True)
        self.last = nn.Conv1d(widths[-1], latent, 1)
        self.norm = nn.BatchNorm1d(latent)

    def forward(self, x: Tensor, c: Tensor | None = None) -> tuple[Tensor, Tensor]:
        if self.training:
            x = some_points(x, self.seen)
        mean = self.norm(self.last(self.points(x))).amax(2)
        return mean, torch.zeros_like(mean)


class PointNetEncoder(Encoder, kind="pointnet"):
    """The same layers for every point, with batch norm, and their maximum over points; the variance is 1."""

    widths: tuple[int, ...] = Field(default=(64, 128, 128, 256), min_length=1)
    """Number of units of each layer of a point."""

    points: int = Field(default=512, ge=1)
    """Points that are drawn of each cloud in training; all are seen afterwards, and all of smaller clouds."""

    def build(self, spec: Spec, latent: int) -> nn.Module:
        return PointNetE(self.widths, self.points, spec, latent)


def some_points(x: Tensor, count: int) -> Tensor:
    """Points of clouds [N, 3, P] at the same random places, [N, 3, count]; all where there are no more."""
    return x if count >= x.shape[2] else x[:, :, torch.randperm(x.shape[2], device=x.device)[:count]]


def nearest_points(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Of clouds [N, 3, P] and [N, 3, Q], the nearest point of the other for each: indices [N, P] and [N, Q]."""
    found = []
    with torch.no_grad():
        for x, y in zip(a.transpose(1, 2), b, strict=True):  # one by one: the distances of a pair fit a cache
            away = torch.addmm(x.square().sum(1)[:, None] + y.square().sum(0), x, y, alpha=-2)  # [P, Q]
            found.append((away.min(1).indices, away.t().contiguous().min(1).indices))
    return torch.stack([one for one, _ in found]), torch.stack([two for _, two in found])


def chamfer(a: Tensor, b: Tensor) -> Tensor:
    """The Chamfer distance [N] of clouds [N, 3, P] and [N, 3, Q]: both mean squared distances added."""
    a, b = wide(a), wide(b)
    in_b, in_a = nearest_points(a, b)
    near_a = b.gather(2, in_b[:, None].expand(-1, b.shape[1], -1))
    near_b = a.gather(2, in_a[:, None].expand(-1, a.shape[1], -1))
    return (a - near_a).square().sum(1).mean(1) + (b - near_b).square().sum(1).mean(1)


def sliced(a: Tensor, b: Tensor, directions: Tensor) -> Tensor:
    """The squared sliced Wasserstein distance [N] of clouds of the same number of points, over directions [K, 3]."""
    ordered = [torch.einsum("kd,ndp->nkp", directions, wide(x)).sort(2).values for x in (a, b)]
    return (ordered[0] - ordered[1]).square().mean((1, 2))


class ChamferModule(nn.Module):
    """The distance of `Chamfer`."""

    def __init__(self, points: int, weight: float):
        super().__init__()
        self.points, self.weight = points, weight

    def nll(self, raw: Tensor, x: Tensor) -> Tensor:
        found = torch.zeros(len(x), dtype=wide(x).dtype, device=x.device)
        if self.training:
            raw, x = some_points(raw, self.points), some_points(x, self.points)
        if self.weight:
            directions = torch.nn.functional.normalize(torch.randn(PROJECTIONS, x.shape[1], dtype=found.dtype), dim=1)
            found = found + self.weight * sliced(raw, x, directions.to(x.device))
        return found + chamfer(raw, x)

    def draw(self, raw: Tensor, uniform: Tensor) -> Tensor:
        return raw


class Chamfer(Likelihood, kind="chamfer"):
    """For clouds: the Chamfer distance in place of a likelihood; samples are the points themselves."""

    points: int = Field(default=512, ge=1)
    """Points that are drawn of either cloud in a step; all of smaller clouds."""
    sliced: float = Field(default=0.0, ge=0)
    """Weight of the sliced Wasserstein distance, which also sees how densely points lie."""

    def build(self, spec: Spec, raw: tuple[int, ...] | None = None) -> nn.Module:
        check_cloud(spec.shape, "chamfer", features=True)
        return ChamferModule(self.points, self.sliced)
