"""The generator of tree-GAN: a cloud grows as a tree from one point (Shu, Park & Kwon 2019).

    layer l: each point h branches into d_l points, each by a matrix of its own;
             h' = act(loop(h) + Σ over its ancestors q of U_q q + b),   loop: support · F hidden units, linear

Degrees 1, 2, 2, 2, 2, 2, 64 and features 96-256-256-256-128-128-128-3 make 2,048 points. Other numbers of points
change the last degree. The last layer ends in tanh here; labels join z and are an addition of this project.

N samples, P points.  z [N, 96], x [N, 3, P].
"""

from __future__ import annotations

import math

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from ganforge.core.errors import UserError
from ganforge.core.types import Spec
from ganforge.modalities.shape.nets.clouds import check_cloud
from ganforge.nets.base import Generator
from ganforge.nets.layers.labels import LabelTable

DEGREES = (1, 2, 2, 2, 2, 2)
"""Of all layers but the last."""
FEATURES = (256, 256, 256, 128, 128, 128)


class TreeLayer(nn.Module):
    """All points of a level [N, n, F] to those of the next [N, n·d, F'].

    Args:
        features: of all levels so far, the first first. nodes: n.
    """

    def __init__(self, features: list[int], after: int, nodes: int, degree: int, support: int, last: bool):
        super().__init__()
        before = features[-1]
        self.degree, self.last = degree, last
        self.ancestors = nn.ModuleList(nn.Linear(width, after, bias=False) for width in features)
        self.branch = nn.Parameter(torch.empty(nodes, before, degree * before))
        self.loop = nn.Sequential(
            nn.Linear(before, before * support, bias=False), nn.Linear(before * support, after, bias=False)
        )
        self.bias = nn.Parameter(torch.empty(1, degree, after).uniform_(-(after**-0.5), after**-0.5))
        nn.init.xavier_uniform_(self.branch)

    def forward(self, tree: list[Tensor]) -> Tensor:
        count, nodes = tree[-1].shape[:2]
        grown = torch.einsum("nij,ijk->nik", tree[-1], self.branch)
        grown = leaky_relu(grown, 0.2).reshape(count, nodes * self.degree, -1)
        root = sum(
            linear(level).repeat_interleave(nodes // level.shape[1], 1)
            for linear, level in zip(self.ancestors, tree, strict=True)
        )
        h = self.loop(grown) + torch.as_tensor(root).repeat_interleave(self.degree, 1)
        h = h + self.bias.repeat(1, nodes, 1)
        return h if self.last else leaky_relu(h, 0.2)


class TreeG(nn.Module):
    """The net of `TreeGenerator`."""

    def __init__(self, latent: int, features: tuple[int, ...], support: int, spec: Spec):
        super().__init__()
        self.label = LabelTable(spec.classes, latent, 0.25) if spec.classes else None
        nodes, widths, layers = 1, [latent], []
        for degree, after in zip(DEGREES, features, strict=True):
            layers.append(TreeLayer(widths, after, nodes, degree, support, False))
            nodes, widths = nodes * degree, [*widths, after]
        layers.append(TreeLayer(widths, 3, nodes, spec.shape[1] // nodes, support, True))
        self.layers = nn.ModuleList(layers)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        if self.label is not None:
            z = z + self.label(c)
        tree = [z[:, None]]
        for layer in self.layers:
            tree.append(layer(tree))
        return tree[-1].tanh().transpose(1, 2)


class TreeGenerator(Generator, kind="tree"):
    """A tree of points that branches from level to level."""

    latent: int = 96
    """Dimension of the latent z, drawn from a standard normal."""
    features: tuple[int, ...] = Field(default=FEATURES, min_length=len(FEATURES), max_length=len(FEATURES))
    """Features of a point of each level but the last."""
    support: int = Field(default=10, ge=1)
    """Hidden units of a loop, as a multiple of the features."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        leaves = math.prod(DEGREES)
        return (check_cloud(shape, "tree")[0], max(1, round(shape[1] / leaves)) * leaves)

    def build(self, spec: Spec) -> nn.Module:
        near = self.nearest(spec.shape)
        if near != tuple(spec.shape):
            raise UserError(
                f"tree nets cannot make {spec.shape[1]} points; the nearest count is {near[1]}",
                code="nets.unreachable_size",
            )
        return TreeG(self.latent, self.features, self.support, spec)
