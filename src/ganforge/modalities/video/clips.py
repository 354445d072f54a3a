"""Films as clips of one length, rate and size, uint8 [T, H, W, 3]."""

from __future__ import annotations

import numpy as np

from ganforge.core.dataset import BadItem, Dataset
from ganforge.modalities.video.film import Fit, Header
from ganforge.modalities.video.source import Films


class Clips(Dataset):
    """The pieces of all films: each is cut into clips of `frames` frames that start half a clip apart.

    Films of other rates are brought to `fps` by their times; of those that say none, each frame counts. A film that is
    too short is left out, and named.

    Args:
        fps: frames a second before the stride.
        stride: every which frame is taken.
        size: (H, W).
    """

    signal = "film"

    def __init__(self, films: Films, frames: int, fps: float, stride: int, size: tuple[int, int], fit: Fit):
        self.films, self.frames, self.fps, self.stride, self.size = films, frames, fps, stride, size
        self.fit: Fit = fit
        self.name, self.skipped = films.name, list(films.skipped)
        self.understood, self.left_out, self.no_labels = films.understood, films.left_out, films.no_labels
        self.pieces = [(k, start) for k in range(len(films)) for start in self._starts(k)]
        self.known_from(films, np.array([k for k, _ in self.pieces], np.int64))

    def length(self, film: int) -> int:
        """Frames of a film at the rate and stride of the clips; 0 of one that cannot be read."""
        return length_of(self.films.headers[film], self.fps, self.stride)

    def _starts(self, film: int) -> list[int]:
        spare = self.length(film) - self.frames
        if spare < 0:
            return [0]  # is read, and named with what is wrong
        count = 1 + round(spare / max(1, self.frames // 2))
        return np.unique(np.linspace(0, spare, count).round().astype(int)).tolist()

    def __len__(self) -> int:
        return len(self.pieces)

    def read(self, index: int) -> np.ndarray:
        film, start = self.pieces[index]
        long, header = self.length(film), self.films.headers[film]
        if header is not None and long < self.frames:
            why = "it is a single frame" if header.frames == 1 else f"its {long} frames are fewer than {self.frames}"
            raise BadItem(self.describe(index), f"{why} (signal.frames sets the length of clips)")
        step = self.stride / self.fps
        times = [(start + k) * step for k in range(self.frames)]
        return self.films.clip(film, self.fps, times, self.size, self.fit)

    def identity(self) -> str:
        return self.films.identity()

    def shapes(self) -> dict[tuple[tuple[int, ...], str], int]:
        return {((self.frames, *self.size, 3), "uint8"): len(self)}

    def describe(self, index: int) -> str:
        film, start = self.pieces[index]
        return f"{self.films.describe(film)}, from frame {start * self.stride}" if start else self.films.describe(film)


def length_of(header: Header | None, fps: float, stride: int) -> int:
    """Frames of a film at a rate and stride; 0 where there is no header."""
    if header is None:
        return 0
    at_rate = header.frames if header.fps is None else round(header.frames * fps / header.fps)
    return -(-at_rate // stride)
