"""Sounds as images of their log magnitudes; phases are found again by Griffin–Lim.

Donahue et al. 2019, "Adversarial Audio Synthesis" (SpecGAN): the bin of half the rate is dropped, so that sizes are
powers of two; each bin is standardized over the data, and what lies beyond `limit` deviations is cut:

    X = clip( (log(|S| + floor) − μ_bin) / (limit · σ_bin), −1, 1 )

S [bins, frames] the spectrum of a clip, divided by window/4: 1 is a tone at full scale.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from pydantic import Field
from torch import Tensor

from ganforge.core.errors import UserError
from ganforge.core.language import phrase
from ganforge.modalities.audio.forms.base import Form
from ganforge.modalities.audio.stft import analysis, griffin_lim


class Spectrogram(Form, kind="spectrogram"):
    """Log magnitudes of short-time spectra, standardized bin by bin."""

    window: int = Field(default=256, ge=16)
    """Samples of a frame: half as many are the bins."""
    hop: int = Field(default=64, ge=4)
    """Samples from a frame to the next. A quarter of the window or less makes the phases easier to find again."""
    floor: float = Field(default=1e-3, gt=0)
    """Added to magnitudes before the logarithm: what is quieter (1e-3 is -60 dB of full scale) looks like silence."""
    limit: float = Field(default=3.0, gt=0)
    """Deviations that become 1."""
    rounds: int = Field(default=60, ge=0)
    """Rounds of Griffin-Lim that find the phases."""

    @property
    def statistics(self) -> str:
        return phrase("the mean and the deviation of the loudness of each frequency")

    def shape(self, channels: int, length: int) -> tuple[int, ...]:
        if length % self.hop:
            raise UserError(
                f"signal.form.hop={self.hop}: does not divide a clip of {length:,} samples; use a power of two up to "
                "512",
                code="audio.hop_does_not_divide",
            )
        return channels, self.window // 2, length // self.hop

    def measure(self, x: Tensor, rate: int) -> dict[str, Any]:
        level = self._level(x)
        mean, deviation = level.mean((0, 1, 3)), level.std((0, 1, 3)).clamp_min(1e-3)
        return {"mean": [round(v, 4) for v in mean.tolist()], "deviation": [round(v, 4) for v in deviation.tolist()]}

    def encode(self, x: Tensor, known: Mapping[str, Any]) -> Tensor:
        mean, deviation = self._known(known, x)
        return ((self._level(x) - mean) / (self.limit * deviation)).clamp(-1, 1)

    def decode(self, x: Tensor, known: Mapping[str, Any]) -> Tensor:
        mean, deviation = self._known(known, x)
        level = x.clamp(-1, 1) * self.limit * deviation + mean
        magnitude = (level.exp() - self.floor).clamp_min(0) * (self.window / 4)
        magnitude = torch.cat([magnitude, torch.zeros_like(magnitude[:, :, :1])], 2)
        return griffin_lim(magnitude, self.window, self.hop, self.rounds)

    def _level(self, x: Tensor) -> Tensor:
        """Log magnitudes [N, C, window/2, F]."""
        magnitude = analysis(x, self.window, self.hop)[..., :-1, :].abs() / (self.window / 4)
        return (magnitude + self.floor).log()

    def _known(self, known: Mapping[str, Any], like: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and deviation of each bin, [bins, 1] each."""
        return tuple(torch.tensor(known[name]).to(like)[:, None] for name in ("mean", "deviation"))  # type: ignore
