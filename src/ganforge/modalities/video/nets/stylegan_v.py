"""StyleGAN-V: StyleGAN2 whose first grid also gets a code of motion at each time, and a critic of few frames.

Skorokhodov, Tulyakov & Elhoseiny 2022, "StyleGAN-V: A Continuous Video Generator with the Price, Image Quality and
Perks of StyleGAN2".

    u = conv(conv(noise))           a code every 16 frames; kernels of 11 codes, no padding
    a, ω, ρ = linear(u_l)           strength, frequency, phase of waves, from the code u_l at or before t
    ṽ(t) = a ⊙ sin(ω t + ρ)
    v(t) = ṽ(t) − lerp(ṽ(t_l), ṽ(t_r)) + lerp(A u_l, A u_r)       waves that no period makes come again
    x(t) = StyleGAN2(w, constant ⊕ v(t))
    D: each frame by StyleGAN2's blocks down to 16 px → joined on the channels → its other blocks → ⟨h, e(distances)⟩

Departures: joined maps go through one convolution to the width of the next block; no adaptive augmentation.

N: films, K: times, M codes.  z [N, L], motion [N, M, 512], times [N, K] in frames, x [N, C, K, H, W].
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from ganforge.core.errors import UserError
from ganforge.core.types import Spec, wide
from ganforge.modalities.image.layers.pyramid import grids
from ganforge.modalities.image.nets.stylegan2 import DownBlock, Mapping, StyledConv, StyleGan2G, levels, unit
from ganforge.modalities.video.nets.grids import check_shape
from ganforge.modalities.video.nets.motion import TimedGenerator, nearest_film
from ganforge.nets.base import Discriminator, DiscriminatorOutput
from ganforge.nets.layers.equalized import EqualConv, EqualLinear, act
from ganforge.nets.layers.minibatch import MinibatchStddev

TAPS = 11
MARGIN = 2 * (TAPS - 1)
"""Codes that the two convolutions take off."""
SHORTEST, LONGEST = 16.0, 1024.0
"""Frames of the periods that the waves start from."""
JOINED = 16
"""px of the side at which the frames of a film are joined in D."""


class Motion(nn.Module):
    """Noise [N, M, width] and times [N, K] → codes of motion [N, K, width]."""

    def __init__(self, width: int, every: int):
        super().__init__()
        self.every = every
        self.first, self.second = nn.Conv1d(width, width, TAPS), nn.Conv1d(width, width, TAPS)
        self.strength, self.phase = EqualLinear(width, width), EqualLinear(width, width, bias=None)
        self.frequency = EqualLinear(width, width)
        self.align = EqualLinear(width, width, bias=None)
        periods = torch.logspace(math.log10(SHORTEST), math.log10(LONGEST), width)
        self.register_buffer("usual", 2 * math.pi / periods)

    usual: Tensor

    def forward(self, noise: Tensor, times: Tensor) -> Tensor:
        u = self.second(leaky_relu(self.first(noise.transpose(1, 2)), 0.2)).transpose(1, 2)  # [N, M', width]
        u = wide(u)
        place = times / self.every
        before = place.floor().clamp(0, u.shape[1] - 2)
        share = (place - before)[:, :, None].to(u)
        index = before.long()[:, :, None].expand(-1, -1, u.shape[2])
        left, right = u.gather(1, index), u.gather(1, index + 1)
        strength, phase = wide(self.strength(left)), wide(self.phase(left))
        frequency = self.usual * (1 + wide(self.frequency(left)).tanh())

        def wave(t: Tensor) -> Tensor:
            return strength * (frequency * t[:, :, None] + phase).sin()

        start, end = before * self.every, (before + 1) * self.every
        cyclic = wave(times.to(u)) - torch.lerp(wave(start.to(u)), wave(end.to(u)), share)
        return cyclic + torch.lerp(wide(self.align(left)), wide(self.align(right)), share)


class StyleGanVG(StyleGan2G):
    """The net of `StyleGanVGenerator`."""

    def __init__(self, latent: int, mapping: int, widths: list[int], motion: int, every: int, spec: Spec):
        sizes = grids(*spec.shape[2:])
        super().__init__(latent, mapping, widths, sizes, spec.shape[0], spec.classes)
        self.length, self.noise, self.every = spec.shape[1], motion, every
        self.motion = Motion(motion, every)
        self.convs[0] = StyledConv(latent, widths[0] + motion, widths[0], sizes[0])
        drawn = torch.randn(self.codes(self.length - 1), motion, generator=torch.Generator().manual_seed(0))
        self.register_buffer("fixed", drawn, persistent=False)

    fixed: Tensor

    def codes(self, latest: float) -> int:
        """How many codes of motion noise times up to `latest` (in frames) need."""
        return int(latest // self.every) + 2 + MARGIN

    def forward(
        self, z: Tensor, c: Tensor | None = None, motion: Tensor | None = None, times: Tensor | None = None
    ) -> Tensor:
        """Films [N, C, K, H, W] at `times` [N, K], by default all frames; without `motion`, all move alike."""
        if motion is None:
            motion = self.fixed.to(z).expand(len(z), -1, -1)
        if times is None:
            times = torch.arange(self.length, device=z.device).expand(len(z), -1)
        v = self.motion(motion, times.to(torch.promote_types(z.dtype, torch.float32))).flatten(0, 1)  # [N·K, motion]
        w = self.styles(z, c).repeat_interleave(times.shape[1], 0)
        same = self.start(len(w))
        start = torch.cat([same.to(v), v[:, None, None].expand(-1, *same.shape[1:3], -1)], 3)
        x = self.synthesis(w[:, None].expand(-1, self.layers, -1), start)
        return x.unflatten(0, times.shape).transpose(1, 2).contiguous()


class StyleGanVD(nn.Module):
    """The net of `StyleGanVDiscriminator`: frames [N, K·C, H, W], `gaps` frames [N, K − 1] apart."""

    def __init__(self, widths: list[int], colors: int, size: tuple[int, int], frames: int, classes: int, mapping: int):
        super().__init__()
        self.frames = frames
        sizes = grids(*size)
        self.read = EqualLinear(colors, widths[-1])
        downs = list(zip(reversed([*pairwise(widths)]), reversed(sizes[1:]), strict=True))
        alone = [down for down in downs if min(down[1]) > JOINED]
        self.single = nn.Sequential(*(DownBlock(b, a, size, True) for (a, b), size in alone))
        joined = downs[len(alone) :]
        width = alone[-1][0][0] if alone else widths[-1]
        self.join = EqualConv(frames * width, width)
        self.blocks = nn.Sequential(*(DownBlock(b, a, size, True) for (a, b), size in joined))
        self.across = MinibatchStddev(4)
        self.last = EqualConv(widths[0] + 1, widths[0])
        self.flat = EqualLinear(widths[0] * math.prod(sizes[0]), widths[0])
        self.head = EqualLinear(widths[0], widths[0])
        self.apart = Mapping(2 * WAVES * (frames - 1), widths[0], mapping, classes)

    def forward(self, x: Tensor, c: Tensor | None = None, *, gaps: Tensor) -> DiscriminatorOutput:
        each = x.unflatten(1, (self.frames, -1)).flatten(0, 1).permute(0, 2, 3, 1).contiguous()
        h = self.single(act(self.read(each)))  # [N·K, h, w, F]
        h = h.unflatten(0, (-1, self.frames)).movedim(1, 3).flatten(3)
        h = self.blocks(act(self.join(h)))
        h = self.across(h.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        features = act(self.flat(act(self.last(h)).flatten(1)))  # [N, F]
        e = unit(self.apart(distances(gaps.to(features)), c))
        return DiscriminatorOutput((self.head(features) * e).sum(1) / math.sqrt(e.shape[1]), features)


WAVES = 8


def distances(gaps: Tensor) -> Tensor:
    """Sines and cosines of log distances, [N, 2·WAVES·(K − 1)]."""
    turns = gaps.log()[:, :, None] * 2.0 ** torch.arange(WAVES, device=gaps.device, dtype=gaps.dtype) / math.pi
    return torch.cat([turns.sin(), turns.cos()], 2).flatten(1)


class StyleGanVGenerator(TimedGenerator, kind="stylegan_v"):
    """Films of any length and rate: StyleGAN2 with a code of motion at each time (StyleGAN-V)."""

    within_one: ClassVar[bool] = False
    latent: int = 512
    """Dimension of the latent z and of the style w."""
    mapping: int = Field(default=8, ge=1)
    """Number of layers of the mapping network from z to w."""
    channels: int = Field(default=64, ge=1)
    """Number of channels of the finest grid; doubled on each coarser grid."""
    max_channels: int = Field(default=512, ge=1)
    """Maximum number of channels of a grid."""
    motion: int = Field(default=512, ge=1)
    """Width of the motion noise and of its codes."""
    every: int = Field(default=16, ge=1)
    """Frames between two codes of motion noise."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return nearest_film(shape, "stylegan_v")

    def truncate(self, z: Tensor, truncation: float) -> Tensor:
        return z  # the mapping normalizes it; its length has no effect

    def build(self, spec: Spec) -> nn.Module:
        check_shape(spec.shape, self.nearest(spec.shape), "stylegan_v generator")
        widths = levels(self.channels, self.max_channels, len(grids(*spec.shape[2:])))
        return StyleGanVG(self.latent, self.mapping, widths, self.motion, self.every, spec)


