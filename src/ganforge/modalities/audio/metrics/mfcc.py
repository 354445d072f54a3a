"""Features of sounds without a net: means and deviations of 20 mel-frequency cepstral coefficients.

Davis & Mermelstein 1980. Log-mel spectra (dB over 20/ln 10, at least -80 dB) through an orthonormal DCT-II over the
bands; of each of the first 20 coefficients the mean and the deviation over time, in units of the deviations of the real
samples:

    f(x) = ( (mean c₁..₂₀, sd c₁..₂₀) − μ_real ) / σ_real                                              [N, 40]

They know the voice (one speaker is far from another) and the word. Not the Fréchet audio distance of papers (Kilgour et
al. 2019), which needs a trained net.
"""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from torch import Tensor

from ganforge.metrics.base import Encoder, Extractor, OpenContext, SampleSet
from ganforge.modalities.audio.melspec import FLOOR, log_mel, mono

RATE = 16_000
"""That the mel bands are laid out for, whatever the rate of the sounds is: features know no rates."""
COEFFICIENTS = 20
MOST = 5_000  # real samples that the units come from


def cepstra(x: np.ndarray, rate: int = RATE) -> np.ndarray:
    """Sounds [N, T] → [N, 20, frames]."""
    from scipy.fft import dct

    level = np.maximum(log_mel(mono(x), rate), FLOOR) * np.log(10) / 20
    return np.asarray(dct(level, axis=1, norm="ortho"))[:, :COEFFICIENTS]


def raw_features(x: np.ndarray) -> np.ndarray:
    """Sounds [N, T] → [N, 40], not yet in units of the real ones."""
    c = cepstra(x)
    return np.concatenate([c.mean(2), c.std(2)], 1)


class Mfcc(Extractor, kind="mfcc"):
    """Sounds by the means and deviations of 20 cepstral coefficients, without a net."""

    signals = ("audio",)

    def load(self, data: SampleSet, context: OpenContext) -> Encoder:
        found = np.concatenate([raw_features(part) for part in data.parts(256, min(data.n, MOST))])
        return MfccEncoder(found.mean(0), np.maximum(found.std(0), 1e-6))


class MfccEncoder(Encoder):
    """Sounds [N, T] → [N, 40]."""

    name = "mfcc"
    dim = 2 * COEFFICIENTS

    def __init__(self, mean: np.ndarray, deviation: np.ndarray):
        self.mean, self.deviation = mean, deviation
        units = np.concatenate([mean, deviation]).astype(np.float32)
        self.digest = hashlib.sha256(np.round(units, 3).tobytes()).hexdigest()
        self.detail = {}

    def encode(self, samples: np.ndarray) -> tuple[Tensor, Tensor | None]:
        found = (raw_features(samples) - self.mean) / self.deviation
        return torch.from_numpy(found.astype(np.float32)), None
