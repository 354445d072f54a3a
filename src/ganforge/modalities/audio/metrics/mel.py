"""Features of sounds: a coarse log-mel spectrogram, for Fréchet distances and neighbors.

No net is trained and none is downloaded: figures with these features compare runs on the same data, and are not the
Fréchet audio distance of papers (Kilgour et al. 2019), which needs a trained net.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ganforge.metrics.base import Encoder, Extractor, OpenContext, SampleSet
from ganforge.modalities.audio.melspec import BANDS, FLOOR, log_mel, mono

RATE = 16_000
"""That the mel bands are laid out for, whatever the rate of the sounds is: features know no rates."""
SPANS = 16
"""Stretches of time, all as long, over which each pair of bands is averaged."""


class Mel(Extractor, kind="mel"):
    """Sounds by their loudness in 24 mel bands and 16 stretches of time, without a net."""

    signals = ("audio",)

    def load(self, data: SampleSet, context: OpenContext) -> Encoder:
        return MelEncoder()


class MelEncoder(Encoder):
    """Sounds [N, T] → [N, 384], 0 for -80 dB and below, 1 for full scale."""

    name = "mel"
    dim = BANDS // 2 * SPANS

    def __init__(self) -> None:
        self.detail = {}

    def encode(self, samples: np.ndarray) -> tuple[Tensor, Tensor | None]:
        level = ((log_mel(mono(samples), RATE) - FLOOR) / -FLOOR).clip(0, 1)  # [N, bands, frames]
        level = level.reshape(len(level), BANDS // 2, 2, -1).mean(2)
        spans = np.array_split(np.arange(level.shape[2]), SPANS)
        features = np.stack([level[:, :, span].mean(2) if len(span) else level[:, :, -1] for span in spans], 2)
        return torch.from_numpy(features.reshape(len(features), -1).astype(np.float32)), None
