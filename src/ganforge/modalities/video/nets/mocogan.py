"""MoCoGAN: content that stays, motion from a recurrent net, and two critics, of frames and of films.

Tulyakov et al. 2018, "MoCoGAN: Decomposing Motion and Content for Video Generation".

    h_t = GRU(h_{t−1}, ε_t),  h_0, ε_t ~ N(0, I)               motion, 10 numbers
    x_t = G_I(z, c, h_t)                                       content z, 50 numbers, category c one-hot
    G_I   transposed convolutions 4²/2, 512-256-128-64, BN, ReLU, tanh at last
    D_I   convolutions 4²/2, 64-128-256, BN, leaky ReLU .2, then one logit a patch; of single frames
    D_V   3-D convolutions 4³ with stride (1, 2, 2) and no padding of time, 64-128-256-512, BN, leaky ReLU .2, then one
          logit a patch, and the category where there are labels; of films

Written from the paper. At 16 frames of 64 px. For smaller sides layers keep the size once a side is below 4.

N: films, T: frames.  z [N, L], noise [N, T + 1, M], c [N], x [N, C, T, H, W].
"""

from __future__ import annotations

from itertools import pairwise

import torch
from pydantic import Field
from torch import Tensor, nn

from ganforge.core.errors import UserError
from ganforge.core.types import Spec
from ganforge.modalities.video.nets.grids import SLOPE, check_shape
from ganforge.modalities.video.nets.motion import nearest_film
from ganforge.nets.base import Discriminator, DiscriminatorOutput, Generator
from ganforge.nets.layers.labels import LabelTable, as_vectors

FEWEST = 16
"""Frames that D_V takes at least: each of its five layers takes off three."""


class RecurrentG(nn.Module):
    """The net of `MocoganGenerator`. Without noise, the same motion for all."""

    usual: Tensor

    def __init__(self, latent: int, motion: int, channels: int, spec: Spec):
        super().__init__()
        colors, self.length, height, width = spec.shape
        self.classes, self.motion = spec.classes, motion
        self.gru = nn.GRUCell(motion, motion)
        count = 1
        while all(side % 2 ** (count + 1) == 0 and side >> (count + 1) >= 4 for side in (height, width)):
            count += 1
        widths = [channels << k for k in reversed(range(count))]
        grid = (height >> count, width >> count)
        inputs = latent + spec.classes + motion
        layers: list[nn.Module] = [nn.ConvTranspose2d(inputs, widths[0], grid, bias=False)]
        for before, after in pairwise(widths):
            layers += [nn.BatchNorm2d(before), nn.ReLU(), nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False)]
        layers += [nn.BatchNorm2d(widths[-1]), nn.ReLU(), nn.ConvTranspose2d(widths[-1], colors, 4, 2, 1, bias=False)]
        self.frame = nn.Sequential(*layers, nn.Tanh())
        drawn = torch.randn(self.length + 1, motion, generator=torch.Generator().manual_seed(0))
        self.register_buffer("usual", drawn, persistent=False)

    def forward(self, z: Tensor, c: Tensor | None = None, noise: Tensor | None = None) -> Tensor:
        """Films [N, C, T, H, W] with as many frames as `noise` has rows but the first."""
        if noise is None:
            noise = self.usual.to(z).expand(len(z), -1, -1)
        if self.classes:
            z = torch.cat([z, as_vectors(c, self.classes, z.dtype)], 1)
        states = [noise[:, 0]]
        for t in range(1, noise.shape[1]):
            states.append(self.gru(noise[:, t], states[-1]))
        motion = torch.stack(states[1:], 1)  # [N, T, M]
        each = torch.cat([z[:, None].expand(-1, motion.shape[1], -1), motion.to(z)], 2).flatten(0, 1)
        x = self.frame(each[:, :, None, None])
        return x.unflatten(0, motion.shape[:2]).transpose(1, 2).contiguous()


def halving(side: int) -> tuple[int, int, int]:
    """Kernel, stride and padding over a side: halved until it has fewer than 4."""
    return (4, 2, 1) if side >= 4 else (3, 1, 1)


