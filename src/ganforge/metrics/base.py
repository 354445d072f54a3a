"""What a figure is: a number, its name, and how it was made.

    samples → extractor → features → statistics → number

A `Comparison` holds the real and the generated samples and whatever else a metric may ask for; each side goes through
the extractor once, however many metrics ask. A `Metric` reads it and returns `Result`s, each stamped with its protocol.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
import torch
from safetensors import SafetensorError
from torch import Tensor

from ganforge.core.component import Component, PositiveCount
from ganforge.core.errors import UserError
from ganforge.core.overrides import called
from ganforge.core.rng import seed_of
from ganforge.metrics import statistics
from ganforge.metrics.statistics import Gather, Moments

T = TypeVar("T")
log = logging.getLogger("ganforge")
Progress = Callable[[str, int, int], None]
"""Told (what is going on, how much is done, of how much); for bars."""


def silent(title: str, done: int, total: int) -> None:
    """Nobody is told."""


BARE = re.compile(r"(?P<kind>[a-z][a-z_-]*?)-?(?P<n>\d+(\.\d+)?[kKmM]?)")
CHUNK = 256  # samples asked for at a time


@dataclass(frozen=True)
class Result:
    """A figure.

    Attributes:
        name: with its protocol in short: `fd5k[small@1a2b3c4d]`.
        value: the figure.
        protocol: all that decides it, JSON: extractor, hash of its weights, resizer, n_real, n_fake, seed, ...
        detail: what else is known, JSON: `per_class`, `sd`, `notes` (a list of sentences), `plots` (a list of
            {title, svg} or {title, png}, the latter in base64).
    """

    name: str
    value: float
    protocol: dict[str, Any]
    detail: dict[str, Any] = field(default_factory=dict)

    def to_plain(self) -> dict[str, Any]:
        """For report.json: {name, value, protocol} and, where there is any, detail."""
        plain: dict[str, Any] = {"name": self.name, "value": self.value, "protocol": self.protocol}
        return plain | ({"detail": self.detail} if self.detail else {})


@dataclass(frozen=True, eq=False)
class Side:
    """Decoded samples of one side, in an order that does not change.

    Attributes:
        name: what the user called it: "mnist", "runs/0003-dcgan", "folder_a".
        n: how many there are.
        draw: from a batch size to the samples in order, in parts of at most so many: for pictures uint8 [n, H, W, C],
            for points float32 [n, D], for tables pandas DataFrames. Of whole pictures, whose sizes differ, each part is
            one: [1, H, W, C]. May be called again and then gives the same.
        labels: int64 [n], or None.
        fingerprint: of the content, for the cache of its statistics; empty: nothing of it is cached.
        sources: of pairs, what each sample is to be made from, in the same order: pictures uint8 [n, h, w, C]; label
            maps [n, h, w, 1], each pixel the place of its class in `facts["source"]["classes"]`.
    """

    name: str
    n: int
    draw: Callable[[int], Iterator[Any]]
    labels: np.ndarray | None = None
    fingerprint: str = ""
    sources: Side | None = None

    @classmethod
    def of(
        cls, samples: Any, labels: np.ndarray | None = None, name: str = "samples", fingerprint: str | None = None
    ) -> Side:
        """A side from what lies in memory: an array [N, ...] or a DataFrame. Arrays are fingerprinted by default."""
        if fingerprint is None:
            fingerprint = fingerprint_of(samples) if isinstance(samples, np.ndarray) else ""

        def draw(size: int) -> Iterator[Any]:
            for start in range(0, len(samples), size):
                yield samples[start : start + size]

        return cls(name, len(samples), draw, labels, fingerprint)

    def parts(self, size: int, n: int) -> Iterator[Any]:
        """The first `n` samples, in parts of at most `size`.

        Raises:
            UserError: there are fewer.
        """
        left = n
        for part in self.draw(size):
            if left <= 0:
                return
            yield part if len(part) <= left else part[:left]
            left -= len(part)
        if left > 0:
            raise UserError(f"{self.name}: {n:,} samples were promised and {n - left:,} came")

    def chosen(self, rows: np.ndarray, size: int) -> Iterator[Any]:
        """The samples at these positions, each once and in ascending order, in parts of at most `size`; the others are
        passed over and not held."""
        start = 0
        for part in self.parts(size, int(rows[-1]) + 1):
            here = rows[(rows >= start) & (rows < start + len(part))] - start
            start += len(part)
            if len(here):
                yield part[here]


class Encoder:
    """A net that is ready to turn samples into features.

    Attributes:
        name: "small", "inception", "dinov2".
        digest: SHA-256 of its weights, in hexadecimal.
        resizer: how samples come to the size it takes.
        dim: width of a feature.
        classes: names of what its probabilities are of; empty where it has none.
        trained_on_data: whether the classes are those of the data at hand.
        reference: whether a Fréchet distance with it is what the field calls FID.
        detail: what else the protocol should say.
    """

    name: str = ""
    digest: str = ""
    resizer: str = "none"
    dim: int = 0
    classes: tuple[str, ...] = ()
    trained_on_data: bool = False
    reference: bool = False
    detail: dict[str, Any]

    def encode(self, samples: np.ndarray) -> tuple[Tensor, Tensor | None]:
        """Features float32 [N, D] and class probabilities float32 [N, K], or None, on any device.

        Args:
            samples: as the signal decodes them; pictures uint8 (or float32 in the same units, 0 to 255) [N, H, W, C].
        """
        raise NotImplementedError

    @property
    def tag(self) -> str:
        """For the name of a figure: `small@1a2b3c4d`."""
        return f"{self.name}@{self.digest[:8]}" if self.digest else self.name

    @property
    def stamp(self) -> dict[str, Any]:
        """For the protocol of a figure."""
        stamp = {"extractor": self.name, "weights": self.digest, "resizer": self.resizer, "features": self.dim}
        return stamp | getattr(self, "detail", {})

    @property
    def identity(self) -> str:
        """Equal for two encoders exactly where their features are."""
        return json.dumps(self.stamp, sort_keys=True)


class Extractor(Component, family="extractor"):
    """Where features come from."""

    signals: ClassVar[tuple[str, ...]] = ("image", "pair")
    """The kinds of signal whose samples it reads."""

    def open(
        self,
        data: Side,
        *,
        classes: Sequence[str] = (),
        cache: Path | None = None,
        device: torch.device | str = "cpu",
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Encoder:
        """The net, ready to use.

        Args:
            data: real samples; an extractor that is trained on the data itself learns from these.
            classes: the names of their labels.
            cache: where what was computed once is kept, and where files of weights are looked for.

        Raises:
            UserError: weights that are absent or wrong (says which, where from, where to put them, what runs without).
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Latents:
    """A generator as path lengths see it.

    Attributes:
        draw: (first row, how many) → latents float32 [n, L]; row k is always the same.
        render: latents [n, L] → pictures float32 [n, C, H, W] in [-1, 1], not rounded to 8 bits, labels closed over.
        space: how the latents are spread: "normal" is walked along arcs, "linear" along lines.
    """

    draw: Callable[[int, int], Tensor]
    render: Callable[[Tensor], Tensor]
    space: str = "normal"


