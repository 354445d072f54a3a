"""Recordings as clips of one rate, one number of channels and one length, float32 [C, T]."""

from __future__ import annotations

from math import gcd

import numpy as np

from ganforge.core.dataset import BadItem, Dataset
from ganforge.core.errors import UserError
from ganforge.core.extras import need
from ganforge.modalities.audio.source import SoundFiles

SILENT = 1e-4
"""Of full scale (-80 dB): a clip that never rises above it is left out."""


def resampled(x: np.ndarray, before: int, after: int) -> np.ndarray:
    """A sound [T, C] at another rate, by polyphase filtering."""
    if before == after:
        return x
    need("scipy", "a sound at another rate")
    from scipy.signal import resample_poly

    common = gcd(before, after)
    return resample_poly(x, after // common, before // common, axis=0).astype(np.float32)


class Clips(Dataset):
    """The pieces of all recordings: each is cut into clips of `length` samples, and the last is padded with silence.

    The mean of a clip is taken off (a DC offset is no sound). Several channels become one by their mean.

    Args:
        rate: samples a second.
        length: samples of a clip.
    """

    signal = "audio"

    def __init__(self, files: SoundFiles, rate: int, length: int):
        self.files, self.rate, self.length = files, rate, length
        self.name, self.classes, self.skipped = files.name, files.classes, list(files.skipped)
        self.understood, self.left_out, self.no_labels = files.understood, files.left_out, files.no_labels
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
        x = x - x.mean()
        if np.abs(x).max() < SILENT:
            raise BadItem(self.describe(index), "silent")
        return np.pad(x, (0, self.length - len(x)))[None]

    def peak(self, many: int = 50) -> float:
        """The loudest peak of `many` clips spread over all; of more where none of these can be used.

        Raises:
            UserError: no clip can be used (says why of the first).
        """
        first = np.unique(np.linspace(0, len(self) - 1, many).round().astype(int)).tolist()
        others = sorted(set(range(len(self))) - set(first))
        found, why = 0.0, ""
        for looked_at, k in enumerate([*first, *others]):
            if found and looked_at >= len(first):
                break
            try:
                found = max(found, float(np.abs(self.read(k)).max()))
            except BadItem as error:
                why = why or str(error)
        if not found:
            raise UserError(
                f"data {self.name}: none of its {len(self):,} sounds can be used ({why}). Give files that can be heard",
                code="data.mostly_unreadable",
            )
        return found

    def identity(self) -> str:
        return self.files.identity()

    def shapes(self) -> dict[tuple[tuple[int, ...], str], int]:
        return {((1, self.length), "float32"): len(self)}

    def describe(self, index: int) -> str:
        file, piece = self.pieces[index]
        return f"{self.files.describe(file)}, clip {piece}" if piece else self.files.describe(file)
