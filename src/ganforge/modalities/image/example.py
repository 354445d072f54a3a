"""Example data: images of shaded discs and squares in class folders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ("discs", "squares")


def shape(kind: str, place: tuple[float, float], radius: float, color: np.ndarray, side: int) -> np.ndarray:
    """One of `CLASSES` on black, uint8 [side, side, 3]. `place` and `radius` in units of the side."""
    y, x = (np.indices((side, side)) + 0.5) / side
    away = np.abs(np.stack([y - place[0], x - place[1]]))
    inside = np.hypot(*away) < radius if kind == "discs" else away.max(0) < radius
    light = 0.4 + 0.6 * y  # with flat colors they would be detected as label maps in pairs
    return ((inside * light)[..., None] * color).astype(np.uint8)


def write_example(folder: Path, n: int, side: int = 16, seed: int = 0) -> str:
    """Writes n PNG files to class folders in `folder`, and returns its path."""
    rng = np.random.default_rng(seed)
    for k in range(n):
        kind = CLASSES[k % len(CLASSES)]
        pixels = shape(kind, tuple(rng.uniform(0.3, 0.7, 2)), rng.uniform(0.15, 0.3), rng.integers(64, 256, 3), side)
        (folder / kind).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / kind / f"{k:04d}.png")
    return str(folder)
