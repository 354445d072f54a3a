"""Films in containers (mp4, webm, avi, mov, mkv), read and written with PyAV, frame by frame.

Frames come upright (the rotation flag is applied), in 8 bits and RGB, each with the time at which a player shows it.
Only the first video track is read; sound is left out.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ganforge.core.dataset import BadItem
from ganforge.core.errors import MissingExtra
from ganforge.modalities.video.film import Header

ENDINGS = frozenset({".mp4", ".m4v", ".mov", ".avi", ".webm", ".mkv", ".mpg", ".mpeg", ".ogv", ".wmv", ".flv", ".3gp"})
SAME = 1e-3
"""Seconds within which two times are one."""
BROKEN = 0.9
"""Share of the length that a file claims, below which it counts as broken off."""


def library() -> Any:
    """PyAV.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        import av
    except ImportError:
        raise MissingExtra(
            "av", "video", "films in mp4, webm, avi or mov (.gif and frames as images need nothing)"
        ) from None
    return av


def is_there() -> bool:
    """Whether PyAV is installed."""
    try:
        library()
    except MissingExtra:
        return False
    return True


def header(source: Path | BinaryIO, where: str) -> Header:
    """Size, rate and length of a film, from its packets: nothing is decoded but the first frame.

    Raises:
        BadItem: it is no film, has no video track, or none of it can be read.
    """
    av = library()
    with _open(source, where) as container:
        stream = _track(container, where)
        claimed = _seconds(stream, container)
        first = last = None
        count = 0
        try:
            for packet in container.demux(stream):
                if packet.size and packet.pts is not None:
                    first = packet.pts if first is None else min(first, packet.pts)
                    last = packet.pts if last is None else max(last, packet.pts)
                count += bool(packet.size)
        except av.FFmpegError:
            pass  # it breaks off here: what was read so far is its length
        if not count:
            raise BadItem(where, "it holds no frames")
        rate = float(stream.average_rate or stream.guessed_rate or 25)
        span = (
            (last - first) * float(stream.time_base) if first is not None and last is not None else (count - 1) / rate
        )
        rate = (count - 1) / span if span > 0 and count > 1 else rate
        seconds = count / rate
    _, pixels = next(frames(source, where), (0.0, None))
    if pixels is None:
        raise BadItem(where, "none of its frames can be decoded")
    short = claimed is not None and seconds < BROKEN * claimed
    return Header(count, pixels.shape[0], pixels.shape[1], rate, claimed if short else None)


def frames(source: Path | BinaryIO, where: str, start: float = 0.0) -> Iterator[tuple[float, np.ndarray]]:
    """(seconds, uint8 [H, W, 3]) of each frame from the one that is shown at a time on; ends where the file breaks off.

    Decoding begins at the last key frame before that time. What lies between is decoded and not made into pixels.

    Raises:
        BadItem: as `header`.
    """
    av = library()
    with _open(source, where) as container:
        stream = _track(container, where)
        stream.thread_count = 1  # several films are read at once
        to_pixels = _Pixels()
        shown: tuple[float, Any] | None = None
        try:
            for seconds, frame in _from(container, stream, start):
                if seconds <= start + SAME:
                    shown = seconds, frame
                    continue
                if shown is not None:
                    yield shown[0], to_pixels(shown[1])
                    shown = None
                yield seconds, to_pixels(frame)
            if shown is not None:
                yield shown[0], to_pixels(shown[1])
        except (av.FFmpegError, ValueError):
            if shown is not None:  # what follows a damaged packet cannot be read
                yield shown[0], to_pixels(shown[1])


class _Pixels:
    """Frames of a film as upright RGB. The converter is kept from frame to frame: to set one up takes longer than to
    convert a small frame."""

    def __init__(self) -> None:
        from av.video.reformatter import VideoReformatter

        self.reformatter = VideoReformatter()

    def __call__(self, frame: Any) -> np.ndarray:
        pixels = self.reformatter.reformat(frame, format="rgb24").to_ndarray()
        return np.ascontiguousarray(np.rot90(pixels, round(frame.rotation / 90) % 4))


def _from(container: Any, stream: Any, start: float) -> Iterator[tuple[float, Any]]:
    """(seconds, frame) from the last key frame before a time on. A file whose index leads past that time is read from
    its beginning."""
    base, offset = stream.time_base, stream.start_time or 0
    rate = float(stream.average_rate or stream.guessed_rate or 25)
    numbered = False

    def decoded() -> Iterator[tuple[float, Any]]:
        nonlocal numbered
        for k, frame in enumerate(container.decode(stream)):
            numbered |= frame.pts is None
            yield k / rate if frame.pts is None else float((frame.pts - offset) * base), frame

    if start > 0:
        container.seek(int(start / float(base)) + offset, stream=stream, backward=True)
        found = decoded()
        first = next(found, None)
        if first is not None and not numbered and first[0] <= start + SAME:
            yield first
            yield from found
            return
        container.seek(offset, stream=stream, backward=True)
    yield from decoded()


def encode(frames: Sequence[np.ndarray], fps: float) -> bytes:
    """Frames uint8 [H, W, 3], all of one size, as an H.264 mp4 that browsers play; odd sides repeat their last line."""
    av = library()
    file = io.BytesIO()
    height, width = (side + side % 2 for side in frames[0].shape[:2])  # yuv420p halves the color planes
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"crf": "16", "preset": "veryfast"}
        stream.thread_count = 1
        for pixels in frames:
            odd = ((0, height - pixels.shape[0]), (0, width - pixels.shape[1]), (0, 0))
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(np.pad(pixels, odd, mode="edge")), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return file.getvalue()


def _open(source: Path | BinaryIO, where: str) -> Any:
    av = library()
    if not isinstance(source, Path):
        source.seek(0)
    try:
        return av.open(str(source) if isinstance(source, Path) else source, metadata_errors="ignore")
    except (av.FFmpegError, ValueError) as error:
        text = " ".join(str(error).split())
        raise BadItem(where, f"not a film that can be read; it may be cut off or damaged ({text[:100]})") from None


def _track(container: Any, where: str) -> Any:
    tracks = [t for t in container.streams.video if "attached_pic" not in str(getattr(t, "disposition", "")).lower()]
    if not tracks:
        raise BadItem(where, "it holds sound and no video" if container.streams.audio else "it has no video track")
    return tracks[0]


def _seconds(stream: Any, container: Any) -> float | None:
    """The length that the file claims, if it does, by its time or by its number of frames."""
    length = float(stream.duration * stream.time_base) if stream.duration else (container.duration or 0) / 1e6
    counted = float(stream.frames / stream.average_rate) if stream.frames and stream.average_rate else 0.0
    return max(length, counted) or None
