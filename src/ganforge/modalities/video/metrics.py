"""How near generated films are to real ones, in motion and in what they show.

    clip_fd    Fréchet distance in the features of the classifier of films; its floor is that of halves of the real ones
    motion     W₁ between the clips' mean |x(t+1) − x(t)|, in levels of 255
    pace       the mean of it over generated clips, as a share of the real one
    pace_blocks  the same of blocks of 8×8 px, in which the noise of a camera averages out: what moves alone
    steps_fd   Fréchet distance of histograms of |x(t+1) − x(t)| over blocks of 8×8 px
    drift      W₁ between the clips' mean distance of color histograms, first frame to the others, 0 to 1
    frame_fd   Fréchet distance of single frames, by the extractor of images that is trained on the data
    frozen     share of clips with less than a tenth of the motion that real ones have at the median
    looping    share of clips that return to where they were, beyond that of real ones
    flicker    mean |x(t+1) − 2 x(t) + x(t−1)| ÷ mean |x(t+1) − x(t)|, as a share of the real one; of pixels, or of
               blocks of 8×8 px if that share is greater: single pixels also jump where an edge moves past

No downloaded net is used, and none of these is FVD (Unterthiner et al. 2018). x [N, T, H, W, 3].
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from ganforge.core.component import build
from ganforge.core.language import phrase
from ganforge.metrics import statistics
from ganforge.metrics.base import Comparison, Extractor, Meaning, Metric, Result, SampleSet, short_count
from ganforge.metrics.frechet import frechet_distance, notes_on_size

BLOCK = 8
EDGES = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 256.0])
"""Of the histograms of steps: mean |x(t+1) − x(t)| of a block."""
COLORS = 16
STILL = 0.1
RETURN = 0.35
"""A clip loops where it comes back, after at least a quarter of its length, to within this share of its usual distance
between frames as far apart."""
CHUNK = 32  # clips at a time: they are large


def wasserstein(a: np.ndarray, b: np.ndarray) -> float:
    """W₁ between two samples of numbers."""
    levels = (np.arange(512) + 0.5) / 512
    return float(np.abs(np.quantile(a, levels) - np.quantile(b, levels)).mean())


def clip_facts(clips: np.ndarray) -> dict[str, np.ndarray]:
    """What the metrics read off clips uint8 [N, T, H, W, 3], a row a clip."""
    found: dict[str, list[Any]] = {
        name: [] for name in ("motion", "motion_blocks", "flicker", "flicker_blocks", "steps", "drift", "return")
    }
    for clip in clips:
        x = clip.astype(np.float32)
        step = np.abs(np.diff(x, axis=0)).mean(3)  # [T-1, H, W]
        motion = float(step.mean())
        found["motion"].append(motion)
        blocks = _blocks(x.mean(3))
        found["motion_blocks"].append(float(np.abs(np.diff(blocks, axis=0)).mean()))
        found["flicker"].append(_jerks(x))
        found["flicker_blocks"].append(_jerks(blocks))
        found["steps"].append(np.histogram(_blocks(step), EDGES)[0] / _blocks(step).size)
        found["drift"].append(_drift(clip))
        found["return"].append(_return(x))
    return {name: np.asarray(values) for name, values in found.items()}


def _jerks(x: np.ndarray) -> float:
    """How jerky changes over time, the first axis, are: mean second difference ÷ mean difference; 0 where all stands
    still."""
    motion = float(np.abs(np.diff(x, axis=0)).mean())
    return float(np.abs(np.diff(x, 2, axis=0)).mean()) / motion if len(x) > 2 and motion > 0 else 0.0


def _blocks(step: np.ndarray) -> np.ndarray:
    """Means over blocks of 8×8 px."""
    rows, columns = (max(1, side // BLOCK) for side in step.shape[1:])
    high, wide = step.shape[1] // rows, step.shape[2] // columns
    return step[:, : rows * high, : columns * wide].reshape(len(step), rows, high, columns, wide).mean((2, 4))


def _drift(clip: np.ndarray) -> float:
    """Mean distance of the color histograms of the first frame and the others, from 0 to 1."""
    levels = clip.astype(np.int64) * COLORS // 256 + COLORS * np.arange(3)
    counts = np.stack([np.bincount(frame.ravel(), minlength=3 * COLORS) for frame in levels]) / clip[0].size
    return float(np.abs(counts[1:] - counts[0]).sum(1).mean() / 2)


def _return(x: np.ndarray) -> float:
    """How near a clip comes to an earlier part of itself: the least mean distance of frames some lag apart, over lags
    from a quarter to half of its length, as a share of their greatest. 1 where nothing moves."""
    length = len(x)
    small = x[:, ::4, ::4]
    lags = range(max(2, length // 4), length // 2 + 1)
    apart = [float(np.abs(small[lag:] - small[:-lag]).mean()) for lag in lags] or [0.0]
    return min(apart) / max(apart) if max(apart) > 0 else 1.0


def facts_of(comparison: Comparison, name: str, n: int | None = None) -> dict[str, np.ndarray]:
    """`clip_facts` of a side."""

    def gathered() -> dict[str, np.ndarray]:
        parts = [clip_facts(part) for part in comparison.batches(name, n, CHUNK)]
        return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}

    return comparison.once(("clip facts", name, n), gathered)


class Motion(Metric, kind="motion"):
    """How films move: how much, where, whether they freeze, loop, flicker or drift away from their first frame."""

    signals: ClassVar[tuple[str, ...]] = ("film",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "motion": Meaning("How far the amount of motion differs from clip to clip, in levels of 255.", "lower", 0),
        "pace": Meaning("How much generated films move, as a share of real ones.", "near", 1),
        "pace_blocks": Meaning("The same of means over blocks of 8×8 px, without the noise of a camera.", "near", 1),
        "steps_fd": Meaning("How far the sizes of changes from frame to frame differ, block by block.", "lower", 0),
        "drift": Meaning("How far films leave the colors of their first frame, against real ones.", "lower", 0),
        "frozen": Meaning("Share of films that hardly move.", "lower", 0),
        "looping": Meaning("Share of films that return to where they were, beyond that of real ones.", "lower", 0),
        "flicker": Meaning("How jerky changes are from frame to frame, as a share of real ones.", "near", 1),
    }

    def compute(self, comparison: Comparison) -> list[Result]:
        n = comparison.count("fake", self.n)
        real, fake = facts_of(comparison, "real"), facts_of(comparison, "fake", self.n)
        halves = np.array_split(comparison.draws("halves").permutation(len(real["motion"])), 2)
        one, two = ({key: values[rows] for key, values in real.items()} for rows in halves)
        ours, floors = figures(real, fake), figures(one, two)
        protocol = comparison.protocol(self.n)
        found = []
        for name, value in ours.items():
            notes = [phrase("one half of the real clips against the other: {floor:.4g}", floor=floors[name])]
            if name in ("motion", "pace"):
                means = {side: float(facts["motion"].mean()) for side, facts in (("fake", fake), ("real", real))}
                notes.insert(0, phrase("mean change {fake:.2f} of 255, real {real:.2f}", **means))
            found.append(Result(f"{name}{short_count(n)}", value, protocol, {"floor": floors[name], "notes": notes}))
        return found


def figures(real: Mapping[str, np.ndarray], fake: Mapping[str, np.ndarray]) -> dict[str, float]:
    """The values of `Motion` from what was read off the clips of both sides."""
    usual = max(float(real["motion"].mean()), 1e-6)
    loops = [float((side["return"] < RETURN).mean()) for side in (real, fake)]
    moves = fake["motion"] > 0
    jerks = [
        float(fake[scale][moves].mean()) / max(float(real[scale].mean()), 1e-6) if moves.any() else 0.0
        for scale in ("flicker", "flicker_blocks")
    ]
    return {
        "motion": wasserstein(real["motion"], fake["motion"]),
        "pace": float(fake["motion"].mean()) / usual,
        "pace_blocks": float(fake["motion_blocks"].mean()) / max(float(real["motion_blocks"].mean()), 1e-6),
        "steps_fd": frechet_distance(statistics.moments(real["steps"]), statistics.moments(fake["steps"])),
        "drift": wasserstein(real["drift"], fake["drift"]),
        "frozen": float((fake["motion"] < STILL * float(np.median(real["motion"]))).mean()),
        "looping": max(0.0, loops[1] - loops[0]),
        "flicker": max(jerks),
    }


class ClipDistance(Metric, kind="clip_fd"):
    """Fréchet distance of whole clips, in the features of a classifier that is trained on these films, or of I3D."""

    needs: ClassVar[frozenset[str]] = frozenset({"features"})
    signals: ClassVar[tuple[str, ...]] = ("film",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "clip_fd": Meaning("Distance between generated and real films, in motion and content.", "lower", 0)
    }

    def compute(self, comparison: Comparison) -> list[Result]:
        n = comparison.count("fake", self.n)
        real, fake = comparison.features("real"), comparison.features("fake", n)
        halves = np.array_split(comparison.draws("halves").permutation(len(real)), 2)
        floor = frechet_distance(*(statistics.moments(real[rows]) for rows in halves))
        value = frechet_distance(statistics.moments(real), statistics.moments(fake))
        notes = [phrase("one half of the real clips against the other: {floor:.4g}; this is not FVD", floor=floor)]
        notes += notes_on_size(comparison.encoder.dim, n_real=len(real), n_fake=n)
        name = f"clip_fd{short_count(n)}[{comparison.encoder.tag}]"
        return [Result(name, value, comparison.protocol(n, features=True), {"floor": floor, "notes": notes})]


class FrameDistance(Metric, kind="frame_fd"):
    """Fréchet distance of single frames, in the features of the small net that images are measured with."""

    signals: ClassVar[tuple[str, ...]] = ("film",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "frame_fd": Meaning("Distance between single frames of generated and of real films.", "lower", 0)
    }
    each: int = Field(default=4, ge=1)
    """Frames of each clip, evenly over its length."""

    def compute(self, comparison: Comparison) -> list[Result]:
        n = comparison.count("fake", self.n)
        sides = [self._frames(comparison, name, count) for name, count in (("real", None), ("fake", n))]
        encoder = build(Extractor, {"kind": "small"}).open(sides[0], seed=comparison.seed, device=comparison.device)
        real, fake = (np.concatenate([encoder.encode(part)[0].cpu().numpy() for part in side.draw(512)])
                      for side in sides)  # fmt: skip
        halves = np.array_split(comparison.draws("halves").permutation(len(real)), 2)
        floor = frechet_distance(*(statistics.moments(real[rows]) for rows in halves))
        value = frechet_distance(statistics.moments(real), statistics.moments(fake))
        protocol = comparison.protocol(n) | encoder.provenance | {"frames_a_clip": self.each}
        detail = {
            "floor": floor,
            "notes": [phrase("one half of the real frames against the other: {floor:.4g}", floor=floor)],
        }
        return [Result(f"frame_fd{short_count(n)}[{encoder.tag}]", value, protocol, detail)]

    def _frames(self, comparison: Comparison, name: str, n: int | None) -> SampleSet:
        def parts() -> Iterator[np.ndarray]:
            for clips in comparison.batches(name, n, CHUNK):
                chosen = np.linspace(0, clips.shape[1] - 1, self.each).round().astype(int)
                yield clips[:, chosen].reshape(-1, *clips.shape[2:])

        return SampleSet.of(np.concatenate(list(parts())), name=f"frames of {comparison.side(name).name}")