class Comparison:
    """Real and generated samples, with what metrics ask of them, computed once and kept.

    Args:
        real: what the generated samples are held against.
        fake: generated samples, or a second set of real ones.
        encoder: features come from it; only metrics that need features ask for it.
        train: what the generator was trained on, or what reads it where a metric asks; by default `real`.
        heldout: real samples that it was not trained on.
        classes: names of the labels.
        paired: whether sample i of one side belongs to sample i of the other.
        baseline: of pairs, what can be had without a model (the source itself, its bicubic enlargement): metrics of
            pairs measure it, too.
        latents: the generator itself, for path lengths.
        facts: what the signal knows of its samples (`Spec.state`); of a table its `columns` and the `target`.
        seed: of every draw a metric makes.
        device: where nets run.
        cache: folder in which statistics of sides with a fingerprint are kept; None: nowhere.
        reference: a file of statistics (`statistics.save`) in place of the features of `real`.
        stamp: what else every protocol should say: split, checkpoint, ema, truncation, ...
        progress: told how far long work has come.
        keep: hold features in memory (4 bytes a number). `measure` decides it by what the metrics need.
    """

    def __init__(
        self,
        real: Side,
        fake: Side,
        encoder: Encoder | None = None,
        *,
        train: Side | Callable[[], Side] | None = None,
        heldout: Side | None = None,
        classes: Sequence[str] = (),
        paired: bool = False,
        baseline: Side | None = None,
        latents: Latents | None = None,
        facts: Mapping[str, Any] | None = None,
        seed: int = 0,
        device: torch.device | str = "cpu",
        cache: Path | None = None,
        reference: Path | None = None,
        stamp: Mapping[str, Any] | None = None,
        progress: Progress | None = None,
        keep: bool = True,
    ):
        self.real, self.fake, self.heldout, self.baseline = real, fake, heldout, baseline
        self.known_train = train is not None
        self._train = real if train is None else train
        self.classes, self.paired, self.latents = tuple(classes), paired, latents
        self.seed, self.device, self.cache, self.reference = seed, torch.device(device), cache, reference
        self.extra, self.facts = dict(stamp or {}), dict(facts or {})
        self.progress: Progress = progress or silent
        self.keep = keep
        self._encoder = encoder
        self._memo: dict[Any, Any] = {}

    @property
    def encoder(self) -> Encoder:
        """The extractor at work."""
        assert self._encoder is not None, "a metric asked for features and does not say so in its needs"
        return self._encoder

    @property
    def has_encoder(self) -> bool:
        return self._encoder is not None

    @property
    def train(self) -> Side:
        """What the generator was trained on, as far as that is known."""
        train = self._train
        return train if isinstance(train, Side) else self.once("train", train)

    def side(self, name: str) -> Side:
        """real, fake, train, heldout or baseline."""
        side: Side | None = getattr(self, name)
        assert side is not None, f"a metric asked for {name} samples and does not say so in its needs"
        return side

    def count(self, name: str, n: int | None = None) -> int:
        """How many samples of a side to look at: all, or `n`.

        Raises:
            UserError: `n` is more than there are.
        """
        side = self.side(name)
        if n is not None and n > side.n:
            raise UserError(f"{side.name}: {n:,} samples are asked for and there are {side.n:,}")
        return side.n if n is None else n

    def draws(self, name: str) -> np.random.Generator:
        """Draws that hang on the seed and the name alone."""
        return np.random.Generator(np.random.PCG64(seed_of(self.seed, "metrics", name)))

    def once(self, key: Any, compute: Callable[[], T]) -> T:
        """`compute()`, or what it gave before for this key."""
        if key not in self._memo:
            self._memo[key] = compute()
        return self._memo[key]

    def batches(self, name: str, n: int | None = None, size: int = CHUNK) -> Iterator[Any]:
        """The first `n` samples of a side, in order, in parts."""
        return self.side(name).parts(size, self.count(name, n))

    def samples(self, name: str, n: int | None = None) -> np.ndarray:
        """The first `n` samples of a side in one array; for metrics that need few or small ones."""
        parts = list(self.batches(name, n))
        if len({part.shape[1:] for part in parts}) > 1:
            raise UserError(f"{self.side(name).name}: samples differ in shape; bring them to one first")
        return np.concatenate(parts)

    def at(self, name: str, rows: np.ndarray) -> np.ndarray:
        """The samples of a side at these positions, in this order; the others are passed over and not held."""
        wanted = np.unique(rows)
        self.count(name, int(wanted[-1]) + 1)
        return np.concatenate(list(self.side(name).chosen(wanted, CHUNK)))[np.searchsorted(wanted, rows)]

    def labels(self, name: str, n: int | None = None) -> np.ndarray:
        """int64 [n]."""
        labels = self.side(name).labels
        assert labels is not None, "a metric asked for labels and does not say so in its needs"
        return labels[: self.count(name, n)]

    def features(self, name: str, n: int | None = None) -> np.ndarray:
        """float32 [n, D] of the first `n` samples of a side."""
        return self._extracted(name)["features"][: self.count(name, n)]

    def probabilities(self, name: str, n: int | None = None) -> np.ndarray:
        """float32 [n, K] of the encoder's classes."""
        return self._extracted(name)["probabilities"][: self.count(name, n)]

    def moments(self, name: str, n: int | None = None) -> Moments:
        """Mean and covariance of the features of the first `n` samples of a side."""
        reference = self.reference
        if name == "real" and reference is not None:
            return self.once("reference", lambda: statistics.load(reference, self.encoder.identity))
        n = self.count(name, n)
        return self.once(("moments", id(self.side(name)), n), lambda: self._moments(name, n))

    def protocol(self, n: int | None = None, *, features: bool = False) -> dict[str, Any]:
        """The stamp of a figure that looked at `n` generated samples and at all real ones."""
        stamp = self.encoder.stamp if features else {}
        sides = {"real": self.real.name, "fake": self.fake.name, "n_real": self.real.n}
        return stamp | sides | {"n_fake": self.count("fake", n), "seed": self.seed} | self.extra

    def _moments(self, name: str, n: int) -> Moments:
        identity = self.encoder.identity

        def gathered() -> Moments:
            if self.keep:
                return statistics.moments(self.features(name, n))
            gather = Gather()
            for features, _ in self._stream(name, n):
                gather.add(features)
            return gather.moments()

        path = self._cache_file(name, f"moments {n}")
        return cached(
            path, gathered, lambda p: statistics.load(p, identity), lambda p, x: statistics.save(p, x, identity)
        )

    def _extracted(self, name: str) -> dict[str, np.ndarray]:
        return self.once(("features", id(self.side(name))), lambda: self._extract(name))

    def _extract(self, name: str) -> dict[str, np.ndarray]:
        identity = self.encoder.identity

        def extracted() -> dict[str, np.ndarray]:
            n, found = self.side(name).n, {}
            done = 0
            for features, probabilities in self._stream(name, n):
                parts = {"features": features} | ({} if probabilities is None else {"probabilities": probabilities})
                for key, part in parts.items():
                    whole = found.setdefault(key, np.empty((n, part.shape[1]), np.float32))
                    whole[done : done + len(part)] = part
                done += len(features)
            return found

        return cached(
            self._cache_file(name, "features"),
            extracted,
            lambda p: statistics.load_features(p, identity),
            lambda p, x: statistics.save_features(p, x, identity),
        )

    def _stream(self, name: str, n: int) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
        """Features and probabilities of the first `n` samples of a side, checked, batch by batch."""
        side, done = self.side(name), 0
        title = f"features of {side.name}"
        for part in side.parts(CHUNK, n):
            features, probabilities = self.encoder.encode(part)
            array = features.float().cpu().numpy()
            good = np.isfinite(array).all(1)
            if not good.all():
                raise UserError(
                    f"{side.name}: sample {done + int(np.argmin(good))} has features that are not finite numbers (NaN "
                    f"or infinite) under the extractor {self.encoder.tag}. Look at that sample, and at the weights "
                    "of the extractor; nothing was measured"
                )
            done += len(array)
            self.progress(title, done, n)
            yield array, None if probabilities is None else probabilities.float().cpu().numpy()

    def _cache_file(self, name: str, what: str) -> Path | None:
        side = self.side(name)
        if self.cache is None or not side.fingerprint or name == "fake":
            return None
        key = hashlib.sha256("\n".join([side.fingerprint, self.encoder.identity, what]).encode()).hexdigest()
        return self.cache / "statistics" / f"{key[:32]}.safetensors"


