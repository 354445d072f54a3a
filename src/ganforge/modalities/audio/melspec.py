"""What a sound looks like: its log-mel spectrogram as an image, and its waveform.

HTK's scale, mel = 2595 log10(1 + f / 700); triangles of equal width on it, STFT of 256 samples, hop 64.
"""

from __future__ import annotations

import numpy as np

WINDOW, HOP, BANDS = 256, 64, 48
FLOOR = -80.0  # dB below full scale: black
STRIP = 25  # px of the height of a waveform


def filters(rate: int) -> np.ndarray:
    """[BANDS, WINDOW/2 + 1]."""
    top = 2595 * np.log10(1 + rate / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, top, BANDS + 2) / 2595) - 1)
    f = np.linspace(0, rate / 2, WINDOW // 2 + 1)
    low, mid, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    return np.clip(np.minimum((f - low) / (mid - low), (high - f) / (high - mid)), 0, None)


def mono(x: np.ndarray) -> np.ndarray:
    """Sounds [N, T] or [N, T, C] as [N, T]."""
    return x if x.ndim == 2 else x.mean(2)


def powers(x: np.ndarray) -> np.ndarray:
    """Sounds [N, T] → power spectra [N, frames, WINDOW/2 + 1], 1 for a tone at full scale."""
    padded = np.pad(x.astype(np.float64), ((0, 0), (WINDOW // 2, WINDOW // 2)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW, axis=1)[:, : x.shape[1] : HOP]
    return np.abs(np.fft.rfft(frames * np.hanning(WINDOW), axis=2)) ** 2 / (WINDOW / 4) ** 2


def log_mel(x: np.ndarray, rate: int) -> np.ndarray:
    """Sounds [N, T] → dB [N, BANDS, T // HOP]."""
    return 10 * np.log10(powers(x) @ filters(rate).T + 1e-12).transpose(0, 2, 1)


def drawn(x: np.ndarray, rate: int) -> np.ndarray:
    """Sounds [N, T] as images uint8 [N, BANDS, frames], low tones at the bottom, loud is white."""
    level = (log_mel(x, rate) - FLOOR) / -FLOOR
    return np.rint(level.clip(0, 1) * 255).astype(np.uint8)[:, ::-1]


def waveform(x: np.ndarray) -> np.ndarray:
    """Sounds [N, T] in [-1, 1] as images uint8 [N, STRIP, frames]: a column spans the values of a frame, 1 on top."""
    frames = -(-x.shape[1] // HOP)
    columns = np.pad(x, ((0, 0), (0, frames * HOP - x.shape[1])), mode="edge").reshape(len(x), frames, HOP)
    low, high = (np.rint((1 - v.clip(-1, 1)) / 2 * (STRIP - 1)) for v in (columns.max(2), columns.min(2)))  # rows
    row = np.arange(STRIP)[:, None]
    return np.where((row >= low[:, None]) & (row <= high[:, None]), 255, 0).astype(np.uint8)


def views(x: np.ndarray, rate: int) -> np.ndarray:
    """Sounds [N, T] as images uint8 [N, STRIP + 1 + BANDS, frames]: the waveform above the spectrogram."""
    line = np.full((len(x), 1, -(-x.shape[1] // HOP)), 90, np.uint8)
    return np.concatenate([waveform(x), line, drawn(x, rate)], 1)
