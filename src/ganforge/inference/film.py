"""Writes frames as a video (MP4), an animation (GIF) or a strip (PNG)."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ganforge.core.errors import MissingExtra, UserError
from ganforge.core.files import atomic_file, check_folder, output_to
from ganforge.core.marks import TEXT, marked

FORMATS = (".mp4", ".gif", ".png")


def enlarge(frame: np.ndarray, smallest: int = 256) -> np.ndarray:
    """Enlarges a small image, uint8 [H, W, 3], by repeating pixels until both sides have at least `smallest` pixels."""
    times = -(-smallest // min(frame.shape[:2]))
    return frame if times <= 1 else frame.repeat(times, axis=0).repeat(times, axis=1)


def check(path: Path, fps: float) -> None:
    """Checks, before anything is computed, whether the video can be written.

    Raises:
        UserError: the file extension is not in `FORMATS`, the frame rate is out of range, the folder cannot be written
            to, or an optional package is missing.
    """
    if not 0 < fps <= 240:
        raise UserError(
            f"{fps:g} frames per second is out of range: greater than 0, at most 240", code="walk.fps_out_of_range"
        )
    if path.suffix.lower() not in FORMATS:
        raise UserError(
            f"{path}: a walk is written as {', '.join(FORMATS)}; the name must end in one of these",
            code="output.wrong_extension",
        )
    if path.is_dir():
        raise UserError(f"{path}: is a folder; give the name of a file", code="output.is_a_folder")
    if path.suffix.lower() == ".mp4":
        _imageio()
    check_folder(path.parent)


def write(frames: Sequence[np.ndarray], path: Path, fps: float = 30, loop: bool = True) -> None:
    """Writes frames, uint8 [H, W, 3] and all of one size, in the format given by the file extension of `path`.

    Args:
        frames: in order.
        path: ends in .mp4, .gif or .png (a strip: all frames side by side).
        fps: frames per second; GIF durations are multiples of 10 ms, with at most 50 frames per second.
        loop: whether a GIF repeats.

    Raises:
        UserError: the file cannot be written, or an optional package is missing.
    """
    check(path, fps)
    with output_to(path), atomic_file(path) as file:
        match path.suffix.lower():
            case ".mp4":
                _write_mp4(frames, file, fps)
            case ".gif":
                _write_gif(frames, file, fps, loop)
            case _:
                _write_strip(frames, file)


def _write_mp4(frames: Sequence[np.ndarray], path: Path, fps: float) -> None:
    # yuv420p is the only pixel format that all players support; it halves the color planes, so both sides must be even.
    with _imageio().get_writer(
        path, format="FFMPEG", mode="I", fps=fps, codec="libx264", quality=8, macro_block_size=2, pixelformat="yuv420p"
    ) as writer:  # fmt: skip
        for frame in frames:
            odd_h, odd_w = frame.shape[0] % 2, frame.shape[1] % 2
            writer.append_data(np.pad(frame, ((0, odd_h), (0, odd_w), (0, 0)), mode="edge"))


def _write_gif(frames: Sequence[np.ndarray], path: Path, fps: float, loop: bool) -> None:
    from PIL import Image

    pictures = [Image.fromarray(frame) for frame in frames]
    duration = max(round(100 / fps), 2) * 10  # milliseconds; browsers slow down animations with less than 20
    again = {"loop": 0} if loop else {}
    pictures[0].save(
        path, format="GIF", save_all=True, append_images=pictures[1:], duration=duration, comment=TEXT, **again
    )


def _write_strip(frames: Sequence[np.ndarray], path: Path) -> None:
    from PIL import Image

    strip = io.BytesIO()
    Image.fromarray(np.concatenate(list(frames), axis=1)).save(strip, format="PNG")
    path.write_bytes(marked(strip.getvalue()))


def _imageio() -> Any:
    try:
        import imageio
        import imageio_ffmpeg  # noqa: F401  # imageio looks for it only when the first frame is written
    except ImportError as error:
        raise MissingExtra(error.name or "imageio", "video", "writing an MP4 (a .gif needs nothing)") from None
    return imageio
