"""How much a translated film flickers, and how it is steadied. No optical flow: the source says what may change.

    flicker   mean over pixels and times of  max(0, |y(t) − y(t−1)| − |x(t) − x(t−1)|),   in levels of 255
    steady    y′(t) = y(t) + S · w(t) · (y′(t−1) − y(t)),   w(t) = exp(−(|x(t) − x(t−1)| ÷ 8)²),   0 ≤ S < 1

So flicker is change that the source does not have: where the source stands still, the translation should as well; a
translator that adds contrast scores above 0 on moving parts, rightly or not, so compare films of one source. Steadying
averages over time where the source stands still, |x(t) − x(t−1)| being the greatest within 5×5 px, and leaves what
moves as it is: nothing is smeared, but what moves flickers as before. The translators here draw no noise of their own.

x, y: source and translation, uint8 [h, w, 3]; x is brought to the size of y by repeating pixels.
"""

from __future__ import annotations

import numpy as np

SPREAD = 8.0
"""Levels of change in the source at which steadying has nearly ended."""
AROUND = 2
"""px in each direction in which the source's change counts."""


class Steadied:
    """Translated frames in order, each averaged with those before, and the flicker of what comes out.

    Args:
        strength: S, from 0 (frames stay as they are) to below 1.
    """

    def __init__(self, strength: float = 0.0):
        self.strength = strength
        self.source: np.ndarray | None = None
        self.made: np.ndarray | None = None
        self.total, self.count = 0.0, 0

    def __call__(self, source: np.ndarray, made: np.ndarray) -> np.ndarray:
        """The next frame, uint8 [H, W, 3], from that of the source, uint8 [h, w, 3]."""
        x = resized(source, made.shape[0], made.shape[1]).astype(np.float32)
        y = made.astype(np.float32)
        if self.source is not None and self.made is not None:
            change = np.abs(x - self.source)
            if self.strength:
                weight = np.exp(-((widest(change.max(2)) / SPREAD) ** 2))[..., None]
                y = y + self.strength * weight * (self.made - y)
            self.total += float(np.maximum(0.0, np.abs(y - self.made) - change).mean())
            self.count += 1
        self.source, self.made = x, y
        return np.rint(y).astype(np.uint8)

    @property
    def flicker(self) -> float:
        """Mean change from frame to frame that the source does not have, in levels of 255; 0 of a single frame."""
        return self.total / self.count if self.count else 0.0


def resized(frame: np.ndarray, height: int, width: int) -> np.ndarray:
    """A frame at another size, by its nearest pixels."""
    rows = np.arange(height) * frame.shape[0] // height
    columns = np.arange(width) * frame.shape[1] // width
    return frame[rows[:, None], columns]


def widest(change: np.ndarray) -> np.ndarray:
    """The greatest value within `AROUND` px of each pixel [h, w]."""
    for axis in (0, 1):
        shifted = [change]
        for k in range(1, AROUND + 1):
            for step in (k, -k):
                moved = np.roll(change, step, axis)
                edge = (slice(None),) * axis + (slice(0, step) if step > 0 else slice(step, None),)
                moved[edge] = 0
                shifted.append(moved)
        change = np.maximum.reduce(shifted)
    return change
