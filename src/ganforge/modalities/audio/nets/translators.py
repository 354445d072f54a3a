"""Nets that make a sound of something that is laid out along time: a mel spectrum, or a damaged sound.

The module takes [N, Cs, unit · F] and returns [N, C, hop · F] for any F ≥ 1. What its use must know are attributes:

    unit   places of the source in a frame: 1 of a mel, `hop` of a sound
    hop    samples made for a frame
    rate   samples a second, set by the task
    halo   how many frames of the source around a frame can change it

ConvNeXt: Liu et al. 2022; as a vocoder with an inverse STFT: Siuzdak 2023, "Vocos":

    W ∗ (kernel 7) → LN → n × [h + γ · W₂ gelu(W₁ LN(DW₇ h))] → LN → W → (m, p) → exp(m) · e^{ip} → inverse STFT
"""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import gelu

from ganforge.core.component import Component
from ganforge.core.types import Spec, wide
from ganforge.modalities.audio.melscale import MelScale
from ganforge.modalities.audio.stft import analysis, synthesis

KERNEL = 7
LOUDEST = 4.6  # log of 100, as in Vocos: a magnitude beyond it is a fault


class SoundTranslatorNet(nn.Module):
    """Base of the nets here, which says what their use must know."""

    unit: int
    hop: int
    halo: int
    rate: int = 0


class SoundTranslator(Component, family="sound_translator"):
    """Makes a sound of a mel spectrum or of another sound."""

    takes: ClassVar[str] = "mel"
    """What it makes sounds of: "mel" or "sound"."""

    def build(self, source: Spec, target: Spec, mel: MelScale) -> SoundTranslatorNet:
        """A fresh module; `source` is [Cs, F] or [Cs, T], `target` [C, T]; the hop of `mel` is that of a frame."""
        raise NotImplementedError


class Block(nn.Module):
    """A ConvNeXt block along time: [N, C, F] → the same."""

    def __init__(self, channels: int, inner: int, scale: float):
        super().__init__()
        self.depth = nn.Conv1d(channels, channels, KERNEL, padding=KERNEL // 2, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.widen, self.narrow = nn.Linear(channels, inner), nn.Linear(inner, channels)
        self.gamma = nn.Parameter(torch.full((channels,), scale))

    def forward(self, h: Tensor) -> Tensor:
        inner = self.norm(self.depth(h).transpose(1, 2))
        return h + (self.gamma * self.narrow(gelu(self.widen(inner)))).transpose(1, 2)


class Frames(nn.Module):
    """The body: [N, Cs, F] → [N, outputs, F]."""

    def __init__(self, inputs: int, channels: int, inner: int, blocks: int, outputs: int):
        super().__init__()
        self.read = nn.Conv1d(inputs, channels, KERNEL, padding=KERNEL // 2)
        self.first = nn.LayerNorm(channels, eps=1e-6)
        self.blocks = nn.ModuleList(Block(channels, inner, 1 / blocks) for _ in range(blocks))
        self.last = nn.LayerNorm(channels, eps=1e-6)
        self.head = nn.Linear(channels, outputs)
        for layer in self.modules():
            if isinstance(layer, (nn.Conv1d, nn.Linear)):
                nn.init.trunc_normal_(layer.weight, std=0.02)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(self.read(x).transpose(1, 2)).transpose(1, 2)
        for block in self.blocks:
            h = block(h)
        return self.head(self.last(h.transpose(1, 2))).transpose(1, 2)


def halo_of(blocks: int, window: int, hop: int) -> int:
    """Frames: half a kernel each, and what the overlapping windows of the synthesis add."""
    return (blocks + 1) * (KERNEL // 2) + -(-window // hop)


class VocosNet(SoundTranslatorNet):
    """The net of `Vocos`."""

    unit = 1

    def __init__(self, channels: int, inner: int, blocks: int, window: int, mel: MelScale, rounds: int, sounds: int):
        super().__init__()
        self.window, self.hop, self.sounds, self.mel, self.rounds = window, mel.hop, sounds, mel, rounds
        self.body = Frames(sounds * mel.bands, channels, inner, blocks, sounds * (window + 2))
        self.halo = halo_of(blocks, window, mel.hop) + rounds * -(-mel.window // mel.hop)

    def forward(self, source: Tensor) -> Tensor:
        m, p = wide(self.body(source)).unflatten(1, (self.sounds, -1)).chunk(2, 2)
        made = synthesis(torch.polar(m.clamp(max=LOUDEST).exp(), p), self.window, self.hop)
        for _ in range(self.rounds):
            made = self.mel.nearer(made, source, self.rate)
        return made


class Vocos(SoundTranslator, kind="vocos"):
    """A vocoder of ConvNeXt blocks at the rate of frames, with an inverse STFT."""

    channels: int = Field(default=512, ge=1)
    """Channels of the frames."""
    inner: int = Field(default=1536, ge=1)
    """Channels within a block."""
    blocks: int = Field(default=8, ge=1)
    """How many."""
    window: int = Field(default=1024, ge=16)
    """Samples of a frame of the inverse STFT; the mel's hop is its step."""
    rounds: int = Field(default=0, ge=0)
    """How often what was made is brought nearer to the mel asked for, as part of the net (`MelScale.nearer`)."""

    def build(self, source: Spec, target: Spec, mel: MelScale) -> SoundTranslatorNet:
        sounds = target.shape[0]
        return VocosNet(self.channels, self.inner, self.blocks, self.window, mel, self.rounds, sounds)


class MaskNet(SoundTranslatorNet):
    """The net of `SpectralMask`."""

    def __init__(self, sounds: int, channels: int, inner: int, blocks: int, window: int, hop: int):
        super().__init__()
        self.window, self.hop, self.unit, self.sounds = window, hop, hop, sounds
        bins = window // 2 + 1
        self.body = Frames(3 * sounds * bins, channels, inner, blocks, 4 * sounds * bins)
        self.halo = halo_of(blocks, window, hop) + -(-window // hop)

    def forward(self, source: Tensor) -> Tensor:
        spectra = analysis(source, self.window, self.hop)  # [N, C, bins, F]
        size = spectra.abs()
        level = (size + 1e-3).log()
        turn = spectra / (size + 1e-3)
        seen = torch.cat([level, turn.real, turn.imag], 2).flatten(1, 2).to(source.dtype)
        gain, shift, m, p = wide(self.body(seen)).unflatten(1, (self.sounds, -1)).chunk(4, 2)
        kept = spectra * torch.polar(gain.clamp(max=LOUDEST).exp(), shift)
        added = torch.polar((m - 4).clamp(max=LOUDEST).exp(), p)  # begins soft: what is there is kept first
        return synthesis(kept + added, self.window, self.hop)


class SpectralMask(SoundTranslator, kind="spectral_mask"):
    """Sound to sound: each bin of the spectrum is turned and made louder or softer, and new sound is added to it."""

    takes: ClassVar[str] = "sound"

    channels: int = Field(default=256, ge=1)
    """Channels of the frames."""
    inner: int = Field(default=768, ge=1)
    """Channels within a block."""
    blocks: int = Field(default=6, ge=1)
    """How many."""
    window: int = Field(default=1024, ge=16)
    """Samples of a frame."""

    def build(self, source: Spec, target: Spec, mel: MelScale) -> SoundTranslatorNet:
        return MaskNet(target.shape[0], self.channels, self.inner, self.blocks, self.window, mel.hop)
