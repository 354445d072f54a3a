"""Translates a film frame by frame: writes MP4, with the sound of the original."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ganforge.core.errors import MissingExtra, UserError
from ganforge.core.files import atomic_file
from ganforge.modalities.image import pixels as pictures
from ganforge.modalities.pair.steady import Steadied
from ganforge.modalities.pair.translate import ImageTranslator

ENDINGS = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".wmv")
QUALITY = 8  # of 10
IN_MP4 = ("aac", "mp3", "ac3", "opus")
"""Sound that an MP4 can hold as it is; other sound is coded again."""


def is_clip(name: str) -> bool:
    """Whether a file's name ends as a film's does."""
    return Path(name).suffix.lower() in ENDINGS


def translate(
    translator: ImageTranslator,
    source: Path,
    out: Path,
    mask: np.ndarray | None = None,
    tell: Callable[[int, int], None] | None = None,
    steady: float = 0.0,
) -> tuple[int, float]:
    """Translates a film; returns the number of frames, and how much the result flickers, in levels of 255 (`steady`).

    Args:
        steady: strength of steadying over time, from 0 to below 1.
        out: ends in .mp4; written whole or not at all.
        mask: used for every frame.
        tell: called with (frames done, approximate number of frames).

    Raises:
        UserError: it cannot be read or written, or as the translator says.
        MissingExtra: the package for films is absent.
    """
    ffmpeg = _ffmpeg()
    count, steadied = 0, Steadied(steady)
    try:
        frames, about = opened(ffmpeg, source)
        total = round(about["fps"] * about["duration"])
        codec = about.get("audio_codec")
        sound = {"audio_path": str(source), "audio_codec": "copy" if codec in IN_MP4 else "aac"} if codec else {}
        with atomic_file(out) as file, contextlib.ExitStack() as closing:
            writer: Any = None
            for frame in frames:
                made = even(steadied(frame, image_of(translator, frame, mask)))
                if writer is None:
                    size = (made.shape[1], made.shape[0])
                    # Color planes of half the size are what every player shows, and so both sides are even.
                    writer = ffmpeg.write_frames(
                        str(file), size, fps=about["fps"], codec="libx264", quality=QUALITY, macro_block_size=2, **sound
                    )
                    closing.callback(writer.close)
                    writer.send(None)
                writer.send(np.ascontiguousarray(made).tobytes())
                count += 1
                if tell:
                    tell(count, total)
            if writer is None:
                raise UserError(f"{source}: contains no frames that can be read", code="film.no_frames")
    except OSError as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"{source} → {out}: {reason}", code="film.conversion_failed") from None
    return count, steadied.flicker


def opened(ffmpeg: Any, source: Path) -> tuple[Iterator[np.ndarray], dict[str, Any]]:
    """The frames of a film, uint8 [H, W, 3] each, and its metadata.

    Raises:
        UserError: it cannot be read.
    """
    if not source.is_file():
        raise UserError(f"{source}: no such file", code="data.not_found")
    stream = ffmpeg.read_frames(str(source), pix_fmt="rgb24")
    try:
        about = next(stream)
    except (OSError, RuntimeError, StopIteration, ValueError, IndexError):
        raise UserError(f"{source}: cannot be read as a film", code="film.unreadable") from None
    width, height = about["size"]
    return (np.frombuffer(data, np.uint8).reshape(height, width, 3) for data in stream), about


def image_of(translator: ImageTranslator, frame: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    made = np.concatenate(list(translator(frame, mask).bands))
    return pictures.to_mode(made, "RGB", 0)


def even(frame: np.ndarray) -> np.ndarray:
    """A frame with both sides even: the last row or column stands twice where they are odd."""
    return np.pad(frame, ((0, frame.shape[0] % 2), (0, frame.shape[1] % 2), (0, 0)), mode="edge")


def _ffmpeg() -> Any:
    try:
        import imageio_ffmpeg
    except ImportError:
        raise MissingExtra("imageio-ffmpeg", "video", "Reading and writing films") from None
    return imageio_ffmpeg
