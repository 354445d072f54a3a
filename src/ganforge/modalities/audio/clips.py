"""Recordings as clips of one rate, one number of channels and one length, float32 [C, T]."""

from __future__ import annotations

from collections import Counter
from math import gcd

import numpy as np

from ganforge.core.dataset import BadItem, Dataset
from ganforge.core.errors import UserError
from ganforge.core.extras import need
from ganforge.modalities.audio.source import SoundFiles

SILENT = 1e-4
"""Of full scale (-80 dB): a clip that never rises above it is left out."""


DEAD = 1e-3  # of the loudest channel: one that never rises above it holds the noise of an open input
QUIET = 0.3  # of the length, from which silence at both ends is worth a word
OFFSET = 0.02  # of full scale: a mean beyond it is no sound
FULL, RUN = 0.95, 3  # of full scale, and samples in a row that are there: a flat top
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

    One channel is the mean of those that are not silent (60 dB below the loudest), so that a dead one does not halve
    it. Two are left and right; a single one, or more than two, become two equal ones.
    """
    if channels == 2 and x.shape[1] == 2:
        return x
    peaks = np.abs(x).max(0)
    alive = peaks >= max(SILENT, DEAD * peaks.max())
    mono = (x[:, alive] if alive.any() else x).mean(1, keepdims=True)
    return np.repeat(mono, channels, axis=1)


def trimmed(x: np.ndarray) -> np.ndarray:
    """A sound [T, C] without the silence at both its ends."""
    loud = np.flatnonzero(np.abs(x).max(1) > EDGE * np.abs(x).max())
    return x[loud[0] : loud[-1] + 1] if len(loud) else x


def at_its_limit(x: np.ndarray) -> bool:
    """Whether a sound [T] stays at a peak near full scale for a few samples in a row, as clipped ones do."""
    peak = np.abs(x).max()
    if peak < FULL or len(x) < RUN:
        return False
    at = np.abs(x) >= peak - 2 / 32_768
    return bool(np.lib.stride_tricks.sliding_window_view(at, RUN).all(1).any())


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
        self.cut: set[str] = {files.describe(k) for k, one in enumerate(files.headers) if one is not None and one.cut}
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
        start = start if not self.extra else max(0, min(start, last))
        x, rate = self.files.part(file, start, wanted)
        if header is not None and len(x) < min(wanted, header.frames - start):
            self.cut.add(self.files.describe(file))
        if rate != self.rate:  # beyond its ends a filter takes a sound for zero: an offset would become a click
            x = resampled(x - x.mean(0), rate, self.rate)
        x = x[:size]
        x = mixed(x - x.mean(0), self.channels)  # a dead channel may have an offset of its own
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

    def preflight(self, many: int = 50) -> None:
        """Says in `understood` what becomes of these recordings, by their headers and by `many` clips."""
        headers = self.files.readable()
        rates = Counter(one.rate for one in headers)
        said = []
        if set(rates) != {self.rate}:
            of = ", ".join(f"{rate:,} Hz ({count:,})" for rate, count in rates.most_common(4))
            said.append(f"rates {of}: all become {self.rate:,} Hz (signal.rate)")
        if other := sum(one.channels != self.channels for one in headers):
            said.append(
                f"{other:,} of {len(headers):,} have several channels: the mean of those that are not silent is taken "
                "(signal.stereo=true keeps left and right)" if self.channels == 1 else
                f"{other:,} of {len(headers):,} have other than two channels: both sides are their mean"
            )  # fmt: skip
        short = sum(one.frames / one.rate < self.length / self.rate for one in headers)
        if 0 < short < len(headers):
            said.append(f"{short:,} are shorter than a clip of {self.length / self.rate:.2f} s and end in silence")
        looked = [self._look(k) for k in np.unique(np.linspace(0, len(self) - 1, many).round().astype(int)).tolist()]
        looked = [one for one in looked if one is not None]
        offset, clipped = (sum(one[k] for one in looked) for k in (0, 1))
        if offset:
            said.append(f"{offset:.0f} of {len(looked):,} clips looked at have an offset (DC), which is taken off")
        if clipped:
            said.append(f"{clipped:.0f} of {len(looked):,} clips looked at are clipped, and are taken as they are")
        if looked and not self.trim and (quiet := float(np.mean([one[2] for one in looked]))) > QUIET:
            said.append(f"{quiet:.0%} is silence at both ends (signal.trim=true cuts it off)")
        if self.cut:
            named = ", ".join(sorted(self.cut)[:5]) + (" …" if len(self.cut) > 5 else "")
            said.append(f"{len(self.cut):,} end before their header says, and are read as far as they go: {named}")
        self.understood = (*self.files.understood, *said)

    def _look(self, index: int) -> tuple[bool, bool, float] | None:
        """Of a clip whether it has an offset, whether it is clipped, and the share of silence at its ends."""
        file, piece = self.pieces[index]
        header = self.files.headers[file]
        share = (header.rate if header else self.rate) / self.rate
        try:
            x, _ = self.files.part(file, int(piece * self.length * share), int(self.length * share) + 1)
        except BadItem:  # counted and named when the loader reads it
            return None
        if header is not None and len(x) < min(
            int(self.length * share), header.frames - int(piece * self.length * share)
        ):
            self.cut.add(self.files.describe(file))
        if np.abs(x).max() < SILENT:
            return None
        off = np.abs(x.mean(0)) > OFFSET
        return bool(off.any()), any(map(at_its_limit, x.T)), 1 - len(trimmed(x - x.mean(0))) / len(x)

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
