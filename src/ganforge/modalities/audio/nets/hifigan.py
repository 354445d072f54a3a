"""HiFi-GAN: mel spectra to waveforms by transposed convolutions, and critics of periods and scales.

Kong, Kim & Bae 2020, "HiFi-GAN: Generative Adversarial Networks for Efficient and High Fidelity Speech Synthesis".

    G: mel → W ∗ (7) → [LReLU → transposed convolution, × u → mean over kernels of a residual block]ₙ → W ∗ (7) → tanh
    residual block 1: three of h + W ∗ (k) act(W ∗ (k, dilation d) act h), d = 1, 3, 5
    residual block 2: two of h + W ∗ (k, dilation d) act h

    D: for periods 2, 3, 5, 7, 11 the wave as an image [T/p, p], convolutions of 5×1, stride 3; and for the wave, its
       half and its quarter rate convolutions of 15, 41, 41, 41, 41, 41, 5 in groups

Weight norm (Salimans & Kingma 2016) everywhere but on the first scale, which has spectral norm. A critic's hidden maps
are handed out for feature matching.

x [N, 1, T], mel [N, bands, F], T = F · Π u.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import avg_pool1d, leaky_relu, pad
from torch.nn.utils import parametrizations

from ganforge.core.errors import UserError
from ganforge.core.types import Spec
from ganforge.modalities.audio.melscale import MelScale
from ganforge.modalities.audio.nets.translators import SoundTranslator, SoundTranslatorNet
from ganforge.modalities.audio.stft import analysis
from ganforge.nets.base import Discriminator, DiscriminatorOutput
from ganforge.nets.layers.labels import LabelTable

SLOPE = 0.1


def weight_norm(layer: nn.Module) -> nn.Module:
    """The layer, its weight split into direction and norm, where there is a weight."""
    return layer if layer.weight.is_meta else parametrizations.weight_norm(layer)


def spectral_norm(layer: nn.Module) -> nn.Module:
    """The layer, its weight divided by its largest singular value, where there is a weight."""
    return layer if layer.weight.is_meta else parametrizations.spectral_norm(layer)


def conv(inputs: int, outputs: int, kernel: int, dilation: int = 1) -> nn.Module:
    layer = nn.Conv1d(inputs, outputs, kernel, dilation=dilation, padding=dilation * (kernel // 2))
    return weight_norm(small_start(layer))


def small_start(layer: nn.Module) -> nn.Module:
    nn.init.normal_(layer.weight, 0.0, 0.01)  # type: ignore[arg-type]
    return layer


class Residual(nn.Module):
    """A residual block of one kernel; `twice` for its first form."""

    def __init__(self, channels: int, kernel: int, dilations: tuple[int, ...], twice: bool):
        super().__init__()
        self.first = nn.ModuleList(conv(channels, channels, kernel, d) for d in dilations)
        self.second = nn.ModuleList(conv(channels, channels, kernel) for _ in dilations) if twice else None
        self.reach = sum(d * (kernel // 2) + (kernel // 2 if twice else 0) for d in dilations)

    def forward(self, h: Tensor) -> Tensor:
        for k, layer in enumerate(self.first):
            inner = layer(leaky_relu(h, SLOPE))
            if self.second is not None:
                inner = self.second[k](leaky_relu(inner, SLOPE))
            h = h + inner
        return h


class HifiganNet(SoundTranslatorNet):
    """The net of `Hifigan`."""

    unit = 1

    def __init__(self, inputs: int, sounds: int, hifi: Hifigan):
        super().__init__()
        self.hop = math.prod(hifi.rates)
        self.read = weight_norm(nn.Conv1d(inputs, hifi.channels, 7, padding=3))
        self.ups, self.blocks = nn.ModuleList(), nn.ModuleList()
        width, rate, reach = hifi.channels, 1, 3.0
        for u in hifi.rates:
            # a kernel of two strides, so that no place is made by more weights than another
            up = nn.ConvTranspose1d(width, max(1, width // 2), 2 * u, u, padding=(u + 1) // 2, output_padding=u % 2)
            self.ups.append(weight_norm(small_start(up)))
            width, reach, rate = max(1, width // 2), reach + 1 / rate, rate * u
            rows = [
                Residual(width, kernel, tuple(steps), hifi.block == "1")
                for kernel, steps in zip(hifi.kernels, hifi.dilations, strict=True)
            ]
            reach += max(row.reach for row in rows) / rate
            self.blocks.append(nn.ModuleList(rows))
        self.last = weight_norm(small_start(nn.Conv1d(width, sounds, 7, padding=3)))
        self.halo = math.ceil(reach + 3 / rate) + 1

    def forward(self, source: Tensor) -> Tensor:
        h = self.read(source)
        for up, rows in zip(self.ups, self.blocks, strict=True):
            h = up(leaky_relu(h, SLOPE))
            h = torch.stack([row(h) for row in rows]).mean(0)  # type: ignore[union-attr]
        return self.last(leaky_relu(h)).tanh()


class Hifigan(SoundTranslator, kind="hifigan"):
    """A vocoder of transposed convolutions with residual blocks of several kernels."""

    channels: int = Field(default=512, ge=1)
    """Channels after the first layer; halved with each transposed convolution."""
    rates: tuple[int, ...] = (8, 8, 2, 2)
    """Factors of the transposed convolutions; their product is the hop of the mel."""
    kernels: tuple[int, ...] = (3, 7, 11)
    """Of the residual blocks."""
    dilations: tuple[tuple[int, ...], ...] = ((1, 3, 5), (1, 3, 5), (1, 3, 5))
    """Of each of these blocks."""
    block: Literal["1", "2"] = "1"
    """Which form of residual block."""

    def build(self, source: Spec, target: Spec, mel: MelScale) -> SoundTranslatorNet:
        if math.prod(self.rates) != mel.hop:
            raise UserError(
                f"task.translator.rates={list(self.rates)}: their product is {math.prod(self.rates)}, and the hop of "
                f"the mel is {mel.hop}. Make them agree: task.mel.hop={math.prod(self.rates)}",
                code="audio.hop_does_not_fit",
            )
        return HifiganNet(source.shape[0], target.shape[0], self)


class Stack(nn.Module):
    """Convolutions in turn; the logits are what the last one gives."""

    def __init__(self, layers: list[nn.Module], last: nn.Module):
        super().__init__()
        self.layers, self.last = nn.ModuleList(layers), last

    def forward(self, h: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Logits [N, P], and the hidden maps [N, F, h, w]."""
        maps = []
        for layer in self.layers:
            h = leaky_relu(layer(h), SLOPE)
            maps.append(h if h.ndim == 4 else h.unsqueeze(2))
        return self.last(h).flatten(1), maps


