"""Sounds to try things out with, drawn, not recorded."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ganforge.modalities.audio.files import wav

RATE = 4_000


def write_example(folder: Path, n: int) -> str:
    """Falling and rising tones of a quarter of a second, in class folders; the path that a recipe's `data` takes."""
    rng, t = np.random.default_rng(0), np.arange(1_024) / RATE
    for k in range(n):
        label, way = (("falling", -1), ("rising", 1))[k % 2]
        (folder / label).mkdir(exist_ok=True)
        x = 0.5 * np.sin(2 * np.pi * (rng.uniform(500, 700) * t + way * 600 * t**2)) * np.exp(-4 * t)
        (folder / label / f"{k:04d}.wav").write_bytes(wav(x[:, None], RATE))
    return str(folder)
