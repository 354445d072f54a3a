"""WaveGAN and SpecGAN: DCGAN stretched to sound, in one dimension and in two.

Donahue, McAuley & Puckette 2019, "Adversarial Audio Synthesis".

    WaveGAN   G: u → W u [16·d, 16] → transposed convolutions of 25, stride 4, ReLU → tanh → x [C, T]
              D: x → convolutions of 25, stride 4, LeakyReLU 0.2, phase shuffle → W → logit
    SpecGAN   the same with 5×5 and stride 2, on spectra [C, 128, 128] from 4×4

No norms. u = 2Φ(z) − 1 is uniform in (−1, 1) where z is normal. Channels halve from 16·d in G and double from d in D.
For 16,384 samples there are five layers; 65,536 have one more, and 32,768 one of stride 2.

Phase shuffle moves every hidden map of D by −n … n places, drawn for each sample, reflecting at the edges, so that D
cannot learn where in a stride a wave begins. It is off in evaluation.

A label, where there are any, is a vector that is joined to u, and a projection in D (neither is in the paper).

x [N, C, T], z [N, L], logits [N].
"""

from __future__ import annotations

import math

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, pad, relu

from ganforge.core.errors import UserError
from ganforge.core.types import Spec
from ganforge.nets.base import Discriminator, DiscriminatorOutput, Generator
from ganforge.nets.layers.labels import LabelTable

BASE = {1: 16, 2: 4}
"""Places along each axis where G starts and D ends, by the number of axes."""
KERNEL, STRIDE = {1: 25, 2: 5}, {1: 4, 2: 2}


