"""Films: clips of one length, one rate and one size, in color."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from ganforge.core.choice import Choice, Machine
from ganforge.core.commands import command
from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.core.language import phrase
from ganforge.core.media import Media
from ganforge.core.rng import Rng
from ganforge.core.types import Spec
from ganforge.modalities.video import choose, inspect, writing
from ganforge.modalities.video.clips import Clips, length_of
from ganforge.modalities.video.example import write_example
from ganforge.modalities.video.film import Fit
from ganforge.modalities.video.findings import RULES
from ganforge.modalities.video.source import Films
from ganforge.signals import (
    Card,
    Exporter,
    FileUse,
    Gallery,
    Inspection,
    Nearest,
    Noun,
    Rule,
    Signal,
    Steps,
    Usage,
    Writer,
    save_array,
)

LONGEST, SHORTEST = 32, 4
"""Frames of a clip where nobody says otherwise: those that nine films of ten have, within these bounds."""
RATE = 25.0
"""Frames a second of films that do not say theirs."""
LARGEST = 64
"""px of a side where nobody says otherwise."""
MOST_FRAMES = 512
"""Frames that are computed at a time."""

MOST_SAMPLED = 10_000
"""Frames of a sample."""


def write_film(samples: np.ndarray, path: Path, spec: Spec) -> None:
    """The exporter of `.mp4`: all clips side by side."""
    path.write_bytes(writing.mp4(writing.together(samples, square(samples)), spec.state["fps"]))


def write_gif(samples: np.ndarray, path: Path, spec: Spec) -> None:
    """The exporter of `.gif`: all clips side by side."""
    path.write_bytes(writing.gif(writing.together(samples, square(samples)), spec.state["fps"]))


def square(samples: np.ndarray) -> int:
    """Clips a row for about as many rows as columns."""
    return int(np.ceil(np.sqrt(len(samples))))


def sizes(spec: Spec) -> dict[str, float]:
    """Frames of a clip, their height and width in px, and frames a second."""
    frames, height, width = spec.shape[1:]
    return {"frames": frames, "height": height, "width": width, "fps": spec.state["fps"]}


class Video(Signal, kind="film"):
    """Films: clips of one length and rate, cut from films of any length, rate and size."""

    noun = Noun("film", "films", "a set of films")
    array_name: ClassVar[str] = "clips"
    exporters: ClassVar[Mapping[str, Exporter]] = {".mp4": write_film, ".gif": write_gif, ".npy": save_array}
    file_formats: ClassVar[Mapping[str, Writer]] = {
        "mp4": lambda clips, folder, start, spec: writing.write_mp4s(clips, folder, start, spec.state["fps"]),
        "gif": lambda clips, folder, start, spec: writing.write_gifs(clips, folder, start, spec.state["fps"]),
        "frames": lambda clips, folder, start, spec: writing.write_frames(clips, folder, start),
        "npy": lambda clips, folder, start, spec: writing.write_npys(clips, folder, start),
    }
    metrics: ClassVar[tuple[str, ...]] = ("clip_fd", "motion", "frame_fd", "pr", "nn")
    extractor: ClassVar[str] = "films"
    rules: ClassVar[Sequence[Rule]] = RULES
    n_generated: ClassVar[int] = 0
    gallery: ClassVar[Gallery | None] = Gallery(most=16, columns=4)

    size: int | tuple[int, int] | None = None
    """Side in px, or (height, width); by default the median size of the films, at most 64 px high and wide."""
    frames: int | None = Field(default=None, ge=2)
    """Frames of a clip; by default as many as nine films of ten have, from 4 to 32. Longer films are cut."""
    fps: float | None = Field(default=None, gt=0, le=240)
    """Frames a second, before the stride; by default the most frequent rate of the data, and 25 where none is known."""
    stride: int = Field(default=1, ge=1)
    """Take every n-th frame: 2 makes clips that last twice as long, and move twice as far from frame to frame."""
    fit: Fit = "crop"
    """How films of other proportions fit the size: their middle, all of them with black bars (pad), or stretched."""

    @classmethod
    def example(cls, folder: Path, n: int = 64) -> str:
        return write_example(folder, n)

    @classmethod
    def inspect(cls, dataset: Dataset, limit: int | None = None) -> Inspection:
        return inspect.inspection(dataset)

    @classmethod
    def recommend(cls, dataset: Dataset, machine: Machine) -> Choice:
        return choose.choose(dataset, len(cls().items(dataset)), machine)

    def default_metrics(
        self, spec: Spec, *, translates: bool, paired: bool, sizes: Sequence[tuple[int, ...]] = ()
    ) -> Sequence[str]:
        return ("predict",) if translates else self.metrics

    def at(self, spec: Spec) -> Self:
        frames, height, width = spec.shape[1:]
        return replace(self, size=(height, width), frames=frames, fps=spec.state["fps"] * self.stride)

    def items(self, dataset: Dataset) -> Dataset:
        return dataset if isinstance(dataset, Clips) else self._cut(dataset)

    def _cut(self, dataset: Dataset, size: tuple[int, int] | None = None) -> Clips:
        if not isinstance(dataset, Films):
            raise UserError(f"data {dataset.name}: the video signal needs films", code="data.not_films")
        found = dataset.readable()
        rates = [round(one.fps, 2) for one in found if one.fps]
        fps = self.fps or (max(sorted(set(rates)), key=rates.count) if rates else RATE)
        lengths = sorted(length_of(one, fps, self.stride) for one in found)
        usual = lengths[len(lengths) // 10]
        frames = self.frames or min(max(usual, SHORTEST), LONGEST)
        if size is None:
            size = (self.size, self.size) if isinstance(self.size, int) else self.size
        if size is None:
            median = sorted((one.height, one.width) for one in found)[len(found) // 2]
            scale = min(1.0, LARGEST / max(median))
            size = max(1, round(median[0] * scale)), max(1, round(median[1] * scale))
        if lengths[-1] < frames:
            raise UserError(
                f"data {dataset.name}: no film has {frames} frames at {fps / self.stride:.4g} a second; the longest "
                f"has {lengths[-1]}. Set signal.frames={max(2, lengths[-1])}, a smaller signal.stride or a higher "
                "signal.fps" + ("" if lengths[-1] > 1 else ". Single images are no films: use the image signal"),
                code="video.films_too_short",
            )
        return Clips(dataset, frames, fps, self.stride, size, self.fit)

    def spec(self, dataset: Dataset, nearest: Nearest) -> Spec:
        clips = self.items(dataset)
        assert isinstance(clips, Clips)
        shape = (3, clips.frames, *clips.size)
        near = tuple(nearest(shape))
        if near != shape:
            if self.size is not None or near[:2] != shape[:2]:
                raise UserError(
                    f"data {dataset.name}: these nets cannot make films of {clips.frames} frames of "
                    f"{clips.size[0]}×{clips.size[1]} px. Set signal.frames={near[1]} "
                    f"signal.size=[{near[2]},{near[3]}]",
                    code="nets.unreachable_size",
                )
            clips.size = (near[2], near[3])
        return Spec(near, len(clips.classes), clips.classes, {"fps": clips.fps / clips.stride})

    def prepare(self, item: np.ndarray, spec: Spec) -> np.ndarray:
        return item

    def stored(self, spec: Spec) -> tuple[int, ...]:
        channels, frames, height, width = spec.shape
        return frames, height, width, channels

    def encode(self, stored: Tensor, spec: Spec, rng: Rng) -> Tensor:
        """uint8 [N, T, H, W, 3] → float [N, 3, T, H, W]."""
        return stored.permute(0, 4, 1, 2, 3).to(torch.float32).div_(127.5).sub_(1)  # in place: clips are large

    def decode(self, x: Tensor, spec: Spec) -> np.ndarray:
        """[N, 3, T, H, W] → uint8 [N, T, H, W, 3]."""
        whole = ((x.detach().float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
        return whole.permute(0, 2, 3, 4, 1).contiguous().cpu().numpy()

    def batch_size(self, spec: Spec) -> int:
        return max(1, MOST_FRAMES // spec.shape[1])

    def describe(self, spec: Spec) -> str:
        return phrase("a clip of {frames} frames of {height}×{width} px at {fps:.4g} a second", **sizes(spec))

    def render(self, samples: np.ndarray, spec: Spec, columns: int = 8) -> list[Media]:
        return [writing.sheet(samples, columns), writing.animation(samples, spec.state["fps"], columns)]

    def card(self, spec: Spec) -> Card:
        return Card(phrase("clips of {frames} frames, {height}×{width} px at {fps:.4g} a second", **sizes(spec)))

    def file_use(self, model: Any) -> FileUse | None:
        from ganforge.modalities.video import given_files

        return given_files.file_use(model)

    def usage(self, file: str, spec: Spec) -> Usage:
        word = spec.labels[0] if spec.labels else None
        label = "" if word is None else f", label={word!r}"
        return Usage(
            f'model = gf.load("{file}")\n'
            f"clips = model.sample(8{label})  # uint8 [8, {spec.shape[1]}, {spec.shape[2]}, {spec.shape[3]}, 3]",
            command("sample", file, "-n", 8, *(("--label", word) if word is not None else ()), "--out", "clips/"),
        )

    def next_steps(self, folder: Path, spec: Spec) -> Steps:
        return [
            ("make more", command("sample", folder, "-n", 8, "--out", "clips/")),
            ("longer", command("sample", folder, "-n", 8, "--frames", 2 * spec.shape[1], "--out", "long/")),
        ]

    def write(self, samples: np.ndarray, folder: Path, start: int, spec: Spec) -> list[Path]:
        return writing.write_mp4s(samples, folder, start, spec.state["fps"])

    def lasting(self, spec: Spec, frames: int | None, fps: float | None) -> tuple[Spec, Mapping[str, Tensor]]:
        """Times are in frames of the training: at half its rate they are 0, 2, 4, ..."""
        trained: float = spec.state["fps"]
        frames = spec.shape[1] if frames is None else frames
        fps = trained if fps is None else fps
        if not 2 <= frames <= MOST_SAMPLED:
            raise UserError(f"--frames {frames}: from 2 to {MOST_SAMPLED:,} frames", code="sample.frames_out_of_range")
        if not 0 < fps <= 240:
            raise UserError(f"--fps {fps:g}: greater than 0, at most 240 a second", code="sample.fps_out_of_range")
        times = torch.arange(frames, dtype=torch.float32) * (trained / fps)
        shape = (spec.shape[0], frames, *spec.shape[2:])
        return replace(spec, shape=shape, state={**spec.state, "fps": fps}), {"times": times}

    def frame(self, sample: np.ndarray, spec: Spec) -> np.ndarray:
        return sample[len(sample) // 2]
