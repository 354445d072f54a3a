"""Nets for windows of time series: convolutions along time.

G: z [N, L] → W z as [N, C₀, ⌈T/4⌉] → (double → conv 5 → batch norm → LeakyReLU) twice → conv 5 → x [N, C, T]
D: [x, Δx] → W → (residual blocks without norms → half) twice → blocks → Σ over steps of basis · h → logit [N]

The blocks of D are those of R3GAN (Huang et al. 2024) with convolutions over 3 steps:
h + W₃ act(W₂ ∗ act(W₁ h + b₁) + b₂), where W₃ starts at 0. Δx, the change from step to step, is joined as further
channels, times `EDGE`: what is small beside the level of a series would be seen late.

N samples, T steps, C channels, x [N, C, T].
"""

from __future__ import annotations

import math

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import avg_pool1d, interpolate, leaky_relu, pad

from ganforge.core.errors import UserError
from ganforge.core.types import Spec
from ganforge.nets.base import Discriminator, DiscriminatorOutput, Generator
from ganforge.nets.layers.labels import LabelTable

SLOPE = 0.2
GAIN = math.sqrt(2 / (1 + SLOPE**2))
EDGE = 3.0
SHORTEST = 4


def check(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape, if it is one of a window.

    Raises:
        UserError: it is not.
    """
    if len(shape) != 2 or shape[1] < SHORTEST:
        raise UserError(
            f"the nets series make windows of time series, [channels, at least {SHORTEST} steps], not samples of the "
            f"shape {'×'.join(map(str, shape))}",
            code="nets.not_for_shape",
        )
    return shape


class SeriesG(nn.Module):
    """The net of `SeriesGenerator`."""

    def __init__(self, latent: int, channels: int, spec: Spec):
        super().__init__()
        self.length = spec.shape[1]
        self.label = LabelTable(spec.classes, latent, spec.classes**-0.5) if spec.classes else None
        widths = (2 * channels, 3 * channels // 2, channels)
        self.begin = (self.length + 3) // 4
        self.start = nn.Linear(latent, widths[0] * self.begin)
        self.norm = nn.BatchNorm1d(widths[0])
        blocks: list[nn.Module] = []
        for before, after in ((widths[0], widths[1]), (widths[1], widths[2])):
            blocks += [nn.Sequential(nn.Conv1d(before, after, 5, padding=2), nn.BatchNorm1d(after))]
        self.blocks = nn.ModuleList(blocks)
        self.last = nn.Conv1d(widths[2], spec.shape[0], 5, padding=2)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        if self.label is not None:
            z = z + self.label(c)
        h = leaky_relu(self.norm(self.start(z).unflatten(1, (-1, self.begin))), SLOPE)
        for block in self.blocks:
            h = leaky_relu(block(interpolate(h, scale_factor=2.0, mode="nearest")), SLOPE)
        return self.last(h)[..., : self.length].contiguous()


class SeriesGenerator(Generator, kind="series"):
    """Windows from latents by convolutions along time, with batch norm."""

    latent: int = 64
    """Dimension of the latent z, drawn from a standard normal."""
    channels: int = Field(default=64, ge=2)
    """Channels at full length; at a quarter of it there are twice as many."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return check(shape)

    def build(self, spec: Spec) -> nn.Module:
        check(spec.shape)
        return SeriesG(self.latent, self.channels, spec)


class Block(nn.Module):
    """A residual block: [N, C, T] → the same."""

    def __init__(self, channels: int, group: int, gain: float):
        super().__init__()
        inner = 2 * channels
        groups = next(g for g in range(max(inner // group, 1), 0, -1) if inner % g == 0)
        self.widen = nn.Conv1d(channels, inner, 1)
        self.mix = nn.Conv1d(inner, inner, 3, padding=1, groups=groups)
        self.narrow = nn.Conv1d(inner, channels, 1, bias=False)
        for layer, inputs in ((self.widen, channels), (self.mix, 3 * inner // groups)):
            nn.init.normal_(layer.weight, 0.0, GAIN * gain / math.sqrt(inputs))
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)
        nn.init.zeros_(self.narrow.weight)

    def forward(self, h: Tensor) -> Tensor:
        return h + self.narrow(leaky_relu(self.mix(leaky_relu(self.widen(h), SLOPE)), SLOPE))


class SeriesD(nn.Module):
    """The net of `SeriesDiscriminator`."""

    def __init__(self, channels: int, group: int, spec: Spec):
        super().__init__()
        widths = (channels, 3 * channels // 2, 2 * channels)
        self.read = nn.Conv1d(2 * spec.shape[0], widths[0], 1, bias=False)
        self.blocks = nn.ModuleList(Block(width, group, len(widths) ** -0.25) for width in widths)
        self.change = nn.ModuleList(
            nn.Conv1d(a, b, 1, bias=False) for a, b in ((widths[0], widths[1]), (widths[1], widths[2]))
        )
        end = (spec.shape[1] + 3) // 4
        self.basis = nn.Parameter(torch.randn(widths[2], end) / math.sqrt(end))
        self.head = nn.Linear(widths[2], widths[2] if spec.classes else 1, bias=False)
        self.label = LabelTable(spec.classes, widths[2], spec.classes**-0.5) if spec.classes else None

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        steps = pad(x[..., 1:] - x[..., :-1], (1, 0))
        h = self.read(torch.cat([x, EDGE * steps], 1))
        for k, block in enumerate(self.blocks):
            h = block(h)
            if k < len(self.change):
                h = self.change[k](avg_pool1d(h, 2, ceil_mode=True))
        features = (h * self.basis).sum(2)  # [N, F]
        outputs = self.head(features)
        if self.label is None:
            return DiscriminatorOutput(outputs.squeeze(1), features)
        e = self.label(c)
        return DiscriminatorOutput((outputs * e).sum(1) / math.sqrt(e.shape[1]), features)


class SeriesDiscriminator(Discriminator, kind="series"):
    """A critic of windows and of their changes from step to step, without norms."""

    channels: int = Field(default=64, ge=2)
    """Channels at full length; at a quarter of it there are twice as many."""
    group: int = Field(default=16, ge=1)
    """Channels in a group of the convolution within a block."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return check(shape)

    def build(self, spec: Spec) -> nn.Module:
        check(spec.shape)
        return SeriesD(self.channels, self.group, spec)
