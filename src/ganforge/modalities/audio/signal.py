"""Sounds: mono clips of one rate and one length."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from ganforge.core import media
from ganforge.core.choice import Choice, Machine
from ganforge.core.commands import command
from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.core.language import phrase
from ganforge.core.media import Media
from ganforge.core.rng import Rng
from ganforge.core.types import Spec
from ganforge.modalities.audio import choose, inspect
from ganforge.modalities.audio import files as sounds
from ganforge.modalities.audio.clips import Clips
from ganforge.modalities.audio.example import write_example
from ganforge.modalities.audio.mel import BANDS, FLOOR, drawn
from ganforge.modalities.audio.source import SoundFiles
from ganforge.signals import Card, Exporter, Gallery, Inspection, Nearest, Noun, Signal, Steps, Usage, save_array

LONGEST = 1.024  # seconds of a clip where nobody says otherwise
UNIT = 512  # samples: clips are whole multiples of it, which nets of several strides can make
HIGHEST = 16_000  # samples a second, where nobody says otherwise
GAP = 0.1  # seconds between sounds that are played one after the other


def write_wav(samples: np.ndarray, path: Path, spec: Spec) -> None:
    """All samples [N, T], one after the other, with gaps between them."""
    with path.open("wb") as file:
        sounds.encode(joined(samples, spec.state["rate"]), spec.state["rate"], file)


def joined(samples: np.ndarray, rate: int) -> np.ndarray:
    """Sounds [N, T] as one [T', 1]."""
    return np.pad(samples, ((0, 0), (0, int(GAP * rate)))).reshape(-1, 1)


class Audio(Signal, kind="audio"):
    """Sounds as waveforms. The nets see samples in [-1, 1], all of a set raised or lowered by one gain."""

    noun: ClassVar[Noun] = Noun("sound", "sounds", "a set of sounds")
    exporters: ClassVar[Mapping[str, Exporter]] = {".wav": write_wav, ".npy": save_array}
    metrics: ClassVar[tuple[str, ...]] = ("fd", "pr")
    extractor: ClassVar[str] = "mel"
    n_generated: ClassVar[int] = 0
    gallery: ClassVar[Gallery | None] = Gallery(most=32, columns=8)

    rate: int | None = Field(default=None, ge=1000)
    """Samples a second; by default the most frequent rate of the data, at most 16,000."""
    seconds: float | None = Field(default=None, gt=0)
    """Length of a clip; by default that of the longest recording, at most 1.024. Longer recordings are cut."""

    @property
    def data_statistics(self) -> str:
        return phrase("the loudest peak of some of its sounds")

    @classmethod
    def example(cls, folder: Path, n: int = 64) -> str:
        return write_example(folder, n)

    @classmethod
    def inspect(cls, dataset: Dataset, limit: int | None = None) -> Inspection:
        return inspect.inspection(dataset)

    @classmethod
    def recommend(cls, dataset: Dataset, machine: Machine) -> Choice:
        return choose.choose(dataset, len(cls().items(dataset)), machine)

    def at(self, spec: Spec) -> Self:
        return replace(self, rate=spec.state["rate"], seconds=spec.shape[1] / spec.state["rate"])

    def items(self, dataset: Dataset) -> Dataset:
        if isinstance(dataset, Clips):
            return dataset
        if not isinstance(dataset, SoundFiles):
            raise UserError(f"data {dataset.name}: the audio signal needs sound files", code="data.not_sound")
        found = dataset.readable()
        rates = [one.rate for one in found]
        rate = self.rate or min(max(sorted(set(rates)), key=rates.count), HIGHEST)
        seconds = self.seconds or min(max(one.frames / one.rate for one in found), LONGEST)
        return Clips(dataset, rate, max(1, round(seconds * rate / UNIT)) * UNIT)

    def spec(self, dataset: Dataset, nearest: Nearest) -> Spec:
        clips = self.items(dataset)
        assert isinstance(clips, Clips)
        shape = tuple(nearest((1, clips.length)))
        if shape != (1, clips.length):
            raise UserError(
                f"data {dataset.name}: these nets cannot make sounds of {clips.length:,} samples. Use the recipe "
                f"sound-small, or signal.seconds={shape[-1] / clips.rate:g}",
                code="nets.not_for_shape",
            )
        return Spec(shape, len(clips.classes), clips.classes, {"rate": clips.rate, "gain": 0.9 / clips.peak()})

    def prepare(self, item: np.ndarray, spec: Spec) -> np.ndarray:
        """[1, T] float32 → int16."""
        return np.rint((item * spec.state["gain"]).clip(-1, 1) * 32_767).astype(np.int16)

    def encode(self, stored: Tensor, spec: Spec, rng: Rng) -> Tensor:
        return stored.to(torch.float32) / 32_767

    def decode(self, x: Tensor, spec: Spec) -> np.ndarray:
        """[N, 1, T] → float32 [N, T], as loud as the data."""
        return (x.detach().float()[:, 0].clamp(-1, 1) / max(spec.state["gain"], 1e-6)).clamp(-1, 1).cpu().numpy()

    def describe(self, spec: Spec) -> str:
        return f"a sound of {spec.shape[1] / spec.state['rate']:.2f} s at {spec.state['rate']:,} Hz"

    def render(self, samples: np.ndarray, spec: Spec, columns: int = 8) -> list[Media]:
        """The log-mel spectrograms in rows, and the sounds one after the other, row by row."""
        tiles = np.pad(drawn(samples, spec.state["rate"]), ((0, 0), (1, 1), (1, 1)), constant_values=90)
        tiles = np.concatenate([tiles, np.full((-len(tiles) % columns, *tiles.shape[1:]), 90, np.uint8)])
        rows = [np.hstack(list(tiles[k : k + columns])) for k in range(0, len(tiles), columns)]
        sound = sounds.wav(joined(samples, spec.state["rate"]), spec.state["rate"])
        seen = f"spectrograms: time to the right, {BANDS} mel bands from low (bottom) to high, {-FLOOR:.0f} dB"
        return [media.png(np.vstack(rows), seen), Media(sound, "audio/wav", f"{len(samples)} sounds, row by row")]

    def card(self, spec: Spec) -> Card:
        rate = spec.state["rate"]
        return Card(phrase("sounds of {seconds:.2f} s at {rate:,} Hz", seconds=spec.shape[1] / rate, rate=rate))

    def usage(self, file: str, spec: Spec) -> Usage:
        word = spec.labels[0] if spec.labels else None
        label = "" if word is None else f", label={word!r}"
        return Usage(
            f'model = gf.load("{file}")\n'
            f"sounds = model.sample(20{label})  # float32 [20, {spec.shape[1]}] at {spec.state['rate']} Hz",
            command("sample", file, "-n", 20, *(("--label", word) if word is not None else ()), "--out", "sounds/"),
        )

    def next_steps(self, folder: Path, spec: Spec) -> Steps:
        return [("make more", command("sample", folder, "-n", 20, "--out", "sounds/"))]

    def write(self, samples: np.ndarray, folder: Path, start: int, spec: Spec) -> list[Path]:
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"{start + k:06d}.wav" for k in range(len(samples))]
        for path, sample in zip(paths, samples, strict=True):
            path.write_bytes(sounds.wav(sample[:, None], spec.state["rate"]))
        return paths

    def frame(self, sample: np.ndarray, spec: Spec) -> np.ndarray:
        return np.repeat(drawn(sample[None], spec.state["rate"])[0][..., None], 3, axis=2)
