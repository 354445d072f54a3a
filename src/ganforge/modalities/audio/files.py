"""Sound files as arrays: wav of any depth, flac, ogg, mp3, aiff and what else libsndfile reads.

x float32 [T, C] in [-1, 1], T samples, C channels; R: samples a second.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from ganforge.core.dataset import BadItem
from ganforge.core.extras import need

EXTENSIONS = frozenset({".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc", ".au"})
SCORES = frozenset({".mid", ".midi", ".abc", ".musicxml", ".mxl"})
"""Notes, not sound: nothing can be heard before an instrument plays them."""
OTHERS = frozenset({".m4a", ".aac", ".wma", ".mp4", ".amr"})
"""Sound that libsndfile does not read."""
MOST_CHANNELS = 64
CUT = re.compile(r"^data : \d+ \(should be", re.MULTILINE)
"""What libsndfile notes of a wav file that ends early."""
VARIABLE = re.compile(r"^ *bitrate mode *: *variable", re.MULTILINE)
"""What it notes of an mp3 file of variable bit rate."""
PIECE, BLOCK = 512, 4_096  # samples that are read at a time of a damaged file, and of a sound one


class Header(NamedTuple):
    """What a file says of its sound.

    Attributes:
        cut: whether it says that more follows than there is.
        exact: whether a place in it is found by seeking.
    """

    frames: int
    channels: int
    rate: int
    cut: bool = False
    exact: bool = True


def is_sound(name: str) -> bool:
    """Whether a file's name ends as that of a sound does."""
    return Path(name).suffix.lower() in EXTENSIONS


def header(source: Path | BinaryIO, where: str) -> Header:
    """Length, channels and rate, without the sound itself.

    Raises:
        BadItem: as `decode`, as far as a header shows it.
    """
    with _open(source, where) as file:
        said = file.extra_info
        return Header(
            file.frames, file.channels, file.samplerate, CUT.search(said) is not None, VARIABLE.search(said) is None
        )


def decode(source: Path | BinaryIO, where: str, start: int = 0, frames: int = -1) -> tuple[np.ndarray, int]:
    """The sound [T, C] from sample `start` on, and its rate. The delay of an mp3 encoder is not part of it if the file
    says how long that is, as those of LAME do; else it stays, as some 50 ms of silence at the start.

    Args:
        frames: the most samples to read; -1 for all. A file that ends before its header says, or is damaged from some
            place on, is read as far as it goes.

    Raises:
        BadItem: it is no sound, is damaged, has no samples or some that are not finite. `where` names it.
    """
    need("soundfile", "reading and writing sounds")
    import soundfile

    with _open(source, where) as file:
        rate = file.samplerate
        try:
            if start:
                file.seek(min(start, file.frames))
            x = file.read(frames, dtype="float32", always_2d=True)
        except (soundfile.LibsndfileError, RuntimeError, ValueError, MemoryError) as error:
            x = _as_far_as_it_goes(source, where, start, frames)
            if not len(x):
                raise BadItem(where, f"damaged ({' '.join(str(error).split())[:100]})") from None
    if not len(x):
        raise BadItem(where, "it holds no samples")
    if not np.isfinite(x).all():
        raise BadItem(where, "some of its samples are not finite (NaN or infinite)")
    return x, rate


def blocks(
    source: Path | BinaryIO, where: str, start: int = 0, frames: int = -1, size: int = BLOCK
) -> Iterator[np.ndarray]:
    """The samples that `decode` returns, in parts of at most `size`; of a damaged file, those before the place from
    which on none can be read.

    Raises:
        BadItem: it cannot be opened.
    """
    need("soundfile", "reading and writing sounds")
    import soundfile

    with _open(source, where) as file:
        try:
            if start:
                file.seek(min(start, file.frames))
            file.seekable = lambda: False  # else each read ends with a seek to where it is, which is not exact
            left = file.frames - start if frames < 0 else frames
            while left > 0 and len(part := file.read(min(size, left), dtype="float32", always_2d=True)):
                yield part
                left -= len(part)
        except (soundfile.LibsndfileError, RuntimeError, ValueError):
            return  # the caller says so where nothing was read


def _as_far_as_it_goes(source: Path | BinaryIO, where: str, start: int, frames: int) -> np.ndarray:
    if not isinstance(source, Path):
        source.seek(0)
    parts = list(blocks(source, where, start, frames, PIECE))
    return np.concatenate(parts) if parts else np.zeros((0, 1), np.float32)


def encode(x: np.ndarray, rate: int, file: Path | BinaryIO, format: str = "WAV") -> None:
    """Writes a sound [T, C] with 16 bits a sample."""
    need("soundfile", "reading and writing sounds")
    import soundfile

    soundfile.write(file, np.clip(x, -1, 1), rate, format=format, subtype="PCM_16")


def wav(x: np.ndarray, rate: int) -> bytes:
    """The bytes of a wav file with the sound [T, C]."""
    file = io.BytesIO()
    encode(x, rate, file)
    return file.getvalue()


def _open(source: Path | BinaryIO, where: str):
    need("soundfile", "reading and writing sounds")
    import soundfile

    try:
        file = soundfile.SoundFile(str(source) if isinstance(source, Path) else source)
    except (soundfile.LibsndfileError, RuntimeError, TypeError, OSError) as error:
        raise BadItem(where, _why(source, error)) from None
    if not 1 <= file.channels <= MOST_CHANNELS or file.samplerate < 1:
        file.close()
        raise BadItem(where, f"claims {file.channels} channels at {file.samplerate} Hz")
    if not file.frames:
        file.close()
        raise BadItem(where, "it holds no samples")
    return file


def _why(source: Path | BinaryIO, error: Exception) -> str:
    if isinstance(source, Path):
        with source.open("rb") as file:
            start = file.read(64)
    else:
        source.seek(0)
        start = source.read(64)
    if start and all(byte in b"\t\n\r" or 32 <= byte < 127 for byte in start):
        return "not a sound: the file holds text"
    text = " ".join(str(getattr(error, "error_string", error)).split())
    return f"not a sound that can be read ({text[:100]})"
