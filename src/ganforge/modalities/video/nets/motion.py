"""A generator of films that knows time as a number: content once, motion at any time, each frame by a 2-D net.

Motion as in Skorokhodov et al. 2022, "StyleGAN-V": noise at regular times, convolutions over it without padding, waves
of learned frequencies. Frames by the net of Radford et al. 2016, "DCGAN", with batch norm.

    u [N, M, 16]   noise, one code every 4 frames; M as many as the latest time needs
    h = conv(conv(u) + e(z, c))                   [N, M - 8, 64], two convolutions of 5 codes
    h(t)           between codes by a straight line
    t₀ = 128 Φ(u₀)  uniform, from the first number of the noise: the clock of a film starts anywhere
    m(t) = [h(t), a(h) · sin(2π f (t + t₀) + φ(h))]      φ linear without an offset, f learned
    x(t) = frame(z, e(c), m(t))                   [C, H, W]

So samples may be of any length, and of any frame rate: t need not be whole. Φ: the distribution function of a normal.
N: films, K: times, z [N, L], c [N].
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from ganforge.core.errors import UserError
from ganforge.core.types import Spec, wide
from ganforge.nets.base import Generator
from ganforge.nets.layers.labels import LabelTable
from ganforge.nets.layers.memory import ChannelsLast

NOISE, HIDDEN, TAPS = 16, 64, 5
MARGIN = 2 * (TAPS - 1)
"""Codes that the two convolutions take off."""
CELL = 8
"""px: sides are whole multiples of it."""
CLOCK = 128.0
"""Frames within which a film starts."""
LONGEST, SHORTEST = 64.0, 4.0
"""Frames of a period, between which the learned frequencies start."""


def nearest_film(shape: tuple[int, ...], who: str) -> tuple[int, ...]:
    """[C, T, H, W] with sides that are multiples of 8 px; raises UserError for other kinds of samples."""
    if len(shape) != 4:
        raise UserError(
            f"{who} nets are for films [C, T, H, W], not for samples of shape {list(shape)}; try mlp",
            code="nets.not_for_shape",
        )
    return (*shape[:2], *(CELL * max(1, round(side / CELL)) for side in shape[2:]))


class TimedGenerator(Generator):
    """Base of generators of films that know time as a number. Their nets take `forward(z, c, motion, times)` with
    `motion` noise [N, M, noise] and `times` [N, K] in frames, and have

        length: frames of a film by default.
        noise: width of a code of motion noise.
        codes(latest): how many codes times up to `latest` need.
    """


class MotionG(nn.Module):
    """The net of `MotionGenerator`."""

    usual: Tensor

    def __init__(self, latent: int, channels: int, every: int, waves: int, spec: Spec):
        super().__init__()
        colors, self.length, height, width = spec.shape
        self.every, self.noise = every, NOISE
        self.label = LabelTable(spec.classes, latent, spec.classes**-0.5) if spec.classes else None
        content = latent * (2 if spec.classes else 1)
        self.first = nn.Conv1d(NOISE, HIDDEN, TAPS)
        self.kind_of_motion = nn.Linear(content, HIDDEN)
        self.second = nn.Conv1d(HIDDEN, HIDDEN, TAPS)
        self.strength, self.phase = nn.Linear(HIDDEN, waves), nn.Linear(HIDDEN, waves, bias=False)
        periods = torch.logspace(math.log10(LONGEST), math.log10(SHORTEST), waves)
        self.frequency = nn.Parameter(1 / periods)  # per frame
        doublings = 1
        while all(side % 2 ** (doublings + 1) == 0 and side >> (doublings + 1) >= 4 for side in (height, width)):
            doublings += 1
        widths = [channels << k for k in reversed(range(doublings))]
        self.grid = (widths[0], height >> doublings, width >> doublings)
        self.project = nn.Linear(content + HIDDEN + waves, math.prod(self.grid), bias=False)
        layers: list[nn.Module] = [ChannelsLast(), nn.BatchNorm2d(widths[0]), nn.ReLU()]
        for before, after in pairwise(widths):
            layers += [nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
        self.frame = nn.Sequential(*layers, nn.ConvTranspose2d(widths[-1], colors, 4, 2, 1), nn.Tanh())
        for layer in (self.project, *self.frame):
            if isinstance(layer, (nn.Linear, nn.ConvTranspose2d)):
                nn.init.normal_(layer.weight, 0.0, 0.02)
        drawn = torch.randn(self.codes(self.length - 1), NOISE, generator=torch.Generator().manual_seed(0))
        self.register_buffer("usual", drawn, persistent=False)

    def codes(self, latest: float) -> int:
        """How many codes of motion noise times up to `latest` (in frames) need."""
        return int(latest // self.every) + 2 + MARGIN

    def forward(
        self, z: Tensor, c: Tensor | None = None, motion: Tensor | None = None, times: Tensor | None = None
    ) -> Tensor:
        """Films [N, C, K, H, W] at `times` [N, K], by default all frames, from `motion` noise [N, M, 16], by default
        the same for all."""
        if self.label is not None:
            z = torch.cat([z, self.label(c)], 1)
        if motion is None:
            motion = self.usual.to(z).expand(len(z), -1, -1)
        if times is None:
            times = torch.arange(self.length, device=z.device).expand(len(z), -1)
        times = times.to(torch.promote_types(z.dtype, torch.float32))
        h = self.first(motion.transpose(1, 2)) + self.kind_of_motion(z)[:, :, None]
        h = self.at(wide(self.second(leaky_relu(h, 0.2))).transpose(1, 2), times)  # [N, K, HIDDEN]
        # Without a start of its own, frame t of all films shows much the same pose.
        clock = times + CLOCK * torch.special.ndtr(wide(motion[:, 0, :1]))
        turn = 2 * math.pi * wide(self.frequency) * clock[:, :, None] + wide(self.phase(h))
        motion = torch.cat([h, self.strength(h) * turn.sin()], 2)
        each = torch.cat([z[:, None].expand(-1, times.shape[1], -1).to(motion), motion], 2).flatten(0, 1)
        x = self.frame(self.project(each).unflatten(1, self.grid))
        return x.unflatten(0, times.shape).transpose(1, 2).contiguous()

    def at(self, h: Tensor, times: Tensor) -> Tensor:
        """Codes h [N, M, F], one every `every` frames, at times [N, K] between them → [N, K, F]."""
        place = times / self.every
        before = place.floor().clamp(0, h.shape[1] - 2)
        share = (place - before)[:, :, None]
        index = before.long()[:, :, None].expand(-1, -1, h.shape[2])
        return torch.lerp(h.gather(1, index), h.gather(1, index + 1), share.to(h))


class MotionGenerator(TimedGenerator, kind="motion"):
    """Films of any length and frame rate: content from z, motion from noise along time, each frame by a DCGAN net."""

    latent: int = 64
    """Width of the latent z, the content, drawn from a standard normal."""
    channels: int = Field(default=24, ge=1)
    """Channels of the finest hidden grid; each coarser one has twice as many."""
    every: int = Field(default=4, ge=1)
    """Frames between two codes of motion noise."""
    waves: int = Field(default=16, ge=1)
    """Waves of learned frequencies that motion is made of, beside the codes themselves."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return nearest_film(shape, "motion")

    def build(self, spec: Spec) -> nn.Module:
        near = nearest_film(spec.shape, "motion")
        if near != tuple(spec.shape):
            raise UserError(
                f"motion generator: cannot reach {spec.shape[2]}×{spec.shape[3]} px; the nearest size is "
                f"{near[2]}×{near[3]}",
                code="nets.unreachable_size",
            )
        return MotionG(self.latent, self.channels, self.every, self.waves, spec)