def cached(path: Path | None, make: Callable[[], T], load: Callable[[Path], T], save: Callable[[Path, T], None]) -> T:
    """What `path` holds, or else what `make` makes, which is kept there.

    A cache only saves time: a file that is damaged is made anew, and one that cannot be written is done without.
    """
    if path is None:
        return make()
    if path.is_file():
        try:
            return load(path)
        except UserError as error:
            log.warning("%s: computed again, and the file written anew", error)
    found = make()
    try:
        save(path, found)
    except (OSError, SafetensorError) as error:
        log.warning("%s: could not be kept there (%s), so the next evaluation will compute it again", path, error)
    return found


class Metric(Component, family="metric"):
    """A figure, or a few that are computed together. A bare string may end in a number of samples, and have fields:
    `fd5k`, `psnr(channel=Y, crop=4)`."""

    needs: ClassVar[frozenset[str]] = frozenset()
    """What it cannot do without, of: moments (of features), features, probabilities, labels (of both sides), train,
    heldout, pairs, latents."""
    signals: ClassVar[tuple[str, ...]] = ("image", "pair")
    """The kinds of signal that it has a meaning for; "*" is all that an extractor reads."""
    better: ClassVar[str] = "lower"
    """Which end of its scale is good: lower, higher, or "" where neither is."""
    any_size: ClassVar[bool] = False
    """Whether it goes pair by pair, so that it can look at whole pictures, each of a size of its own."""
    n: PositiveCount | None = None
    """How many generated samples to look at: 5k, 50k. By default all there are."""

    @classmethod
    def from_text(cls, text: str) -> Mapping[str, Any]:
        name, fields = called(text) or (text, {})
        match = None if name in cls.kinds else BARE.fullmatch(name)
        return ({"kind": name} if match is None else {"kind": match["kind"], "n": match["n"]}) | fields

    def lacks(self, comparison: Comparison) -> str:
        """What the metric needs and this comparison does not have, as half a sentence; empty where nothing is."""
        reasons = {
            "moments": (comparison.has_encoder, "an extractor of features"),
            "features": (comparison.has_encoder, "an extractor of features"),
            "probabilities": (comparison.has_encoder and comparison.encoder.classes, "an extractor that names classes"),
            "labels": (
                comparison.real.labels is not None and comparison.fake.labels is not None,
                "labels of the real and of the generated samples",
            ),
            "train": (comparison.known_train, "the samples that the generator was trained on"),
            "heldout": (comparison.heldout is not None, "real samples that the generator was not trained on"),
            "pairs": (comparison.paired, "pairs: generated samples that each belong to a real one"),
            "latents": (comparison.latents is not None, "the generator itself, not samples of it"),
        }
        return ", ".join(reason for need, (there, reason) in reasons.items() if need in self.needs and not there)

    def compute(self, comparison: Comparison) -> list[Result]:
        """The figures, each with its protocol.

        Raises:
            UserError: too few samples, or samples that it cannot work with.
        """
        raise NotImplementedError