class StyleGanVDiscriminator(Discriminator, kind="stylegan_v"):
    """StyleGAN2's critic, which joins the features of a few frames at 16 px and knows how far apart they are
    (StyleGAN-V); for the task stylegan_v."""

    channels: int = Field(default=64, ge=1)
    """Number of channels of the finest grid; doubled on each coarser grid."""
    max_channels: int = Field(default=512, ge=1)
    """Maximum number of channels of a grid."""
    mapping: int = Field(default=2, ge=1)
    """Layers of the net that maps distances, and labels, to what D's features are multiplied with."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return nearest_film(shape, "stylegan_v")

    def build(self, spec: Spec) -> nn.Module:
        """Of whole films [C, T, H, W], whose frames are one apart; see `of_frames`."""
        check_shape(spec.shape, self.nearest(spec.shape), "stylegan_v discriminator")
        return Consecutive(self.of_frames(spec, spec.shape[1]), spec.shape[1])

    def of_frames(self, spec: Spec, frames: int) -> nn.Module:
        """Of some frames of films of that spec."""
        if frames < 2:
            raise UserError("task.frames: this critic compares at least 2 frames", code="task.clips_too_short")
        widths = levels(self.channels, self.max_channels, len(grids(*spec.shape[2:])))
        size = (spec.shape[2], spec.shape[3])
        return StyleGanVD(widths, spec.shape[0], size, frames, spec.classes, self.mapping)


class Consecutive(nn.Module):
    """A critic of frames for whole films [N, C, T, H, W]."""

    def __init__(self, net: nn.Module, frames: int):
        super().__init__()
        self.net, self.frames = net, frames

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        gaps = torch.ones(len(x), self.frames - 1, device=x.device, dtype=x.dtype)
        return self.net(x.transpose(1, 2).flatten(1, 2), c, gaps=gaps)
