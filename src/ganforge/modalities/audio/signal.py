"""Sounds: mono clips of one rate and one length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

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
from ganforge.core.types import Batch, Spec
from ganforge.modalities.audio import choose, findings, inspect
from ganforge.modalities.audio import files as sounds
from ganforge.modalities.audio.clips import Clips
from ganforge.modalities.audio.degrade import SoundDegrade
from ganforge.modalities.audio.example import write_example
from ganforge.modalities.audio.forms.base import Form
from ganforge.modalities.audio.melspec import BANDS, FLOOR, drawn, mono, views
from ganforge.modalities.audio.source import SoundFiles
from ganforge.signals import Card, Exporter, Gallery, Inspection, Nearest, Noun, Rule, Signal, Steps, Usage, save_array

LONGEST = 1.024  # seconds of a clip where nobody says otherwise
UNIT = 512  # samples: clips are whole multiples of it, which nets of several strides can make
HIGHEST = 16_000  # samples a second, where nobody says otherwise
MEASURED = 400  # clips by which a form is measured
RMS, LOUDEST, MOST_GAIN = 0.1, 0.9, 10**1.5
GAP = 0.1  # seconds between sounds that are played one after the other


def write_wav(samples: np.ndarray, path: Path, spec: Spec) -> None:
    """All samples [N, T] or [N, T, C], one after the other, with gaps between them."""
    with path.open("wb") as file:
        sounds.encode(joined(samples, spec.state["rate"]), spec.state["rate"], file)


def write_flac(samples: np.ndarray, path: Path, spec: Spec) -> None:
    """As `write_wav`, without loss and smaller."""
    with path.open("wb") as file:
        sounds.encode(joined(samples, spec.state["rate"]), spec.state["rate"], file, "FLAC")


def joined(samples: np.ndarray, rate: int) -> np.ndarray:
    """Sounds [N, T] or [N, T, C] as one [T', C]."""
    samples = samples if samples.ndim == 3 else samples[..., None]
    return np.pad(samples, ((0, 0), (0, int(GAP * rate)), (0, 0))).reshape(-1, samples.shape[2])


def length_of(spec: Spec) -> int:
    """Samples of a clip; model files of old hold it in the shape alone."""
    return spec.state.get("length", spec.shape[-1])


class Audio(Signal, kind="audio"):
    """Sounds as waveforms. The nets see samples in [-1, 1], all of a set raised or lowered by one gain."""

    noun: ClassVar[Noun] = Noun("sound", "sounds", "a set of sounds")
    exporters: ClassVar[Mapping[str, Exporter]] = {".wav": write_wav, ".flac": write_flac, ".npy": save_array}
    metrics: ClassVar[tuple[str, ...]] = ("fd", "pr", "sound")
    extractor: ClassVar[str] = "mfcc"
    n_generated: ClassVar[int] = 0
    gallery: ClassVar[Gallery | None] = Gallery(most=32, columns=8)
    appearance_samples: ClassVar[int] = 256
    rules: ClassVar[Sequence[Rule]] = findings.RULES

    rate: int | None = Field(default=None, ge=1000)
    """Samples a second; by default the most frequent rate of the data, at most 16,000."""
    seconds: float | None = Field(default=None, gt=0)
    """Length of a clip; by default that of the longest recording, at most 1.024. Longer recordings are cut."""
    stereo: bool = False
    """Keep left and right; by default sounds are mono: the mean of all channels that are not silent."""
    crops: bool | None = None
    """Begin the clips of long recordings anywhere, drawn again each time, so that no start is learned; by default
    where most clips are of recordings of two clips or more."""
    loudness: Literal["set", "clip"] = "set"
    """set raises all sounds by one gain, which is undone when sounds are written; clip brings each clip to -20 dB RMS,
    by 30 dB at most and without clipping."""
    trim: bool = False
    """Cut off silence at both ends of recordings that are one clip (50 dB below their peak)."""
    degrade: SoundDegrade | None = None
    """Make the source of each sound from it, as with noise(snr=0..20), band(rate=8000), clip, reverb, or noise+reverb;
    for recipes that restore sounds."""
    drawn: bool = True
    """Draw where crops begin; off where real samples are evaluated."""
    form: Form = Field(default="waveform", validate_default=True)
    """What the nets see: the waveform, or a spectrogram that is turned into sound again."""

    @property
    def sides(self) -> int:
        """Channels of a sound."""
        return 2 if self.stereo else 1

    @property
    def data_statistics(self) -> str:
        peak = phrase("the loudest peak of some of its sounds")
        return phrase("{first}; {second}", first=peak, second=self.form.statistics) if self.form.statistics else peak

    @classmethod
    def example(cls, folder: Path, n: int = 64) -> str:
        return write_example(folder, n)

    @classmethod
    def inspect(cls, dataset: Dataset, limit: int | None = None) -> Inspection:
        clips = cls().items(dataset)
        assert isinstance(clips, Clips)
        return inspect.inspection(dataset, clips)

    @classmethod
    def recommend(cls, dataset: Dataset, machine: Machine) -> Choice:
        return choose.choose(dataset, len(cls().items(dataset)), machine)

    def at(self, spec: Spec) -> Self:
        return replace(self, rate=spec.state["rate"], seconds=length_of(spec) / spec.state["rate"])

    def items(self, dataset: Dataset) -> Dataset:
        if isinstance(dataset, Clips):
            return dataset
        if not isinstance(dataset, SoundFiles):
            raise UserError(f"data {dataset.name}: the audio signal needs sound files", code="data.not_sound")
        found = dataset.readable()
        rates = [one.rate for one in found]
        rate = self.rate or min(max(sorted(set(rates)), key=rates.count), HIGHEST)
        seconds = self.seconds or min(max(one.frames / one.rate for one in found), LONGEST)
        length = max(1, round(seconds * rate / UNIT)) * UNIT
        long = sum(one.frames / one.rate >= 2 * length / rate for one in found)
        crops = 2 * long > len(found) if self.crops is None else self.crops
        return Clips(dataset, rate, length, length if crops else 0, self.sides, self.trim)

    def spec(self, dataset: Dataset, nearest: Nearest) -> Spec:
        clips = self.items(dataset)
        assert isinstance(clips, Clips)
        wanted = self.form.shape(self.sides, clips.length)
        if tuple(nearest(wanted)) != wanted:
            raise UserError(
                f"data {dataset.name}: these nets cannot make sounds of {clips.length:,} samples as {list(wanted)}. "
                "Use the recipe sound-small, or another signal.seconds",
                code="nets.not_for_shape",
            )
        gain = LOUDEST / clips.peak()
        clips.preflight()
        gain = 1.0 if self.loudness == "clip" else gain
        state = {"rate": clips.rate, "length": clips.length, "gain": gain, "extra": clips.extra}
        if self.degrade is not None:
            state["degraded"] = True
        if self.form.statistics:
            some = np.stack([self._levelled(one, gain) for one in clips.some(MEASURED)])
            state["form"] = self.form.measure(torch.from_numpy(some[..., : clips.length]), clips.rate)
        return Spec(wanted, len(clips.classes), clips.classes, state)

    def stored(self, spec: Spec) -> tuple[int, ...]:
        return self.sides, length_of(spec) + spec.state.get("extra", 0)

    def prepare(self, item: np.ndarray, spec: Spec) -> np.ndarray:
        """[C, T] float32 → int16."""
        return np.rint(self._levelled(item, spec.state["gain"]) * 32_767).astype(np.int16)

    def _levelled(self, item: np.ndarray, gain: float) -> np.ndarray:
        if self.loudness == "clip":
            rms, peak = float(np.sqrt(np.square(item, dtype=np.float64).mean())), float(np.abs(item).max())
            gain = min(RMS / max(rms, 1e-9), LOUDEST / max(peak, 1e-9), MOST_GAIN)
        return (item * gain).clip(-1, 1).astype(np.float32)

    def encode(self, stored: Tensor, spec: Spec, rng: Rng) -> Tensor:
        extra = spec.state.get("extra", 0)
        if extra:
            start = rng.integers("crop", (len(stored),), extra + 1) if self.drawn else torch.zeros(len(stored)).long()
            places = start.to(stored.device)[:, None, None] + torch.arange(length_of(spec), device=stored.device)
            stored = stored.gather(2, places.expand(-1, self.sides, -1))
        return self.form.encode(stored.to(rng.dtype) / 32_767, self._known(spec))

    def batch(self, stored: Tensor, labels: Tensor | None, spec: Spec, rng: Rng) -> Batch:
        """`x`, and `extra["source"]` of sounds that are to be restored: the same sounds, degraded again each time."""
        x = self.encode(stored, spec, rng)
        extra = {}
        if self.degrade is not None:
            extra["source"] = self.degrade.apply(x, spec.state["rate"], rng.at("degrade")).clamp(-1, 1)
        return Batch(x, labels if spec.for_nets.classes else None, extra)

    def has_sources(self, spec: Spec) -> bool:
        return self.degrade is not None

    def are_comparable_sources(self, spec: Spec) -> bool:
        return self.has_sources(spec)

    def sources(self, batch: Batch, spec: Spec) -> np.ndarray:
        return self._heard(batch.extra["source"].float(), spec)

    def deterministic(self) -> Self:
        return replace(self, drawn=False)

    def present(self, stored: Tensor, spec: Spec) -> np.ndarray:
        """Real sounds as they are, not through a form that loses phases."""
        return self._heard(stored[..., : length_of(spec)].to(torch.float32) / 32_767, spec)

    def decode(self, x: Tensor, spec: Spec) -> np.ndarray:
        """[N, *shape] → float32 [N, T] (stereo [N, T, 2]), as loud as the data."""
        return self._heard(self.form.decode(x.detach().float(), self._known(spec)), spec)

    def _heard(self, x: Tensor, spec: Spec) -> np.ndarray:
        # Float files may go beyond full scale: such sets come back at full scale, for wav files would cut them off.
        x = (x.clamp(-1, 1) / max(spec.state["gain"], LOUDEST)).clamp(-1, 1)
        return (x[:, 0] if self.sides == 1 else x.transpose(1, 2)).cpu().numpy()

    def _known(self, spec: Spec) -> dict[str, Any]:
        """What the form must know."""
        return {**spec.state.get("form", {}), "rate": spec.state["rate"]}

    def default_metrics(
        self, spec: Spec, *, translates: bool, paired: bool, sizes: Sequence[tuple[int, ...]] = ()
    ) -> Sequence[str]:
        if translates or paired:
            return ("vocoder",)
        return (*self.metrics, "sound_labels") if spec.classes > 1 else self.metrics

    def compare_appearance(self, real: np.ndarray, fake: np.ndarray) -> findings.SoundLook:
        return findings.look(real, fake)

    def describe(self, spec: Spec) -> str:
        rate = spec.state["rate"]
        return phrase("a sound of {seconds:.2f} s at {rate:,} Hz", seconds=length_of(spec) / rate, rate=rate)

    def render(self, samples: np.ndarray, spec: Spec, columns: int = 8) -> list[Media]:
        """Waveforms above log-mel spectrograms, in rows, and the sounds one after the other, row by row."""
        tiles = np.pad(views(mono(samples), spec.state["rate"]), ((0, 0), (1, 1), (1, 1)), constant_values=90)
        tiles = np.concatenate([tiles, np.full((-len(tiles) % columns, *tiles.shape[1:]), 90, np.uint8)])
        rows = [np.hstack(list(tiles[k : k + columns])) for k in range(0, len(tiles), columns)]
        sound = sounds.wav(joined(samples, spec.state["rate"]), spec.state["rate"])
        seen = phrase(
            "waveforms above spectrograms: time to the right, {bands} mel bands, low ones below, {range:.0f} dB",
            bands=BANDS,
            range=-FLOOR,
        )
        heard = phrase("{count} sounds, row by row", count=len(samples))
        return [media.png(np.vstack(rows), seen), Media(sound, "audio/wav", heard)]

    def card(self, spec: Spec) -> Card:
        rate = spec.state["rate"]
        return Card(phrase("sounds of {seconds:.2f} s at {rate:,} Hz", seconds=length_of(spec) / rate, rate=rate))

    def usage(self, file: str, spec: Spec) -> Usage:
        word = spec.labels[0] if spec.labels else None
        label = "" if word is None else f", label={word!r}"
        return Usage(
            f'model = gf.load("{file}")\n'
            f"sounds = model.sample(20{label})  # float32 [20, {length_of(spec)}] at {spec.state['rate']} Hz",
            command("sample", file, "-n", 20, *(("--label", word) if word is not None else ()), "--out", "sounds/"),
        )

    def next_steps(self, folder: Path, spec: Spec) -> Steps:
        return [("make more", command("sample", folder, "-n", 20, "--out", "sounds/"))]

    def write(self, samples: np.ndarray, folder: Path, start: int, spec: Spec) -> list[Path]:
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"{start + k:06d}.wav" for k in range(len(samples))]
        for path, sample in zip(paths, samples, strict=True):
            path.write_bytes(sounds.wav(sample.reshape(len(sample), -1), spec.state["rate"]))
        return paths

    def frame(self, sample: np.ndarray, spec: Spec) -> np.ndarray:
        return np.repeat(drawn(mono(sample[None]), spec.state["rate"])[0][..., None], 3, axis=2)
