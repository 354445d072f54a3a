"""Recordings as clips of one rate, one number of channels and one length, float32 [C, T]."""

from __future__ import annotations

from math import gcd

import numpy as np

from ganforge.core.dataset import BadItem, Dataset
from ganforge.modalities.audio.source import SoundFiles

SILENT = 1e-4
"""Of full scale (-80 dB): a clip that never rises above it is left out."""


def resampled(x: np.ndarray, before: int, after: int) -> np.ndarray:
    """A sound [T, C] at another rate, by polyphase filtering."""
    if before == after:
        return x
    from scipy.signal import resample_poly

    common = gcd(before, after)
    return resample_poly(x, after // common, before // common, axis=0).astype(np.float32)


class Clips(Dataset):
    """The pieces of all recordings: each is cut into clips of `length` samples, and the last is padded with silence.

    The mean of a clip is taken off (a DC offset is no sound). Stereo becomes mono by the mean of its channels.
    """

    signal = "audio"

    def __init__(self, files: SoundFiles, rate: int, length: int):
        self.files, self.rate, self.length = files, rate, length
        self.name, self.classes, self.skipped = files.name, files.classes, list(files.skipped)
        self.pieces = [(k, piece) for k, one in enumerate(files.headers) for piece in range(self._count(one))]
        self.labels = None if files.labels is None else files.labels[[k for k, _ in self.pieces]]

    def _count(self, header) -> int:
        """Clips of a recording: one, and one more for each further length that is at least half full."""
        if header is None:
            return 1  # is read, and named with what is wrong
        return max(1, round(header.frames * self.rate / header.rate / self.length))

    def __len__(self) -> int:
        return len(self.pieces)

    def read(self, index: int) -> np.ndarray:
        file, piece = self.pieces[index]
        header = self.files.headers[file]
        share = (header.rate if header else self.rate) / self.rate
        wanted = int(self.length * share) + 1
        x, rate = self.files.part(file, int(piece * self.length * share), wanted)
        x = resampled(x, rate, self.rate)[: self.length].mean(1)
        if np.abs(x).max() < SILENT:
            raise BadItem(self.describe(index), "silent")
        return np.pad(x - x.mean(), (0, self.length - len(x)))[None]

    def shapes(self) -> dict[tuple[tuple[int, ...], str], int]:
        return {((1, self.length), "float32"): len(self)}

    def describe(self, index: int) -> str:
        file, piece = self.pieces[index]
        return f"{self.files.describe(file)}, clip {piece}" if piece else self.files.describe(file)
