"""The pitch of sounds, by autocorrelation, and whether it is the note that was asked for.

After Boersma 1993 ("Accurate short-term analysis of the fundamental frequency ..."): the autocorrelation of a windowed
frame over that of the window; its highest peak among lags of rate/top … rate/low, the shortest lag within a little of
the highest (else one finds the octave below), refined by a parabola. Of the loud frames of a sound the median counts.

x [N, T], frames of 3 periods of the lowest pitch. f [N] in Hz, NaN where no frame has a pitch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from pydantic import Field

from ganforge.core.errors import UserError
from ganforge.metrics.base import Comparison, Meaning, Metric, Result, short_count
from ganforge.modalities.audio.melspec import mono
from ganforge.modalities.audio.notes import frequency_of

VOICED = 0.5  # height of a peak from which on a frame has a pitch
NEAR = 0.9  # of the highest peak: a shorter lag as high as this is the pitch
LOUD = 0.25  # of the loudest frame's RMS
LOW, TOP = 50.0, 2_000.0  # Hz that are looked for, or further where notes lie beyond
TONE = 2 ** (2 / 12)


def pitches(x: np.ndarray, rate: int, low: float = LOW, top: float = TOP) -> np.ndarray:
    """The pitch of each sound [N, T] in Hz, NaN where none is found."""
    size = min(x.shape[1], int(3 * rate / low))
    hop = max(1, size // 4)
    frames = np.lib.stride_tricks.sliding_window_view(x.astype(np.float64), size, axis=1)[:, ::hop]
    window = np.hanning(size)
    lags = np.arange(max(2, int(rate / min(top, rate / 4))), min(int(rate / low) + 2, size // 2))
    most = lags[-1] + 2  # beyond it the window's own is nearly 0
    of_window = _autocorrelation(window[None])[0, :most]
    found = np.full(len(x), np.nan)
    for k, sound in enumerate(frames):
        level = np.sqrt(np.square(sound).mean(1))
        loud = sound[level > LOUD * level.max()] if level.max() > 0 else sound[:0]
        if not len(loud):
            continue
        r = _autocorrelation((loud - loud.mean(1, keepdims=True)) * window)[:, :most] / of_window
        r = r / np.maximum(r[:, :1], 1e-20)
        hits = [pitch for one in r if (pitch := _peak(one, lags, rate)) is not None]
        if len(hits) * 2 > len(loud):
            found[k] = np.median(hits)
    return found


def _autocorrelation(x: np.ndarray) -> np.ndarray:
    size = x.shape[1]
    power = np.square(np.abs(np.fft.rfft(x, 2 * size, axis=1)))
    return np.maximum(np.fft.irfft(power, axis=1)[:, :size], -np.inf)


def _peak(r: np.ndarray, lags: np.ndarray, rate: int) -> float | None:
    inner = r[lags]
    tops = np.flatnonzero((inner > r[lags - 1]) & (inner >= r[lags + 1]))
    if not len(tops) or inner[tops].max() < VOICED:
        return None
    lag = lags[tops[inner[tops] >= NEAR * inner[tops].max()][0]]
    a, b, c = r[lag - 1 : lag + 2]
    return rate / (lag + 0.5 * (a - c) / (a - 2 * b + c))


def semitones(found: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """How far pitches are apart, in semitones."""
    return np.abs(12 * np.log2(found / wanted))


class Pitch(Metric, kind="pitch"):
    """Whether a note has the pitch that its label names (A4, Cs3), by an autocorrelation tracker."""

    needs: ClassVar[frozenset[str]] = frozenset({"labels"})
    signals: ClassVar[tuple[str, ...]] = ("audio",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "pitch": Meaning("Share of notes within a semitone of the pitch that was asked for.", "higher", 1.0)
    }
    within: float = Field(default=1.0, gt=0)
    """Semitones."""

    def compute(self, comparison: Comparison) -> list[Result]:
        wanted = [frequency_of(name) for name in comparison.classes]
        if not wanted or any(pitch is None for pitch in wanted):
            raise UserError(
                "metric 'pitch': the labels name no notes (A4, Cs3, Eb2). Leave it out, or put the note into the "
                "names of the files: oboe_A4_1.wav",
                code="metric.no_notes",
            )
        rate = comparison.facts["rate"]
        n = comparison.count("fake", self.n)
        share = {side: self._right(comparison, side, np.array(wanted, float), rate, n) for side in ("real", "fake")}
        protocol = comparison.protocol(n) | {"semitones": self.within}
        return [Result(f"pitch{short_count(n)}", share["fake"], protocol, {"floor": share["real"]})]

    def _right(self, comparison: Comparison, side: str, wanted: np.ndarray, rate: int, n: int) -> float:
        count = n if side == "fake" else comparison.count("real")
        low, top = float(wanted.min() / TONE), float(wanted.max() * TONE)
        found = pitches(mono(comparison.samples(side, count)), rate, min(low, LOW), max(top, TOP))
        off = semitones(found, wanted[comparison.labels(side, count)])
        return float((off <= self.within).mean())  # one without a pitch is wrong: NaN is not within
