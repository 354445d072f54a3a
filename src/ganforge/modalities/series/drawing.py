"""Windows as small line plots."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

COLORS = ((31, 91, 163), (205, 92, 20), (46, 125, 50), (142, 36, 130), (120, 100, 30), (90, 90, 90))
WIDE, HIGH, PAD = 150, 90, 6  # px of a plot


def plots(samples: np.ndarray, low: np.ndarray, high: np.ndarray, columns: int) -> np.ndarray:
    """A plot a window [N, T, C], every channel over its own range (low, high [C]), uint8 [H, W, 3]."""
    rows, across = -(-len(samples) // columns), min(columns, len(samples))
    canvas = Image.new("RGB", (across * WIDE, rows * HIGH), "white")
    pen = ImageDraw.Draw(canvas)
    span = np.where(high > low, high - low, 1.0)
    share = np.clip((np.nan_to_num(samples) - low) / span, -0.05, 1.05)
    x = np.linspace(PAD, WIDE - PAD, samples.shape[1])
    for k, window in enumerate(share):
        left, top = k % columns * WIDE, k // columns * HIGH
        pen.rectangle((left + 2, top + 2, left + WIDE - 3, top + HIGH - 3), outline=(225, 225, 225))
        for c in range(min(window.shape[1], len(COLORS))):
            y = HIGH - PAD - window[:, c] * (HIGH - 2 * PAD)
            points = [(left + float(a), top + float(b)) for a, b in zip(x, y, strict=True)]
            pen.line(points, fill=COLORS[c], width=1)
    return np.asarray(canvas)
