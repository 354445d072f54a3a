"""How much of speech is understood: the short-time objective intelligibility of Taal et al. 2011.

x, y   clean and other speech at 10 kHz, without the frames in which x is 40 dB below its loudest
X_j(m) = ( Σ_k |x̂(k, m)|² )^½ of 15 bands of a third of an octave from 150 Hz, frames of 25.6 ms every 12.8
y'     = min( α Y, (1 + 10^(15/20)) X ), α = ‖X‖ / ‖Y‖, of each band over 30 frames (384 ms)
stoi   = mean over bands and places of the correlation of X and y'
"""

from __future__ import annotations

import numpy as np

from ganforge.modalities.audio.clips import resampled

RATE, FRAME, HOP, BINS = 10_000, 256, 128, 512
BANDS, LOWEST, SEGMENT = 15, 150.0, 30
SILENCE, BOUND = 40.0, 15.0  # dB
WINDOW = np.hanning(FRAME + 2)[1:-1]


def _frames(x: np.ndarray) -> np.ndarray:
    """[F, 256], windowed."""
    return np.lib.stride_tricks.sliding_window_view(x, FRAME)[::HOP] * WINDOW


def _added(frames: np.ndarray) -> np.ndarray:
    """Frames [F, 256] as a sound again."""
    x = np.zeros((len(frames) - 1) * HOP + FRAME)
    for k, frame in enumerate(frames):
        x[k * HOP : k * HOP + FRAME] += frame
    return x


def _bands(x: np.ndarray) -> np.ndarray:
    """The norm of each band in each frame, [15, F]."""
    powers = np.square(np.abs(np.fft.rfft(_frames(x), BINS)))
    center = LOWEST * 2 ** (np.arange(BANDS) / 3)
    low, high = (np.rint(center * 2 ** (way / 6) * BINS / RATE).astype(int) for way in (-1, 1))
    return np.sqrt(np.stack([powers[:, a:b].sum(1) for a, b in zip(low, high, strict=True)]))


def stoi(y: np.ndarray, t: np.ndarray, rate: int) -> float:
    """Of speech y [T] beside clean speech t [T], 1 for the clean one; NaN where less than 0.4 s of it can be heard."""
    clean, other = (resampled(x[:, None].astype(np.float64), rate, RATE)[:, 0] for x in (t, y))
    if len(clean) < FRAME:
        return float("nan")
    clean, other = _frames(clean), _frames(other)
    level = 20 * np.log10(np.linalg.norm(clean, axis=1) + 1e-12)
    heard = level > level.max() - SILENCE
    if heard.sum() < SEGMENT:
        return float("nan")
    wanted, made = (
        np.lib.stride_tricks.sliding_window_view(_bands(_added(x[heard])), SEGMENT, axis=1) for x in (clean, other)
    )  # [15, places, 30]
    norms = [np.linalg.norm(x, axis=2, keepdims=True) for x in (wanted, made)]
    made = np.minimum(made * norms[0] / np.maximum(norms[1], 1e-12), wanted * (1 + 10 ** (BOUND / 20)))
    wanted, made = (x - x.mean(2, keepdims=True) for x in (wanted, made))
    sizes = np.linalg.norm(wanted, axis=2) * np.linalg.norm(made, axis=2)
    return float(((wanted * made).sum(2) / np.maximum(sizes, 1e-12)).mean())
