"""What the tests of judging judge: images of noise in two shades, and a run that is quick to train."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

TINY = ["task.generator.channels=8", "task.discriminator.channels=8", "task.generator.latent=8"]
FAST = [*TINY, "samples=128", "batch=16", "log_every=32", "checkpoint_every=64", "callbacks=[]"]


def shades(count: int = 120, size: int = 8, seed: int = 0) -> np.ndarray:
    """Two classes of images [2 · count, size, size]: dark and light noise, one after the other."""
    draws = np.random.default_rng(seed)
    dark, light = draws.integers(0, 100, (count, size, size)), draws.integers(150, 255, (count, size, size))
    return np.concatenate([dark, light]).astype(np.uint8)


def folder_of(pictures: np.ndarray, folder: Path, mode: str = "L") -> Path:
    """Image files in a folder."""
    folder.mkdir(parents=True)
    for k, picture in enumerate(pictures):
        Image.fromarray(picture).convert(mode).save(folder / f"{k:03d}.png")
    return folder