def by_period(sounds: int, channels: int, most: int) -> Stack:
    widths = [sounds, *(min(channels * 4**k, most) for k in range(4))]
    layers = [weight_norm(nn.Conv2d(a, b, (5, 1), (3, 1), (2, 0))) for a, b in pairwise(widths)]
    layers.append(weight_norm(nn.Conv2d(widths[-1], widths[-1], (5, 1), 1, (2, 0))))
    return Stack(layers, weight_norm(nn.Conv2d(widths[-1], 1, (3, 1), 1, (1, 0))))


def by_scale(sounds: int, channels: int, norm) -> Stack:
    """The layers of the article, 128 channels at first."""
    plan = [(1, 1, 15, 1, 1), (1, 1, 41, 2, 4), (1, 2, 41, 2, 16), (2, 4, 41, 4, 16), (4, 8, 41, 4, 16),
            (8, 8, 41, 1, 16), (8, 8, 5, 1, 1)]  # fmt: skip
    layers: list[nn.Module] = []
    for k, (before, after, kernel, stride, groups) in enumerate(plan):
        inputs, outputs = sounds if k == 0 else before * channels, after * channels
        groups = math.gcd(groups, math.gcd(inputs, outputs))
        layers.append(norm(nn.Conv1d(inputs, outputs, kernel, stride, kernel // 2, groups=groups)))
    return Stack(layers, norm(nn.Conv1d(8 * channels, 1, 3, padding=1)))


class WaveCritics(nn.Module):
    """Several critics as one: their logits joined, each with the same weight in the mean."""

    def __init__(self, periods: tuple[int, ...], scales: int, spec: Spec, channels: int, most: int):
        super().__init__()
        sounds, wide_channels = spec.shape[0], 4 * channels
        self.periods, self.scales = periods, scales
        self.by_period = nn.ModuleList(by_period(sounds, channels, most) for _ in periods)
        self.by_scale = nn.ModuleList(
            by_scale(sounds, wide_channels, spectral_norm if k == 0 else weight_norm) for k in range(scales)
        )
        features = len(periods) * min(channels * 4**3, most) + scales * 8 * wide_channels
        self.label = LabelTable(spec.classes, features, 0.02) if spec.classes else None

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        found, maps, features = [], [], []
        for period, net in zip(self.periods, self.by_period, strict=True):
            more = -x.shape[2] % period
            folded = pad(x, (0, more), mode="reflect") if more else x
            _add(net(folded.unflatten(2, (-1, period))), found, maps, features)
        for k, net in enumerate(self.by_scale):
            x = avg_pool1d(x, 4, 2, 2) if k else x
            _add(net(x), found, maps, features)
        return judged(found, maps, features, self.label, c)


def _add(seen: tuple[Tensor, list[Tensor]], found: list[Tensor], maps: list[Tensor], features: list[Tensor]) -> None:
    found.append(seen[0])
    maps += seen[1]
    features.append(seen[1][-1].mean((2, 3)))


def judged(
    found: list[Tensor], maps: list[Tensor], features: list[Tensor], label: LabelTable | None, c: Tensor | None
) -> DiscriminatorOutput:
    """What several critics say, as one output; a label is projected on their last hidden maps."""
    joined, logits = torch.cat(features, 1), alike(found)
    if label is not None:
        logits = logits + (label(c) * joined).sum(1, keepdim=True)
    return DiscriminatorOutput(logits, joined, layers=maps)


def alike(found: list[Tensor]) -> Tensor:
    """Logits [N, P₁], [N, P₂], ... as one [N, P]: repeated to the longest, so that each critic weighs the same."""
    most = max(logits.shape[1] for logits in found)
    places = torch.arange(most, device=found[0].device)
    return torch.cat([logits[:, places * logits.shape[1] // most] for logits in found], 1)


class StftCritics(nn.Module):
    """Critics of magnitudes at several resolutions."""

    def __init__(self, windows: tuple[int, ...], spec: Spec, channels: int):
        super().__init__()
        self.windows = windows
        plan = [((7, 5), (2, 2)), ((5, 3), (2, 1)), ((5, 3), (2, 2)), ((3, 3), (2, 1)), ((3, 3), (2, 2))]
        self.nets = nn.ModuleList()
        for _ in windows:
            layers: list[nn.Module] = []
            for k, ((high, wide_), stride) in enumerate(plan):
                inputs = spec.shape[0] if k == 0 else channels
                layers.append(weight_norm(nn.Conv2d(inputs, channels, (high, wide_), stride, (high // 2, wide_ // 2))))
            self.nets.append(Stack(layers, weight_norm(nn.Conv2d(channels, 1, 3, padding=1))))
        self.label = LabelTable(spec.classes, channels * len(windows), 0.02) if spec.classes else None

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        found, maps, features = [], [], []
        for window, net in zip(self.windows, self.nets, strict=True):
            more = -x.shape[2] % (window // 4)
            _add(net(analysis(pad(x, (0, more)), window, window // 4).abs().to(x.dtype)), found, maps, features)
        return judged(found, maps, features, self.label, c)


class StftDiscriminator(Discriminator, kind="stft_critics"):
    """Critics of spectra at several resolutions, for vocoders (UnivNet, Jang et al. 2021; as in Vocos)."""

    windows: tuple[int, ...] = (2048, 1024, 512)
    """Samples of the frames of each, in steps of a quarter."""
    channels: int = Field(default=64, ge=1)
    """Channels of all layers."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return nearest_long(shape, "stft_critics")

    def build(self, spec: Spec) -> nn.Module:
        self.nearest(spec.shape)
        return StftCritics(self.windows, spec, self.channels)


def nearest_long(shape: tuple[int, ...], who: str) -> tuple[int, ...]:
    """[C, T] of at least 64 samples; raises UserError for other kinds of samples."""
    if len(shape) != 2 or shape[0] > 2:
        raise UserError(
            f"{who} nets are for sounds [C, T], not for samples of shape {list(shape)}; try mlp",
            code="nets.not_for_shape",
        )
    return shape[0], max(64, shape[1])


class WaveDiscriminator(Discriminator, kind="wave_critics"):
    """Critics of a waveform by periods and by scales."""

    periods: tuple[int, ...] = (2, 3, 5, 7, 11)
    """Periods in samples, one critic each: it sees the waveform folded into rows of that length."""
    scales: int = Field(default=3, ge=0)
    """Critics of the wave, of its half rate, of its quarter rate, ..."""
    channels: int = Field(default=32, ge=1)
    """Channels of the first layer of a period's critic, and a quarter of those of a scale's; each later layer of a
    period has four times as many."""
    max_channels: int = Field(default=1024, ge=1)
    """At most."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return nearest_long(shape, "wave_critics")

    def build(self, spec: Spec) -> nn.Module:
        self.nearest(spec.shape)
        return WaveCritics(self.periods, self.scales, spec, self.channels, self.max_channels)
