"""Degradations of sounds for nets that learn to restore them, as a text: `noise(snr=0..20)+reverb`.

    noise(snr=5..25)        white noise, snr dB below the sound                x + ε · rms(x) · 10^(−snr/20)
    band(rate=8000)         as if recorded at a lower rate: nothing above half of it is left
    clip(level=0.1..0.5)    cut at a share of the peak                         clamp(x, −l · peak, l · peak)
    reverb(seconds=0.1..0.6)  an exponential decay of noise after the sound, −60 dB after `seconds`

x [N, C, T] float in [-1, 1]; all draws come from `rng`, one row a sound. `a..b` is drawn uniformly for every sound.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import torch
from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError
from torch import Tensor

from ganforge.core.component import Component
from ganforge.core.overrides import called, parts
from ganforge.core.rng import Rng


def _range(value: Any) -> Any:
    """`5..25`, a number, or two of them."""
    if isinstance(value, str) and ".." in value:
        value = value.split("..")
    pair = value if isinstance(value, (list, tuple)) else (value, value)
    try:
        low, high = (float(v) for v in pair)
    except (TypeError, ValueError):
        raise PydanticCustomError("component", "expected a number or a..b") from None
    if low > high:
        raise PydanticCustomError("component", "expected a..b with a not above b")
    return low, high


Range = Annotated[tuple[float, float], BeforeValidator(_range)]


class SoundDegrade(Component, family="sound_degrade"):
    """A degradation of sounds. A bare string is a text such as `noise(snr=0..20)`, or several joined by +."""

    @classmethod
    def from_text(cls, text: str) -> Mapping[str, Any]:
        steps = [cls._one(part.strip()) for part in parts(text, "+")]
        return steps[0] if len(steps) == 1 else {"kind": "in_turn", "steps": steps}

    @classmethod
    def _one(cls, text: str) -> dict[str, Any]:
        name, fields = called(text) or (text, {})
        return {"kind": name} | dict(fields)

    def apply(self, x: Tensor, rate: int, rng: Rng) -> Tensor:
        """Degraded sounds [N, C, T] of the same rate and length."""
        raise NotImplementedError


class InTurn(SoundDegrade, kind="in_turn"):
    """Several degradations, each applied to what the one before made."""

    steps: Annotated[tuple[SoundDegrade, ...], Field(min_length=1)]
    """The degradations, first to last."""

    def apply(self, x: Tensor, rate: int, rng: Rng) -> Tensor:
        for k, step in enumerate(self.steps):
            x = step.apply(x, rate, rng.at(str(k)))
        return x


class Noise(SoundDegrade, kind="noise"):
    """White noise."""

    snr: Range = (5.0, 25.0)
    """How far below the sound it is, in dB, or a..b."""

    def apply(self, x: Tensor, rate: int, rng: Rng) -> Tensor:
        rms = x.square().mean((1, 2), keepdim=True).sqrt().clamp_min(1e-4)
        return x + rng.normal("noise", tuple(x.shape)) * rms * 10 ** (-drawn(rng, "snr", self.snr, len(x)) / 20)


class Band(SoundDegrade, kind="band"):
    """As if recorded at a lower rate."""

    rate: int = Field(default=8_000, ge=500)
    """Samples a second that it was recorded with."""

    def apply(self, x: Tensor, rate: int, rng: Rng) -> Tensor:
        spectrum = torch.fft.rfft(x, 2 * x.shape[-1])
        f = torch.linspace(0, rate / 2, spectrum.shape[-1], device=x.device, dtype=x.dtype)
        edge = self.rate / 2
        keep = ((edge - f) / (0.1 * edge)).clamp(0, 1)  # falls to nothing in the last tenth below the edge
        return torch.fft.irfft(spectrum * keep, 2 * x.shape[-1])[..., : x.shape[-1]]


class Clip(SoundDegrade, kind="clip"):
    """Cut at a share of the peak, as an overloaded microphone does."""

    level: Range = (0.1, 0.5)
    """Of the peak, or a..b."""

    def apply(self, x: Tensor, rate: int, rng: Rng) -> Tensor:
        most = drawn(rng, "level", self.level, len(x)) * x.abs().amax((1, 2), keepdim=True)
        return torch.minimum(torch.maximum(x, -most), most)


class Reverb(SoundDegrade, kind="reverb"):
    """The echo of a room: noise that decays."""

    seconds: Range = (0.1, 0.6)
    """Until it is 60 dB below the sound, or a..b."""
    level: Range = (-10.0, 0.0)
    """Of the echo against the sound, in dB, or a..b."""

    def apply(self, x: Tensor, rate: int, rng: Rng) -> Tensor:
        n, _, length = x.shape
        long = min(length, int(self.seconds[1] * rate) + 1)
        t = torch.arange(long, device=x.device, dtype=x.dtype) / rate
        decay = 10 ** (-3 * t / drawn(rng, "seconds", self.seconds, n))
        tail = rng.normal("tail", (n, 1, long)) * decay
        tail = tail / tail.square().sum(2, keepdim=True).sqrt() * 10 ** (drawn(rng, "level", self.level, n) / 20)
        size = length + long
        echo = torch.fft.irfft(torch.fft.rfft(x, size) * torch.fft.rfft(tail, size), size)[..., :length]
        return x + echo


def drawn(rng: Rng, name: str, between: tuple[float, float], n: int) -> Tensor:
    """A number for each sound, [n, 1, 1]."""
    return (
        rng.uniform(name, (n, 1, 1), *between)
        if between[0] < between[1]
        else torch.full((n, 1, 1), between[0], dtype=rng.dtype)
    )
