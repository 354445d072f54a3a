"""Films for the tests, drawn and written in the forms in which users have them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from ganforge.modalities.video import container
from ganforge.modalities.video.example import moving


def clip(frames: int = 12, size: tuple[int, int] = (24, 32), level: int = 0) -> np.ndarray:
    """Frames that differ: frame t has the brightness 20 t + level, and a white corner at its top left."""
    out = np.zeros((frames, *size, 3), np.uint8)
    out += (np.arange(frames) * 20 + level).astype(np.uint8)[:, None, None, None]
    out[:, : size[0] // 4, : size[1] // 4] = 255
    return out


def number(frame: np.ndarray) -> int:
    """Which frame of `clip` that is, up to compression."""
    return round(float(np.median(frame)) / 20)


def write_mp4(path: Path, frames: np.ndarray, fps: float = 10) -> Path:
    path.write_bytes(container.encode(list(frames), fps))
    return path


def write_gif(path: Path, frames: np.ndarray, durations: int | list[int] = 100) -> Path:
    images = [Image.fromarray(frame) for frame in frames]
    images[0].save(path, save_all=True, append_images=images[1:], duration=durations, loop=0)
    return path


def write_strip(path: Path, frames: np.ndarray) -> Path:
    Image.fromarray(np.concatenate(list(frames), axis=1)).save(path, "PNG")  # whatever the name says
    return path


def squares(n: int, seed: int = 0) -> np.ndarray:
    """Squares that move to the right, uint8 [n, 16, 16, 16, 3]."""
    rng = np.random.default_rng(seed)
    return np.stack([moving(rng.uniform(0.5, 1.5), rng) for _ in range(n)])