def strides(length: int) -> list[int]:
    """Strides from 16 places to `length`, a power of two: fours, and a two at the end."""
    doublings = round(math.log2(length / BASE[1]))
    return [4] * (doublings // 2) + [2] * (doublings % 2)


def nearest_wave(shape: tuple[int, ...], who: str) -> tuple[int, ...]:
    """The nearest [C, T] with T a power of two from 64 on; raises UserError for other kinds of samples."""
    if len(shape) != 2 or shape[0] > 2:
        raise UserError(f"{who} nets are for sounds [C, T], not for samples of shape {list(shape)}; try mlp",
                        code="nets.not_for_shape")  # fmt: skip
    return shape[0], 2 ** max(6, round(math.log2(shape[1])))


def nearest_square(shape: tuple[int, ...], who: str) -> tuple[int, ...]:
    """The nearest [C, F, T] with F = 4·2ⁿ and T a multiple of 2ⁿ; raises UserError for other kinds of samples."""
    if len(shape) != 3:
        raise UserError(
            f"{who} nets are for spectra [C, F, T], not for samples of shape {list(shape)}. For sounds use "
            "signal.form=spectrogram; for others try mlp",
            code="nets.not_for_shape",
        )
    steps = max(1, round(math.log2(shape[1] / 4)))
    return shape[0], 4 * 2**steps, max(1, round(shape[2] / 2**steps)) * 2**steps


def layers_of(spec: Spec) -> tuple[tuple[int, ...], list[int]]:
    """The base grid of a spec, and the strides of the layers from it on."""
    if len(spec.shape) == 2:
        return (BASE[1],), strides(spec.shape[1])
    count = round(math.log2(spec.shape[1] / BASE[2]))
    return (BASE[2], spec.shape[2] // 2**count), [2] * count


class WaveG(nn.Module):
    """The net of both generators."""

    def __init__(self, latent: int, channels: int, spec: Spec):
        super().__init__()
        self.base, steps = layers_of(spec)
        axes, top = len(self.base), channels * 2 ** (len(steps) - 1)
        kernel = KERNEL[axes]
        conv = nn.ConvTranspose1d if axes == 1 else nn.ConvTranspose2d
        self.label = LabelTable(spec.classes, latent, 0.5 * spec.classes**-0.5) if spec.classes else None
        self.start = nn.Linear(latent * (2 if spec.classes else 1), top * math.prod(self.base))
        widths = [top >> k for k in range(len(steps))] + [spec.shape[0]]
        self.layers = nn.ModuleList(
            conv(a, b, kernel, s, (kernel - s + 1) // 2, (kernel - s) % 2)
            for a, b, s in zip(widths, widths[1:], steps, strict=False)
        )

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        h = 2 * torch.special.ndtr(z) - 1
        if self.label is not None:
            h = torch.cat([h, self.label(c)], 1)
        h = relu(self.start(h).unflatten(1, (-1, *self.base)))
        for k, layer in enumerate(self.layers):
            h = layer(h)
            h = relu(h) if k + 1 < len(self.layers) else h.tanh()
        return h


class WaveD(nn.Module):
    """The net of both discriminators."""

    def __init__(self, channels: int, shuffle: int, spec: Spec):
        super().__init__()
        base, steps = layers_of(spec)
        axes = len(base)
        kernel = KERNEL[axes]
        conv = nn.Conv1d if axes == 1 else nn.Conv2d
        widths = [spec.shape[0]] + [channels << k for k in range(len(steps))]
        self.layers = nn.ModuleList(
            conv(a, b, kernel, s, (kernel - s + 1) // 2)
            for a, b, s in zip(widths, widths[1:], steps[::-1], strict=False)
        )
        self.shuffle = shuffle
        features = widths[-1] * math.prod(base)
        self.last = nn.Linear(features, 1)
        self.label = LabelTable(spec.classes, features, features**-0.5) if spec.classes else None

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        h = x
        for k, layer in enumerate(self.layers):
            h = leaky_relu(layer(h), 0.2)
            if self.shuffle and self.training and k + 1 < len(self.layers):
                h = shuffled(h, self.shuffle)
        h = h.flatten(1)
        logits = self.last(h)[:, 0]
        return DiscriminatorOutput(logits if self.label is None else logits + (self.label(c) * h).sum(1), h)


def shuffled(h: Tensor, most: int) -> Tensor:
    """Each sample of [N, C, T] moved by −most … most places, reflecting at the edges."""
    moves = torch.randint(2 * most + 1, (len(h), 1, 1), device=h.device)
    places = moves + torch.arange(h.shape[2], device=h.device)
    return pad(h, (most, most), mode="reflect").gather(2, places.expand(-1, h.shape[1], -1))


class WaveganGenerator(Generator, kind="wavegan"):
    """Waveforms by transposed convolutions of 25 samples, stride 4."""

    channels: int = Field(default=64, ge=1)
    """Channels of the last hidden layer; each earlier one has twice as many."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return nearest_wave(shape, "wavegan")

    def build(self, spec: Spec) -> nn.Module:
        return WaveG(self.latent, self.channels, spec)


class WaveganDiscriminator(Discriminator, kind="wavegan"):
    """Scores waveforms by convolutions of 25 samples, stride 4, with phase shuffle."""

    channels: int = Field(default=64, ge=1)
    """Channels of the first layer; each later one has twice as many."""
    shuffle: int = Field(default=2, ge=0)
    """Places by which hidden maps are moved at most, drawn for each sample; 0 leaves them where they are."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return nearest_wave(shape, "wavegan")

    def build(self, spec: Spec) -> nn.Module:
        return WaveD(self.channels, self.shuffle, spec)


class SpecganGenerator(Generator, kind="specgan"):
    """Spectra by transposed convolutions of 5×5, stride 2."""

    channels: int = Field(default=64, ge=1)
    """Channels of the last hidden layer; each earlier one has twice as many."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return nearest_square(shape, "specgan")

    def build(self, spec: Spec) -> nn.Module:
        return WaveG(self.latent, self.channels, checked(spec))


class SpecganDiscriminator(Discriminator, kind="specgan"):
    """Scores spectra by convolutions of 5×5, stride 2."""

    channels: int = Field(default=64, ge=1)
    """Channels of the first layer; each later one has twice as many."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return nearest_square(shape, "specgan")

    def build(self, spec: Spec) -> nn.Module:
        return WaveD(self.channels, 0, checked(spec))


def checked(spec: Spec) -> Spec:
    """A spec that specgan can work with; raises UserError for others, with the nearest size."""
    near = nearest_square(spec.shape, "specgan")
    if near != tuple(spec.shape):
        raise UserError(
            f"specgan: cannot reach {spec.shape[1]}×{spec.shape[2]} spectra; the nearest size is {near[1]}×{near[2]}",
            code="nets.unreachable_size",
        )
    return spec