class PatchD(nn.Module):
    """The net of `MocoganDiscriminator`: of films [N, C, T, H, W], or with `films=False` of frames [N, C, H, W].

    Args:
        categories: classes that it tells apart; 0: none.
    """

    def __init__(self, channels: int, spec: Spec, films: bool, categories: int):
        super().__init__()
        sides = list(spec.shape[-2:])
        widths = [spec.shape[0], *(channels << k for k in range(4 if films else 3)), 1 + categories]
        layers: list[nn.Module] = []
        for k, (before, after) in enumerate(pairwise(widths)):
            high, wide_ = (halving(side) for side in sides)
            kernel, stride, padding = zip(high, wide_, strict=True)
            if films:
                layers.append(nn.Conv3d(before, after, (4, *kernel), (1, *stride), (0, *padding), bias=False))
            else:
                layers.append(nn.Conv2d(before, after, kernel, stride, padding, bias=False))
            if k < len(widths) - 2:
                norm = nn.BatchNorm3d(after) if films else nn.BatchNorm2d(after)
                layers += [norm] if k else []
                layers.append(nn.LeakyReLU(SLOPE))
            sides = [side // 2 if side >= 4 else side for side in sides]
        self.layers = nn.Sequential(*layers)
        self.categories = categories

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        hidden = self.layers[:-1](x)
        h = self.layers[-1](hidden).flatten(2)  # [N, 1 + categories, P]
        told = h[:, 1:].mean(2) if self.categories else None
        return DiscriminatorOutput(h[:, 0], hidden.flatten(2).mean(2), told)


class WholeD(nn.Module):
    """D_V for other tasks: one logit a film, with a projection of its label."""

    def __init__(self, net: PatchD, features: int, classes: int):
        super().__init__()
        self.net = net
        self.label = LabelTable(classes, features, classes**-0.5) if classes else None

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        logits, features, *_ = self.net(x)
        assert features is not None
        one = logits.mean(1)
        return DiscriminatorOutput(one if self.label is None else one + (features * self.label(c)).sum(1), features)


class MocoganGenerator(Generator, kind="mocogan"):
    """Films of a content and of a motion that a recurrent net makes from noise (MoCoGAN)."""

    latent: int = 50
    """Width of the latent z, the content, drawn from a standard normal."""
    motion: int = Field(default=10, ge=1)
    """Width of the motion, and of its noise at each frame."""
    channels: int = Field(default=64, ge=1)
    """Channels of the finest hidden grid; each coarser one has twice as many."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return nearest_film(shape, "mocogan")

    def build(self, spec: Spec) -> nn.Module:
        check_shape(spec.shape, self.nearest(spec.shape), "mocogan generator")
        return RecurrentG(self.latent, self.motion, self.channels, spec)


class MocoganDiscriminator(Discriminator, kind="mocogan"):
    """3-D convolutions over films of at least 16 frames that score patches (MoCoGAN's D_V)."""

    channels: int = Field(default=64, ge=1)
    """Channels of the first layer; each further one has twice as many."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        near = nearest_film(shape, "mocogan")
        return (near[0], max(FEWEST, near[1]), *near[2:])

    def build(self, spec: Spec) -> nn.Module:
        """With one logit a film; the task mocogan takes the two critics below."""
        check_shape(spec.shape, self.nearest(spec.shape), "mocogan discriminator")
        return WholeD(self.of_films(spec, 0), 8 * self.channels, spec.classes)

    def of_films(self, spec: Spec, categories: int) -> PatchD:
        """D_V, which also tells categories apart."""
        if spec.shape[1] < FEWEST:
            raise UserError(
                f"mocogan discriminator: films of {spec.shape[1]} frames are too short; it takes at least {FEWEST} "
                f"(signal.frames={FEWEST})",
                code="nets.unreachable_size",
            )
        return PatchD(self.channels, spec, True, categories)

    def of_frames(self, spec: Spec) -> PatchD:
        """D_I, of single frames."""
        return PatchD(self.channels, Spec((spec.shape[0], *spec.shape[2:])), False, 0)
