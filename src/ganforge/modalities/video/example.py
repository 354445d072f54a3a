"""Films to try things out with, drawn, not filmed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

SIDE, FRAMES = 16, 16


def write_example(folder: Path, n: int) -> str:
    """Bright squares that move left or right, as gifs in class folders; the path that a recipe's `data` takes."""
    from PIL import Image

    rng = np.random.default_rng(0)
    for k in range(n):
        label, way = (("left", -1), ("right", 1))[k % 2]
        (folder / label).mkdir(exist_ok=True)
        clip = moving(way * rng.uniform(0.5, 1.5), rng)
        frames = [Image.fromarray(frame) for frame in clip]
        frames[0].save(folder / label / f"{k:04d}.gif", save_all=True, append_images=frames[1:], duration=80, loop=0)
    return str(folder)


def moving(speed: float, rng: np.random.Generator) -> np.ndarray:
    """A square of a random color that moves `speed` px a frame and comes back on the other side, uint8 [T, H, W, 3]."""
    clip = np.zeros((FRAMES, SIDE, SIDE, 3), np.uint8)
    clip[...] = rng.integers(20, 60)
    color, top, left = rng.integers(120, 255, 3), rng.integers(2, SIDE - 6), rng.uniform(0, SIDE)
    for t in range(FRAMES):
        columns = (np.arange(4) + round(left + speed * t)) % SIDE
        clip[t, top : top + 4, columns] = color
    return clip
