"""Clips as files that people can watch: mp4 (H.264), gif, frames as PNG, and sheets of frames."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from ganforge.core import media
from ganforge.core.language import phrase
from ganforge.core.media import Media
from ganforge.modalities.video import container

GAP, GRAY = 2, 90
VISIBLE = 128
"""px of a clip's side, up to which small ones are enlarged."""
MOST_WIDE = 16
"""Frames a row of a sheet, all its clips together."""


def mp4(clip: np.ndarray, fps: float) -> bytes:
    """A clip uint8 [T, H, W, 3] as an mp4."""
    return container.encode(list(clip), fps)


def gif(clip: np.ndarray, fps: float) -> bytes:
    """A clip as a gif that starts over at its end; gifs count in hundredths of a second, and play 50 frames at most."""
    from PIL import Image

    frames = [Image.fromarray(frame) for frame in clip]
    at = np.rint(np.arange(len(clip) + 1) * 100 / min(fps, 50.0)).astype(int)  # rounded together, to keep the pace
    durations = (10 * np.diff(at)).tolist()
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0)
    return file.getvalue()


def together(clips: np.ndarray, columns: int) -> np.ndarray:
    """Clips [N, T, H, W, 3] side by side as one, small ones enlarged."""
    n, frames, height, width = clips.shape[:4]
    columns = max(1, min(columns, n))
    rows, times = -(-n // columns), max(1, round(VISIBLE / height))
    if rows * columns * height * width * times**2 > 2**21:
        times = 1
    high, wide = height * times + GAP, width * times + GAP
    out = np.full((frames, rows * high - GAP, columns * wide - GAP, 3), GRAY, np.uint8)
    for k, clip in enumerate(clips):
        top, left = k // columns * high, k % columns * wide
        large = clip.repeat(times, 1).repeat(times, 2)
        out[:, top : top + large.shape[1], left : left + large.shape[2]] = large
    return out


def sheet(clips: np.ndarray, columns: int) -> Media:
    """Clips as one PNG, `columns` a row, each as some of its frames, evenly over its length, from left to right."""
    n, frames, height, width = clips.shape[:4]
    columns = max(1, min(columns, n))
    shown = max(2, min(frames, MOST_WIDE // columns))
    chosen = np.linspace(0, frames - 1, shown).round().astype(int)
    strips = clips[:, chosen].transpose(0, 2, 1, 3, 4).reshape(n, 1, height, shown * width, 3)
    one = together(strips, columns)[0]
    return media.png(one, phrase("{shown} frames of each clip, from left to right", shown=shown))


def animation(clips: np.ndarray, fps: float, columns: int) -> Media:
    """Clips side by side as one film: an mp4, or a gif where PyAV is not installed."""
    film = together(clips, columns)
    said = phrase("{count} clips at {fps:.4g} frames a second", count=len(clips), fps=fps)
    if container.is_there():
        return Media(mp4(film, fps), "video/mp4", said)
    return Media(gif(film, fps), "image/gif", said)


def write_mp4s(clips: np.ndarray, folder: Path, start: int, fps: float) -> list[Path]:
    """A numbered mp4 a clip."""
    return _each(clips, folder, start, ".mp4", lambda clip: mp4(clip, fps))


def write_gifs(clips: np.ndarray, folder: Path, start: int, fps: float) -> list[Path]:
    """A numbered gif a clip."""
    return _each(clips, folder, start, ".gif", lambda clip: gif(clip, fps))


def write_frames(clips: np.ndarray, folder: Path, start: int) -> list[Path]:
    """A PNG a frame, `000000-0000.png`: the number of the clip and that of the frame."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for k, clip in enumerate(clips):
        for t, frame in enumerate(clip):
            paths.append(folder / f"{start + k:06d}-{t:04d}.png")
            paths[-1].write_bytes(media.png(frame).data)
    return paths


def write_npys(clips: np.ndarray, folder: Path, start: int) -> list[Path]:
    """A numbered array uint8 [T, H, W, 3] a clip."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{start + k:06d}.npy" for k in range(len(clips))]
    for path, clip in zip(paths, clips, strict=True):
        np.save(path, clip, allow_pickle=False)
    return paths


def _each(clips: np.ndarray, folder: Path, start: int, ending: str, encoded) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{start + k:06d}{ending}" for k in range(len(clips))]
    for path, clip in zip(paths, clips, strict=True):
        path.write_bytes(encoded(clip))
    return paths
