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


EDGE = 10**-2.5
"""Of the peak (-50 dB): what is quieter at the ends of a recording is silence."""


def resampled(x: np.ndarray, before: int, after: int) -> np.ndarray:
    """A sound [T, C] at another rate, by polyphase filtering."""
    if before == after:
        return x
    need("scipy", "a sound at another rate")
    from scipy.signal import resample_poly

    common = gcd(before, after)
    return resample_poly(x, after // common, before // common, axis=0).astype(np.float32)


def mixed(x: np.ndarray, channels: int) -> np.ndarray:
    """A recording [T, C] with 1 or 2 channels, [T, channels].

    One channel is the mean of those that are not silent, so that a dead channel does not halve the sound. Two are left
    and right; a single one, or more than two, become two equal ones.
    """
    if channels == 2 and x.shape[1] == 2:
        return x
    alive = np.abs(x).max(0) >= SILENT
    mono = (x[:, alive] if alive.any() else x).mean(1, keepdims=True)
    return np.repeat(mono, channels, axis=1)


def trimmed(x: np.ndarray) -> np.ndarray:
    """A sound [T, C] without the silence at both its ends."""
    loud = np.flatnonzero(np.abs(x).max(1) > EDGE * np.abs(x).max())
    return x[loud[0] : loud[-1] + 1] if len(loud) else x


class Clips(Dataset):
    """The pieces of all recordings: each is cut into clips of `length` samples, and the last is padded with silence.

    The mean of a clip is taken off (a DC offset is no sound). Only the part of a file that a clip needs is read, so a
    recording of hours takes no more memory than a short one.

    Args:
        rate: samples a second.
        length: samples of a clip.
        extra: samples that follow a clip and are read with it, for crops that begin anywhere in between.
        channels: 1 or 2.
        trim: whether silence at both ends of a recording of one clip is cut off.
    """

    signal = "audio"

    def __init__(
        self, files: SoundFiles, rate: int, length: int, extra: int = 0, channels: int = 1, trim: bool = False
    ):
        self.files, self.rate, self.length, self.extra = files, rate, length, extra
        self.channels, self.trim = channels, trim
        self.name, self.skipped = files.name, list(files.skipped)
        self.understood, self.left_out, self.no_labels = files.understood, files.left_out, files.no_labels
        self.pieces = [(k, piece) for k, one in enumerate(files.headers) for piece in range(self._count(one))]
        self.known_from(files, np.array([k for k, _ in self.pieces], np.int64))

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
        size = self.length + self.extra
        wanted = int(size * share) + 1
        last = header.frames - wanted if header else 0  # what begins later would end in silence
        start = int(piece * self.length * share)
        single = header is not None and self._count(header) == 1
        x, rate = self.files.part(file, start if not self.extra else max(0, min(start, last)), wanted)
        x = mixed(resampled(x, rate, self.rate)[:size], self.channels)
        x = x - x.mean(0)
        if np.abs(x).max() < SILENT:
            raise BadItem(self.describe(index), "silent")
        if self.trim and single:
            x = trimmed(x)
        return np.ascontiguousarray(np.pad(x, ((0, size - len(x)), (0, 0))).T)

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

    def some(self, many: int) -> np.ndarray:
        """Up to `many` clips that can be used, spread over all, [N, C, T]."""
        found = []
        for k in np.unique(np.linspace(0, len(self) - 1, many).round().astype(int)).tolist():
            try:
                found.append(self.read(k))
            except BadItem:  # counted and named when the loader reads it
                continue
        return np.stack(found)

    def identity(self) -> str:
        return self.files.identity()

    def shapes(self) -> dict[tuple[tuple[int, ...], str], int]:
        return {((self.channels, self.length), "float32"): len(self)}

    def describe(self, index: int) -> str:
        file, piece = self.pieces[index]
        return f"{self.files.describe(file)}, clip {piece}" if piece else self.files.describe(file)
