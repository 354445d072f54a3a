"""Log-mel spectra as vocoders take them. What a mel is belongs to the model: another one gives noise or metal.

    M = log( max(floor, W |S|) )        S the spectrum, W [bands, bins] triangles on the mel scale

Scales: slaney, linear to 1 kHz and logarithmic above it, each triangle of area 1 (HiFi-GAN); htk, 2595 log10(1 +
f/700), each triangle of height 1 (Vocos). |S| is not divided by the window, as in these papers.

x [N, C, T] → M [N, C · bands, T / hop].
"""

from __future__ import annotations

from functools import cache
from typing import Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import pad

from ganforge.core.component import Component
from ganforge.core.types import wide
from ganforge.modalities.audio.stft import analysis, synthesis


class MelScale(Component):
    """A definition of log-mel spectra."""

    window: int = Field(default=1024, ge=16)
    """Samples of a frame."""
    hop: int = Field(default=256, ge=4)
    """Samples from a frame to the next."""
    bands: int = Field(default=80, ge=1)
    """How many."""
    low: float = Field(default=0.0, ge=0)
    """The lowest frequency in Hz."""
    high: float | None = Field(default=8_000.0, gt=0)
    """The highest frequency in Hz, at most half the rate; null: half the rate."""
    scale: Literal["slaney", "htk"] = "slaney"
    """The mel scale, and how triangles are scaled."""
    floor: float = Field(default=1e-5, gt=0)
    """Least value before the logarithm."""

    def __call__(self, x: Tensor, rate: int) -> Tensor:
        return self._of(analysis(x, self.window, self.hop), rate).flatten(1, 2)

    def inverse(self, mel: Tensor, rate: int) -> Tensor:
        """Magnitudes [N, bins, F] of which a mel [N, bands, F] may come: by the pseudo-inverse, not below 0."""
        return (torch.from_numpy(np.linalg.pinv(self._weights(rate).numpy())).to(mel) @ mel.exp()).clamp_min(0)

    def nearer(self, x: Tensor, mel: Tensor, rate: int) -> Tensor:
        """Sounds [N, C, T] changed so that their mels come nearer to `mel` [N, C · bands, F].

        Each bin of the spectrum is multiplied by e^g, where g is what the logarithms of the bands around the bin lack,
        a mean by the heights of their triangles. The synthesis takes the sound nearest to these spectra, as a round
        of Griffin & Lim 1984 does with magnitudes. What no band holds, 0 Hz and half the rate, becomes 0.
        """
        spectra = analysis(x, self.window, self.hop)
        lacking = wide(mel).unflatten(1, (x.shape[1], -1)) - self._of(spectra, rate)
        heights = self._weights(rate).to(lacking).T
        shares = heights / heights.sum(1, keepdim=True).clamp_min(1e-9)  # [bins, bands]; 0 beyond the bands
        gain = pad((shares @ lacking).exp()[..., 1:-1, :], (0, 0, 1, 1))
        return synthesis(spectra * gain, self.window, self.hop)

    def _of(self, spectra: Tensor, rate: int) -> Tensor:
        """Of spectra [N, C, bins, F]: [N, C, bands, F]."""
        magnitude = (spectra.abs().square() + 1e-9).sqrt()
        return (self._weights(rate).to(magnitude) @ magnitude).clamp_min(self.floor).log()

    def _weights(self, rate: int) -> Tensor:
        return torch.from_numpy(filters(self.window // 2 + 1, rate, self.bands, self.low, self._top(rate), self.scale))

    def _top(self, rate: int) -> float:
        return rate / 2 if self.high is None else min(self.high, rate / 2)


def to_mel(f: np.ndarray | float, scale: str) -> np.ndarray:
    f = np.asarray(f, float)
    if scale == "htk":
        return 2595 * np.log10(1 + f / 700)
    return np.where(f < 1000, 3 * f / 200, 15 + np.log(np.maximum(f, 1000) / 1000) * 27 / np.log(6.4))


def to_hertz(m: np.ndarray, scale: str) -> np.ndarray:
    if scale == "htk":
        return 700 * (10 ** (m / 2595) - 1)
    return np.where(m < 15, 200 * m / 3, 1000 * np.exp(np.log(6.4) / 27 * (np.maximum(m, 15) - 15)))


@cache
def filters(bins: int, rate: int, bands: int, low: float, top: float, scale: str) -> np.ndarray:
    """[bands, bins]."""
    edges = to_hertz(np.linspace(to_mel(low, scale), to_mel(top, scale), bands + 2), scale)
    f = np.linspace(0, rate / 2, bins)
    left, mid, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    found = np.clip(np.minimum((f - left) / (mid - left), (right - f) / (right - mid)), 0, None)
    return found * (2 / (right - left)) if scale == "slaney" else found
