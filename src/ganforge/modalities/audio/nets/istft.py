"""Nets for waveforms: a generator that paints a spectrum a frame and adds the frames up, and a critic of spectrograms.

Siuzdak 2023, "Vocos": each frame's spectrum is exp(m) · (cos p + i sin p), turned into sound by an inverse STFT, which
prints no tone at multiples of a stride as transposed convolutions do. The critic sees log spectra of overlapping frames
(Donahue et al. 2019, "SpecGAN"), computed from the waveform within the net, so that gradients reach the samples.

x [N, 1, T], z [N, L], c [N]; T = 64 · frames, frames a multiple of 8.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu

from ganforge.core.errors import UserError
from ganforge.core.types import Spec, wide
from ganforge.modalities.audio.stft import analysis, synthesis
from ganforge.nets.base import Discriminator, DiscriminatorOutput, Generator
from ganforge.nets.layers.labels import LabelTable

WINDOW, HOP, UNIT = 256, 64, 512


def nearest_sound(shape: tuple[int, ...], who: str) -> tuple[int, ...]:
    """[1, T] with T a multiple of UNIT; raises UserError for other kinds of samples."""
    if len(shape) != 2 or shape[0] > 2:
        raise UserError(f"{who} nets are for sounds [1, T], not for samples of shape {list(shape)}; try mlp",
                        code="nets.not_for_shape")  # fmt: skip
    return shape[0], max(1, round(shape[1] / UNIT)) * UNIT


class IstftG(nn.Module):
    """The net of `IstftGenerator`."""

    def __init__(self, latent: int, channels: int, spec: Spec):
        super().__init__()
        nearest_sound(spec.shape, "istft")
        self.frames = spec.shape[1] // HOP
        self.label = LabelTable(spec.classes, latent, spec.classes**-0.5) if spec.classes else None
        self.start = nn.Linear(latent * (2 if spec.classes else 1), 2 * channels * self.frames // 8)
        widths = [2 * channels, channels, channels, channels]
        self.blocks = nn.ModuleList(nn.Conv1d(a, b, 7, padding=3) for a, b in pairwise(widths))
        self.norms = nn.ModuleList(nn.BatchNorm1d(b) for b in widths[1:])
        self.head = nn.Conv1d(channels, spec.shape[0] * (WINDOW + 2), 7, padding=3)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        if self.label is not None:
            z = torch.cat([z, self.label(c)], 1)
        h = self.start(z).unflatten(1, (-1, self.frames // 8))
        for block, norm in zip(self.blocks, self.norms, strict=True):
            h = leaky_relu(norm(block(interpolate(h, scale_factor=2.0, mode="nearest"))), 0.2)
        m, p = wide(self.head(h)).unflatten(1, (-1, WINDOW + 2)).chunk(2, 2)  # [N, C, bins, frames]; FFTs know no bf16
        spectrum = torch.polar(m.clamp(max=4.6).exp(), p)
        return synthesis(spectrum, WINDOW, HOP)


class IstftGenerator(Generator, kind="istft"):
    """Sounds by an inverse STFT of 256 samples: convolutions at the rate of frames, and a spectrum for each."""

    latent: int = 64
    """Dimension of the latent z, drawn from a standard normal."""
    channels: int = Field(default=128, ge=1)
    """Channels of the frames."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return nearest_sound(shape, "istft")

    def build(self, spec: Spec) -> nn.Module:
        return IstftG(self.latent, self.channels, spec)


def loudness(x: Tensor) -> Tensor:
    """Sounds [N, C, T] → compressed spectra [N, C, WINDOW/2, T/HOP]: 0 for silence, about 1 for a tone at full scale.

    log(1 + p / 1e-5) of the power p, which is smooth where there is silence, as gradient penalties need it.
    """
    parts = torch.view_as_real(analysis(x, WINDOW, HOP)[..., :-1, :]) / (WINDOW / 4)
    return torch.log1p(parts.square().sum(-1) * 1e5) / 11.5


class SpectrogramCritic(nn.Module):
    """The net of `SpectrogramDiscriminator`."""

    def __init__(self, channels: int, spec: Spec):
        super().__init__()
        nearest_sound(spec.shape, "spectrogram")
        widths = [spec.shape[0], channels, 2 * channels, 4 * channels, 8 * channels]
        self.blocks = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise(widths))
        cells = WINDOW // 32 * -(-spec.shape[1] // HOP // 16)
        self.features = nn.Linear(8 * channels * cells, 8 * channels)
        self.last = nn.Linear(8 * channels, 1)
        self.label = LabelTable(spec.classes, 8 * channels, spec.classes**-0.5) if spec.classes else None

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        h = loudness(x).to(x.dtype)
        for block in self.blocks:
            h = leaky_relu(block(h), 0.2)
        h = leaky_relu(self.features(h.flatten(1)), 0.2)
        logits = self.last(h)[:, 0]
        return DiscriminatorOutput(logits if self.label is None else logits + (self.label(c) * h).sum(1), h)


class SpectrogramDiscriminator(Discriminator, kind="spectrogram"):
    """A critic of sounds that looks at their spectrogram, by convolutions of stride 2 over time and frequency."""

    channels: int = Field(default=16, ge=1)
    """Channels of the largest map; each smaller one has twice as many."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return nearest_sound(shape, "spectrogram")

    def build(self, spec: Spec) -> nn.Module:
        return SpectrogramCritic(self.channels, spec)
