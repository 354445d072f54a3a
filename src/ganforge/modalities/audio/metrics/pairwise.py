"""How far sounds are from those that they should be, pair by pair.

    mel_l1       mean |Δ log mel| in nepers                                           Kong et al. 2020 (HiFi-GAN)
    mstft        mean over windows 512, 1024, 2048 of ‖|S| − |Ŝ|‖/‖|S|‖ + mean |Δ log|S||   Yamamoto et al. 2020
    mcd          (10 √2 / ln 10) · mean over frames ‖c₁..₁₃ − ĉ₁..₁₃‖ in dB, heard frames   Kubichek 1993
                 c are the coefficients of log amplitude = c₀ + Σ c_m cos(m ω) along the mel scale, so that the value is
                 the RMS difference of the smooth log spectra: vocoders of papers are at 1 to 5 dB
    vuv_f1       F1 of the frames that have a pitch, and
    periodicity  RMS of the difference of the heights of the autocorrelation's peak    Morrison et al. 2022
    si_sdr       10 log10 ‖αt‖² / ‖αt − ŷ‖², α = <ŷ, t> / ‖t‖², in dB; for restored sounds only, since a vocoder is free
                 to choose phases                                                      Le Roux et al. 2019
    stoi         intelligibility of speech, over the sounds of which 0.4 s can be heard (`stoi.py`)   Taal et al. 2011

ŷ, t [N, T] made and target; S their spectra, c their cepstra.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch

from ganforge.metrics.base import Comparison, Meaning, Metric, Result, short_count
from ganforge.modalities.audio.melspec import BANDS, FLOOR, log_mel, mono, powers
from ganforge.modalities.audio.metrics.mfcc import cepstra
from ganforge.modalities.audio.metrics.stoi import stoi
from ganforge.modalities.audio.stft import analysis

WINDOWS = (512, 1024, 2048)
PART = 64
QUIET = 50.0  # dB: what is softer is silence between words


def mel_l1(y: np.ndarray, t: np.ndarray, rate: int) -> np.ndarray:
    """[N], in nepers of amplitude."""
    a, b = (np.maximum(log_mel(x, rate), FLOOR) * np.log(10) / 20 for x in (y, t))
    return np.abs(a - b).mean((1, 2))


def mstft(y: np.ndarray, t: np.ndarray) -> np.ndarray:
    """[N]: spectral convergence and log magnitudes, mean over the windows that fit."""
    found = []
    for window in (w for w in WINDOWS if w <= y.shape[1]):
        sizes = []
        for x in (y, t):
            whole = x.shape[1] // (window // 4) * (window // 4)
            sizes.append(analysis(torch.from_numpy(x[:, :whole].astype(np.float64)), window, window // 4).abs())
        made, wanted = sizes
        gap = (made - wanted).flatten(1).norm(dim=1) / wanted.flatten(1).norm(dim=1).clamp_min(1e-9)
        logs = (made.clamp_min(1e-5).log() - wanted.clamp_min(1e-5).log()).abs().flatten(1).mean(1)
        found.append((gap + logs).numpy())
    return np.mean(found, axis=0)


def mcd(y: np.ndarray, t: np.ndarray, rate: int) -> np.ndarray:
    """[N], in dB, over the frames in which the target is no more than 50 dB below its loudest."""
    # a coefficient of an orthonormal DCT of B bands is √(B / 2) times that of the cosine series
    gap = np.sqrt(2 / BANDS) * (cepstra(y, rate) - cepstra(t, rate))[:, 1:14]
    level = 10 * np.log10(powers(t).sum(2) + 1e-20)  # [N, frames]
    heard = level > level.max(1, keepdims=True) - QUIET
    distance = 10 * np.sqrt(2) / np.log(10) * np.sqrt(np.square(gap).sum(1))
    return (distance * heard).sum(1) / heard.sum(1)


def si_sdr(y: np.ndarray, t: np.ndarray) -> np.ndarray:
    """[N], in dB; between −60 and 60, so that silence has a value."""
    wanted = (y * t).sum(1, keepdims=True) / np.maximum(np.square(t).sum(1, keepdims=True), 1e-12) * t
    ratio = np.square(wanted).sum(1) / np.maximum(np.square(wanted - y).sum(1), 1e-12)
    return (10 * np.log10(np.maximum(ratio, 1e-12))).clip(-60, 60)


def voicing(x: np.ndarray, rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Of frames of 40 ms every 10: the height of the autocorrelation's peak [N, F], and whether there is a pitch."""
    size, hop = int(0.04 * rate), max(1, int(0.01 * rate))
    frames = np.lib.stride_tricks.sliding_window_view(x.astype(np.float64), size, axis=1)[:, ::hop]
    frames = frames - frames.mean(2, keepdims=True)
    window = np.hanning(size)
    correlation = np.fft.irfft(np.square(np.abs(np.fft.rfft(frames * window, 2 * size, axis=2))), axis=2)[..., :size]
    of_window = np.fft.irfft(np.square(np.abs(np.fft.rfft(window, 2 * size))))[:size]
    lags = slice(int(rate / 500), min(int(rate / 60), size // 2))
    ratio = correlation[..., lags] / of_window[lags] / np.maximum(correlation[..., :1] / of_window[0], 1e-12)
    height = ratio.max(2).clip(0, 1)
    loud = np.sqrt(np.square(frames).mean(2))
    loud = loud > 0.05 * np.maximum(loud.max(1, keepdims=True), 1e-9)
    return np.where(loud, height, 0.0), loud & (height > 0.5)


class Vocoder(Metric, kind="vocoder"):
    """Distances of sounds to the ones that they should be: mel, spectra, cepstra, and whether voices stay voices."""

    needs: ClassVar[frozenset[str]] = frozenset({"pairs"})
    signals: ClassVar[tuple[str, ...]] = ("audio",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "mcd": Meaning("Distance of the cepstra, in dB.", "lower", 0.0),
        "mel_l1": Meaning("Distance of the log-mel spectra, in nepers.", "lower", 0.0),
        "mstft": Meaning("Distance of the spectra at several resolutions.", "lower", 0.0),
        "vuv_f1": Meaning("How well frames with and without a voice agree.", "higher", 1.0),
        "periodicity": Meaning("How far the regularity of the frames differs.", "lower", 0.0),
        "si_sdr": Meaning("Signal over distortion of restored sounds, at the best level, in dB.", "higher"),
        "stoi": Meaning("How well speech is understood: 1 as the target.", "higher", 1.0),
    }

    def compute(self, comparison: Comparison) -> list[Result]:
        n = comparison.count("fake", self.n)
        found = self._figures(comparison, "fake", n)
        without = None if comparison.baseline is None else self._figures(comparison, "baseline", n)
        protocol = comparison.protocol(n)
        results = []
        for name, value in found.items():
            if name == "si_sdr" and without is None:
                continue
            detail = {}
            if without is not None and comparison.baseline is not None:
                detail["baseline"] = {"of": comparison.baseline.name, "value": without[name]}
            results.append(Result(f"{name}{short_count(n)}", value, protocol, detail))
        return results

    def _figures(self, comparison: Comparison, side: str, n: int) -> dict[str, float]:
        rate = comparison.facts["rate"]
        names = ("mcd", "mel_l1", "mstft", "periodicity", "si_sdr", "stoi")
        sums: dict[str, list[np.ndarray]] = {name: [] for name in names}
        hits, called, there = 0, 0, 0
        made, target = (mono(comparison.samples(name, n)) for name in (side, "real"))
        for start in range(0, n, PART):
            y, t = made[start : start + PART], target[start : start + PART]
            sums["mcd"].append(mcd(y, t, rate))
            sums["mel_l1"].append(mel_l1(y, t, rate))
            sums["mstft"].append(mstft(y, t))
            sums["si_sdr"].append(si_sdr(y.astype(np.float64), t.astype(np.float64)))
            understood = np.array([stoi(*pair, rate) for pair in zip(y, t, strict=True)])
            sums["stoi"].append(understood[np.isfinite(understood)])
            (height, voiced), (wanted, truly) = voicing(y, rate), voicing(t, rate)
            sums["periodicity"].append(np.sqrt(np.square(height - wanted).mean(1)))
            hits, called, there = hits + (voiced & truly).sum(), called + voiced.sum(), there + truly.sum()
        values = {name: np.concatenate(parts) for name, parts in sums.items()}
        found = {name: float(each.mean()) for name, each in values.items() if len(each)}  # no short sound has a stoi
        return found | {"vuv_f1": float(2 * hits / max(1, called + there))}
