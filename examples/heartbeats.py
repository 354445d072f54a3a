"""Heartbeats: a signal that the package does not know, in one file.

An electrocardiogram cut into single beats, one a line of a CSV file without a header: the voltages, scaled to 0..1 and
padded with zeros, then the class of the beat. That is how the MIT-BIH Arrhythmia set is handed around (Kachuee et al.
2018, "ECG Heartbeat Categorization": 187 values at 125 Hz; Moody & Mark 2001 for the recordings).

    ganforge data inspect mitbih_train.csv --plugin heartbeats.py
    ganforge train data=mitbih_train.csv --minutes 10 --plugin heartbeats.py
    ganforge sample runs/0001-heartbeats -n 500 --label V --out new.csv --plugin heartbeats.py
    ganforge evaluate runs/0001-heartbeats --plugin heartbeats.py

It holds all that a signal consists of: how its files are opened, what a sample is, how it is shown and written, nets
that make it, and a recipe.

N: samples in a batch, T: voltages of a beat, L: width of the latents, C: channels.
x [N, 1, T] encoded beats in [-1, 1], z [N, L] latents, c [N] labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import numpy as np
from PIL import Image, ImageDraw
from pydantic import Field
from torch import Tensor, nn

from ganforge.core import media
from ganforge.core.choice import Choice, Machine
from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.core.media import Media
from ganforge.core.rng import Rng
from ganforge.core.types import DiscriminatorOutput, Spec
from ganforge.data.arrays import ArrayDataset
from ganforge.data.opener import Head, Opener
from ganforge.losses.penalties import R1, R2
from ganforge.losses.relativistic import RpGan
from ganforge.nets.base import Discriminator, Generator
from ganforge.nets.layers.labels import LabelTable
from ganforge.recipes import recipe
from ganforge.recipes.base import Recipe
from ganforge.recipes.ema import Ema
from ganforge.recipes.optimizer import Adam
from ganforge.signals import Exporter, Gallery, Nearest, Noun, Signal, save_array
from ganforge.tasks.synthesis import Synthesis

CLASSES = ("N", "S", "V", "F", "Q")
"""Normal, supraventricular, ventricular, fusion, unknown: the groups of the AAMI standard EC57."""
SHORTEST = 32
"""Voltages below which a line of numbers is hardly a beat."""


# --- the data


class HeartbeatOpener(Opener, kind="heartbeats"):
    """Lines of voltages between 0 and 1 that end in a class from 0 to 4."""

    signal = "heartbeats"
    takes = "heartbeats: .csv without a header"
    endings = (".csv",)

    def claims(self, path: Path, head: Head) -> float:
        if path.suffix.lower() != ".csv" or head.store is not None:
            return 0.0
        with path.open(encoding="ascii", errors="replace") as file:
            words = file.readline().strip().split(",")
        try:
            *voltages, label = (float(word) for word in words)
        except ValueError:  # a header, or a table with text in it
            return 0.0
        fits = len(voltages) >= SHORTEST and min(voltages) >= 0 and max(voltages) <= 1 and label in range(len(CLASSES))
        return 0.99 if fits else 0.0  # surer than that of any table

    def open(self, path: Path, head: Head, name: str, *, split: str, holdout: float, asked: bool) -> Dataset:
        try:
            table = np.loadtxt(path, delimiter=",", dtype=np.float32, ndmin=2)  # [N, T + 1]
        except ValueError as error:
            raise UserError(
                f"data {name}: expected lines of numbers, all of one length ({error})", code="data.unreadable"
            ) from None
        voltages, labels = table[:, :-1], table[:, -1]
        if not np.isin(labels, range(len(CLASSES))).all():
            raise UserError(
                f"data {name}: the last number of a line is its class, from 0 to {len(CLASSES) - 1}",
                code="data.labels_out_of_range",
            )
        held_out = np.arange(len(table)) % 10 == 9 if holdout else np.zeros(len(table), bool)
        chosen = held_out if split == "test" else ~held_out
        return ArrayDataset(name, voltages[chosen], labels[chosen].astype(np.int64), CLASSES, signal="heartbeats")


def synthetic(n: int, length: int = 187, seed: int = 0) -> np.ndarray:
    """Beats of two classes, N and V, to try things out with: [n, length + 1], the class last.

    McSharry et al. 2003, "A dynamical model for generating synthetic electrocardiogram signals": a beat is a sum of
    five bumps, the waves P, Q, R, S and T, each (height, second of its peak, width in seconds).
    """
    waves = {
        0: ((0.15, 0.12, 0.025), (-0.1, 0.22, 0.01), (1.0, 0.25, 0.012), (-0.2, 0.28, 0.012), (0.3, 0.5, 0.05)),
        2: ((0.0, 0.1, 0.02), (0.2, 0.2, 0.04), (1.0, 0.3, 0.05), (-0.5, 0.45, 0.06), (-0.2, 0.65, 0.07)),
    }
    rng = np.random.default_rng(seed)
    seconds = np.arange(length) / 125
    lines = []
    for label in rng.choice(list(waves), n):
        beat = rng.normal(0, 0.01, length)
        for height, peak, width in waves[int(label)]:
            place = (seconds - peak * rng.normal(1, 0.05)) / (width * rng.normal(1, 0.1))
            beat += height * rng.normal(1, 0.1) * np.exp(-0.5 * place**2)
        beat = (beat - beat.min()) / np.ptp(beat)
        beat[rng.integers(length * 2 // 3, length) :] = 0
        lines.append(np.append(beat, label))
    return np.array(lines)


# --- the signal


def write_csv(samples: np.ndarray, path: Path, spec: Spec) -> None:
    """Voltages, a line a beat."""
    with path.open("w", encoding="ascii") as file:
        np.savetxt(file, samples, fmt="%.5f", delimiter=",")


class Heartbeats(Signal, kind="heartbeats"):
    """Beats of one lead, all of one length."""

    noun = Noun("beat", "beats")
    exporters: ClassVar[Mapping[str, Exporter]] = {".csv": write_csv, ".npy": save_array}
    metrics: ClassVar[tuple[str, ...]] = ("fd", "kid", "pr", "nn")
    gallery: ClassVar[Gallery | None] = Gallery(walks=True)

    rate: float = Field(default=125.0, gt=0)
    """Voltages a second, for the axis of drawings."""

    @classmethod
    def recommend(cls, dataset: Dataset, machine: Machine) -> Choice:
        ((length,), _), *_ = dataset.shapes()
        facts = f"{len(dataset):,} beats of {length} voltages; {machine}"
        return Choice(facts, "heartbeats", (), ("heartbeats: the recipe for beats",))

    @classmethod
    def example(cls, folder: Path, n: int = 64) -> str:
        np.savetxt(folder / "beats.csv", synthetic(n), fmt="%.6f", delimiter=",")
        return str(folder / "beats.csv")

    def spec(self, dataset: Dataset, nearest: Nearest) -> Spec:
        shapes = list(dataset.shapes())
        if len(shapes) != 1 or len(shapes[0][0]) != 1:
            raise UserError(
                f"data {dataset.name}: the heartbeats signal needs rows of voltages, all of one length",
                code="data.not_heartbeats",
            )
        ((length,), _) = shapes[0]
        return Spec(nearest((1, length)), len(dataset.classes), tuple(dataset.classes))

    def prepare(self, item: np.ndarray, spec: Spec) -> np.ndarray:
        return np.ascontiguousarray(item[None], np.float32)  # [1, T]

    def encode(self, stored: Tensor, spec: Spec, rng: Rng) -> Tensor:
        return stored * 2 - 1

    def decode(self, x: Tensor, spec: Spec) -> np.ndarray:
        """[N, 1, T] in [-1, 1] → voltages float32 [N, T] in [0, 1]."""
        return ((x.detach().float()[:, 0] + 1) / 2).clamp(0, 1).cpu().numpy()

    def describe(self, spec: Spec) -> str:
        return f"a beat of {spec.shape[1]} voltages"

    def render(self, samples: np.ndarray, spec: Spec, columns: int = 8) -> list[Media]:
        return [media.png(drawn(samples, columns), f"{len(samples)} beats of {samples.shape[1] / self.rate:.2g} s")]

    def frame(self, sample: np.ndarray, spec: Spec) -> np.ndarray:
        return drawn(sample[None], 1)

    def write(self, samples: np.ndarray, folder: Path, start: int, spec: Spec) -> list[Path]:
        path = folder / f"{start:06d}.csv"
        write_csv(samples, path, spec)
        return [path]


def drawn(samples: np.ndarray, columns: int, width: int = 120, height: int = 64) -> np.ndarray:
    """Curves of beats [N, T], `columns` a row, uint8 [H, W, 3]."""
    rows = -(-len(samples) // columns)
    canvas = Image.new("RGB", (min(columns, len(samples)) * width, rows * height), "white")
    pen = ImageDraw.Draw(canvas)
    x = np.linspace(4, width - 4, samples.shape[1])
    for k, beat in enumerate(samples):
        left, top = k % columns * width, k // columns * height
        y = height - 6 - beat * (height - 12)
        pen.line([(left + float(a), top + float(b)) for a, b in zip(x, y, strict=True)], fill=(170, 30, 40), width=1)
    return np.asarray(canvas)


# --- the nets


class WaveG(nn.Module):
    """The net of `WaveGenerator`: a linear layer, then four times: twice as long, a convolution over 9 steps."""

    def __init__(self, latent: int, channels: int, spec: Spec):
        super().__init__()
        self.length = spec.shape[1]
        self.label = LabelTable(spec.classes, latent) if spec.classes else None
        self.start = nn.Linear(latent, 8 * channels * -(-self.length // 16))
        widths = [8 * channels, 4 * channels, 2 * channels, channels, channels]
        self.blocks = nn.ModuleList(nn.Conv1d(a, b, 9, padding=4) for a, b in pairwise(widths))
        self.last = nn.Conv1d(channels, 1, 9, padding=4)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        if self.label is not None:
            z = z + self.label(c)
        h = self.start(z).unflatten(1, (-1, -(-self.length // 16)))  # [N, 8C, T/16]
        for convolution in self.blocks:
            h = nn.functional.interpolate(h, scale_factor=2, mode="linear")
            h = nn.functional.leaky_relu(convolution(h), 0.2)
        return self.last(h)[..., : self.length].tanh()


class WaveGenerator(Generator, kind="heartbeats"):
    """Beats from latents by convolutions along time."""

    channels: int = Field(default=16, ge=1)
    """Channels at full length; shorter maps have up to eight times as many."""

    def build(self, spec: Spec) -> nn.Module:
        return WaveG(self.latent, self.channels, spec)


class WaveD(nn.Module):
    """The net of `WaveDiscriminator`: four convolutions of stride 2, and a logit by projection (Miyato 2018)."""

    def __init__(self, channels: int, spec: Spec):
        super().__init__()
        widths = [1, channels, 2 * channels, 4 * channels, 8 * channels]
        self.blocks = nn.ModuleList(nn.Conv1d(a, b, 9, stride=2, padding=4) for a, b in pairwise(widths))
        self.last = nn.Linear(8 * channels, 1)
        self.label = LabelTable(spec.classes, 8 * channels) if spec.classes else None

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        for convolution in self.blocks:
            x = nn.functional.leaky_relu(convolution(x), 0.2)
        h = x.mean(2)  # [N, 8C]
        logits = self.last(h)[:, 0]
        if self.label is not None:
            logits = logits + (self.label(c) * h).sum(1)
        return DiscriminatorOutput(logits, h)


class WaveDiscriminator(Discriminator, kind="heartbeats"):
    """A critic of beats by convolutions along time."""

    channels: int = Field(default=16, ge=1)
    """Channels of the longest map; each shorter one has twice as many."""

    def build(self, spec: Spec) -> nn.Module:
        return WaveD(self.channels, spec)


# --- the recipe


@recipe("heartbeats")
def heartbeats() -> Recipe:
    """Beats of an electrocardiogram, by class.

    Paper: Huang et al. 2024 (RpGAN + R1 + R2). Departures: convolutions along time, of 9 steps.
    Command: `ganforge train data=mitbih_train.csv --plugin heartbeats.py`
    """
    return Recipe(
        samples=1_000_000,
        batch=64,
        signal=Heartbeats(),
        task=Synthesis(
            generator=WaveGenerator(latent=32),
            discriminator=WaveDiscriminator(),
            objective=RpGan(),
            penalties=(R1(weight=0.1), R2(weight=0.1)),
            conditional=True,
        ),
        optimizers={"G": Adam(lr=5e-4, betas=(0.0, 0.9)), "D": Adam(lr=5e-4, betas=(0.0, 0.9))},
        ema=Ema(half_life=10_000),
    )
