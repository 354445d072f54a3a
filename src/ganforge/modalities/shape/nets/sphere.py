"""A generator of clouds that moves the points of a sphere, after SP-GAN (Li et al. 2021).

    each point: its place s on the sphere, and the latent z of the whole shape
    h = act(A [s, z]);   twice: h ← AdaIN(act(A h_i + max over the k nearest on the sphere of B h_j), style(s, z))
    g = max over points of h;   x = tanh(layers [h, g])

An edge convolution of one layer, max over j of act(W₁ h_i + W₂ (h_j − h_i)), is act((W₁ − W₂) h_i + max over j of W₂
h_j), for act rises with its argument: nothing is computed edge by edge. Departure: neighbors are those on the sphere in
both layers.

N samples, P points, L width of z.  z [N, L], x [N, 3, P].
"""

from __future__ import annotations

import math

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from ganforge.core.types import Spec
from ganforge.modalities.shape.nets.clouds import check_cloud
from ganforge.nets.base import Generator
from ganforge.nets.layers.labels import LabelTable


def sphere(count: int) -> Tensor:
    """Points spread evenly over the unit sphere (a Fibonacci lattice), float32 [count, 3]."""
    k = torch.arange(count, dtype=torch.float64) + 0.5
    z, turn = 1 - 2 * k / count, math.pi * (1 + 5**0.5) * k
    return torch.stack([turn.cos() * (1 - z * z).sqrt(), turn.sin() * (1 - z * z).sqrt(), z], 1).float()


class EdgeLayer(nn.Module):
    """An edge convolution on fixed neighbors, normalized over points and scaled by a style: [N, P, F] → [N, P, F']."""

    def __init__(self, before: int, after: int, style: int):
        super().__init__()
        self.own, self.near = nn.Linear(before, after), nn.Linear(before, after, bias=False)
        self.style = nn.Linear(style, 2 * after)
        nn.init.normal_(self.style.weight, 0.0, 0.3 / math.sqrt(style))
        nn.init.zeros_(self.style.bias)

    def forward(self, h: Tensor, neighbors: Tensor, style: Tensor) -> Tensor:
        near = self.near(h)
        with torch.no_grad():  # which neighbor is the greatest, so that only these are gathered with a gradient
            best, place = near[:, neighbors[:, 0]], neighbors[:, 0].view(1, -1, 1).expand(near.shape)
            for other in neighbors.unbind(1)[1:]:
                value = near[:, other]
                place = torch.where(value > best, other.view(1, -1, 1), place)
                best = torch.maximum(value, best)
        h = leaky_relu(self.own(h) + near.gather(1, place), 0.2)
        h = (h - h.mean(1, keepdim=True)) / (h.var(1, keepdim=True, unbiased=False) + 1e-5).sqrt()
        scale, shift = self.style(style).chunk(2, 2)
        return h * (1 + scale) + shift


class SphereG(nn.Module):
    """The net of `SphereGenerator`."""

    places: Tensor
    neighbors: Tensor

    def __init__(self, latent: int, channels: int, near: int, spec: Spec):
        super().__init__()
        check_cloud(spec.shape, "sphere")
        places = sphere(spec.shape[1])
        near = min(near, len(places))
        self.register_buffer("places", places, persistent=False)
        self.register_buffer("neighbors", (places @ places.T).topk(near, dim=1).indices, persistent=False)
        self.label = LabelTable(spec.classes, channels, (3 * latent) ** -0.5) if spec.classes else None
        self.whole, self.place = nn.Linear(latent, channels), nn.Linear(3, channels, bias=False)
        self.edges = nn.ModuleList(
            EdgeLayer(before, after, channels) for before, after in ((channels, channels), (channels, 2 * channels))
        )
        self.local, self.globally = nn.Linear(2 * channels, 4 * channels), nn.Linear(2 * channels, 4 * channels)
        self.tail = nn.Sequential(
            nn.LeakyReLU(0.2), nn.Linear(4 * channels, channels), nn.LeakyReLU(0.2), nn.Linear(channels, 3)
        )

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        h = self.whole(z)
        if self.label is not None:
            h = h + self.label(c)
        style = leaky_relu(h[:, None] + self.place(self.places.to(z.dtype)), 0.2)  # [N, P, F]
        h = style
        for layer in self.edges:
            h = layer(h, self.neighbors, style)
        return self.tail(self.local(h) + self.globally(h.amax(1))[:, None]).tanh().transpose(1, 2)


class SphereGenerator(Generator, kind="sphere"):
    """Moves the points of a sphere; neighbors stay neighbors, so the cloud is a surface."""

    latent: int = 128
    """Dimension of the latent z, drawn from a standard normal."""
    channels: int = Field(default=32, ge=1)
    """Units of the first layer of a point (64 in the paper); others have two or four times as many."""
    near: int = Field(default=10, ge=1)
    """Neighbors of a point."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return check_cloud(shape, "sphere")

    def build(self, spec: Spec) -> nn.Module:
        return SphereG(self.latent, self.channels, self.near, spec)
