"""A generator of returns with stochastic volatility (Taylor 1982), whose volatility is a net of noise and of the past.

    s_t   slow: z₀ → linear → points every 16 steps → conv → interpolated along a line     calm and wild times
    f_t   fast: causal convolutions (dilations 1, 2, 4, 8) over ε up to t − 1               shocks and leverage
    x_t = m(f_t) + exp(σ(s_t, f_t)) · A ε_t,   ε_t ~ N(0, 1),   A [K, K] from the identity, σ bounded by ±2

Each step has noise of its own, so that a window of T steps is no function of a few numbers. Returns are to be scaled
to variance 1 and no further (`scaling=standard`): a product σ ε has heavy tails where σ has clusters, and returns that
were made normal have the clusters without the tails.

N samples, T steps, K channels, x [N, K, T].
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu, pad

from ganforge.core.types import Spec
from ganforge.modalities.series.nets import check
from ganforge.nets.base import Generator
from ganforge.nets.layers.labels import LabelTable

SLOPE = 0.2
SLOW = 32  # numbers of z₀
POINT = 16  # steps
DILATIONS = (1, 2, 4, 8)
BEFORE = sum(2 * d for d in DILATIONS)  # steps of noise before the first
WIDEST = 2.0
SPREAD = 0.5  # about the standard deviation of ln σ at the start


class VolatilityG(nn.Module):
    """The net of `VolatilityGenerator`."""

    def __init__(self, latent: int, channels: int, spec: Spec):
        super().__init__()
        (self.columns, self.steps), self.slow = spec.shape, min(SLOW, max(1, latent // 2))
        self.label = LabelTable(spec.classes, self.slow, spec.classes**-0.5) if spec.classes else None
        self.points = -(-self.steps // POINT) + 1
        self.start = nn.Linear(self.slow, channels * self.points)
        self.mix = nn.Conv1d(channels, channels, 3, padding=1)
        self.past = nn.ModuleList(
            nn.Conv1d(self.columns if k == 0 else channels, channels, 3, dilation=d) for k, d in enumerate(DILATIONS)
        )
        self.sigma = nn.Conv1d(2 * channels, self.columns, 1)
        self.mean = nn.Conv1d(channels, self.columns, 1)
        self.shocks = nn.Parameter(torch.eye(self.columns))
        self._begin(channels)

    @torch.no_grad()
    def _begin(self, channels: int) -> None:
        """Weights with which volatility already has clusters; by torch's own it is nearly constant, and stays so."""
        for layer in (self.start, self.mix, *self.past):
            assert isinstance(layer, nn.Linear | nn.Conv1d)
            nn.init.kaiming_normal_(layer.weight, a=SLOPE)
        weight = self.start.weight.unflatten(0, (channels, self.points))
        level = torch.randn_like(weight[:, :1]) * weight.std()
        self.start.weight.copy_(((weight + level) * 0.5**0.5).flatten(0, 1))
        nn.init.normal_(self.sigma.weight, 0.0, SPREAD * channels**-0.5)
        nn.init.normal_(self.mean.weight, 0.0, 0.02)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        level = z[:, : self.slow]
        if self.label is not None:
            level = level + self.label(c)
        wanted = self.columns * (self.steps + BEFORE)
        rest = z[:, self.slow :]
        noise = rest.repeat(1, -(-wanted // rest.shape[1]))[:, :wanted].unflatten(1, (self.columns, -1))
        s = leaky_relu(self.start(level), SLOPE).unflatten(1, (-1, self.points))
        s = leaky_relu(self.mix(s), SLOPE)
        s = interpolate(s, size=self.points * POINT, mode="linear")[..., POINT // 2 : POINT // 2 + self.steps]
        f = noise
        for layer in self.past:
            f = leaky_relu(layer(f), SLOPE)
        f = pad(f, (1, 0))[..., : self.steps]  # of steps before t alone
        sigma = WIDEST * torch.tanh(self.sigma(torch.cat([s, f], 1)) / WIDEST)
        shock = torch.einsum("kj,njt->nkt", self.shocks, noise[..., BEFORE:])
        return self.mean(f) + sigma.exp() * shock


class VolatilityGenerator(Generator, kind="volatility"):
    """Returns as noise times a volatility that a net makes of slow noise and of past shocks."""

    latent: int = 1_024
    """Numbers of noise: 32 slow ones, and one for each column and each of T + 30 steps; more are not used, fewer are
    repeated."""
    channels: int = Field(default=24, ge=1)
    """Channels of the convolutions."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return check(shape)

    def build(self, spec: Spec) -> nn.Module:
        check(spec.shape)
        return VolatilityG(self.latent, self.channels, spec)