def measure(metrics: Sequence[Metric], comparison: Comparison) -> list[Result]:
    """The figures of several metrics on one comparison; each side goes through the extractor once.

    Raises:
        UserError: a metric lacks something (says what), or as its `compute`. Checked before anything is computed.
    """
    for metric in metrics:
        lacking = metric.lacks(comparison)
        if lacking:
            raise UserError(f"metric {metric.kind!r} needs {lacking}. Leave it out of the metrics, or provide that")
        comparison.count("fake", metric.n)
    fresh = {"features", "probabilities"}
    sizes = {metric.n for metric in metrics if "moments" in metric.needs}
    comparison.keep = len(sizes) > 1 or any(fresh & metric.needs for metric in metrics)
    results: list[Result] = []
    for k, metric in enumerate(metrics):
        comparison.progress(f"metric {metric.kind}", k, len(metrics))
        results += metric.compute(comparison)
    return results


def fingerprint_of(samples: np.ndarray) -> str:
    """SHA-256 of an array's numbers, type and shape."""
    head = f"{samples.dtype}{samples.shape}".encode()
    found = hashlib.sha256(head)
    for start in range(0, len(samples), 4096):
        found.update(np.ascontiguousarray(samples[start : start + 4096]).data)
    return found.hexdigest()


def short_count(n: int) -> str:
    """5000 → 5k, 50000 → 50k, 2000000 → 2M; others in full."""
    for unit, name in ((1_000_000, "M"), (1_000, "k")):
        if n % unit == 0 and n:
            return f"{n // unit}{name}"
    return str(n)
