"""Sounds as images of log magnitude and instantaneous frequency, on the mel scale.

Engel et al. 2019, "GANSynth". With S [bins, frames] the spectrum without its first bin, M [bands, bins] triangles on
the mel scale and φ the phase, unwrapped along time:

    A = log(M |S| + 1e-6), to [−0.8, 0.8] by its range over the data
    I = (Δ_t Mφ) / π, wrapped to [−1, 1]                 the first frame holds the phase itself

Back: |S| = M⁺ (exp A − 1e-6) and φ = Mᵀ/ΣM · cumsum(π I), then the inverse STFT. A note of a constant pitch has
constant stripes in I, where phases turn: that is what a convolution can draw.

x [N, C, T] ↔ [N, 2·C, frames, bands]: time first, as in the paper.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from ganforge.core.errors import UserError
from ganforge.core.language import phrase
from ganforge.modalities.audio.forms.base import Form
from ganforge.modalities.audio.stft import analysis, synthesis

SAFE = 1e-6
REACH = 0.8


@cache
def matrices(bins: int, rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Triangles M [bins, bins], as many bands as bins, each of sum 1, and the pseudo-inverse."""
    top = 1127 * np.log1p(rate / 2 / 700)
    edges = 700 * np.expm1(np.linspace(0, top, bins + 2) / 1127)
    f = np.linspace(0, rate / 2, bins + 1)[1:]
    low, mid, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    found = np.clip(np.minimum((f - low) / (mid - low), (high - f) / (high - mid)), 0, None)
    for band in np.flatnonzero(found.sum(1) == 0):  # narrower than a bin: the nearest one
        found[band, np.abs(f - mid[band]).argmin()] = 1
    found /= found.sum(1, keepdims=True)
    return found, np.linalg.pinv(found, rcond=1e-2)


class MelIf(Form, kind="mel_if"):
    """Log-mel magnitudes and mel instantaneous frequencies."""

    window: int = Field(default=2048, ge=64)
    """Samples of a frame: half as many are the bands. A frame begins every quarter of it."""

    @property
    def hop(self) -> int:
        return self.window // 4

    @property
    def statistics(self) -> str:
        return phrase("the range of the loudness")

    def shape(self, channels: int, length: int) -> tuple[int, ...]:
        if length % self.hop:
            raise UserError(
                f"signal.form.window={self.window}: a quarter of it does not divide a clip of {length:,} samples; use "
                "a power of two up to 2048",
                code="audio.hop_does_not_divide",
            )
        return 2 * channels, length // self.hop, self.window // 2

    def measure(self, x: Tensor, rate: int) -> dict[str, Any]:
        level = self._level(self._spectra(x), rate)
        return {"low": float(level.min()), "high": max(float(level.max()), float(level.min()) + 1e-3)}

    def encode(self, x: Tensor, known: Mapping[str, Any]) -> Tensor:
        level, phase = self._parts(x, known["rate"])
        step = torch.diff(phase, dim=-1, prepend=torch.zeros_like(phase[..., :1]))
        step = torch.remainder(step / torch.pi + 1, 2) - 1
        level = (2 * (level - known["low"]) / (known["high"] - known["low"]) - 1) * REACH
        return torch.cat([level.clamp(-1, 1), step], 1).transpose(2, 3).contiguous()

    def decode(self, x: Tensor, known: Mapping[str, Any]) -> Tensor:
        forth, back = self._matrices(known["rate"], x)
        level, step = x.transpose(2, 3).chunk(2, 1)
        level = (level / REACH + 1) / 2 * (known["high"] - known["low"]) + known["low"]
        magnitude = (back @ (level.clamp(max=known["high"]).exp() - SAFE).clamp_min(0)).clamp_min(0) * (self.window / 4)
        spread = forth.T / forth.T.sum(1, keepdim=True).clamp_min(1e-9)
        phase = spread @ (step * torch.pi).cumsum(-1)
        spectra = torch.polar(magnitude, phase)
        return synthesis(torch.cat([torch.zeros_like(spectra[:, :, :1]), spectra], 2), self.window, self.hop)

    def _parts(self, x: Tensor, rate: int) -> tuple[Tensor, Tensor]:
        """Log-mel magnitudes and mel phases, each [N, C, bands, frames]."""
        spectra = self._spectra(x)
        forth, _ = self._matrices(rate, spectra.real)
        phase = spectra.angle()
        turn = torch.diff(phase, dim=-1)
        turn = torch.remainder(turn + torch.pi, 2 * torch.pi) - torch.pi
        phase = torch.cat([phase[..., :1], phase[..., :1] + turn.cumsum(-1)], -1)
        return self._level(spectra, rate), forth @ phase

    def _spectra(self, x: Tensor) -> Tensor:
        """[N, C, bins, frames], complex."""
        return analysis(x, self.window, self.hop)[..., 1:, :] / (self.window / 4)

    def _level(self, spectra: Tensor, rate: int) -> Tensor:
        """Log-mel magnitudes [N, C, bands, frames]."""
        forth, _ = self._matrices(rate, spectra.real)
        return (forth @ spectra.abs() + SAFE).log()

    def _matrices(self, rate: int, like: Tensor) -> tuple[Tensor, Tensor]:
        return tuple(torch.from_numpy(m).to(like) for m in matrices(self.window // 2, rate))  # type: ignore
