"""Real and generated samples, with everything that metrics need: each side passes through the extractor once.

samples → extractor → features → statistics
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from ganforge.core.conditions import Conditions
from ganforge.core.errors import UserError
from ganforge.core.rng import seed_of
from ganforge.metrics import statistics
from ganforge.metrics.extraction import Encoded, cached, stream
from ganforge.metrics.extractor import Encoder
from ganforge.metrics.samples import Progress, SampleSet, silent
from ganforge.metrics.statistics import Gather, Moments

T = TypeVar("T")
CHUNK = 256  # samples processed at a time
SMALL = 64  # features, up to which floors are measured as well


@dataclass(frozen=True)
class Latents:
    """A generator, for measuring path lengths.

    Attributes:
        draw: (first row, count) → latents float32 [n, L]; row k is always the same.
        render: latents [n, L] → images float32 [n, C, H, W] in [-1, 1], not rounded to 8 bits, with labels already
            applied.
        space: distribution of the latents, for interpolation: "normal" along arcs, "linear" along lines.
    """

    draw: Callable[[int, int], Tensor]
    render: Callable[[Tensor], Tensor]
    space: str = "normal"


class Comparison:
    """Real and generated samples, with intermediate results that metrics share.

    Args:
        real: the real samples.
        fake: generated samples, or a second set of real ones.
        encoder: computes features; used only by metrics that need them.
        train: the training samples of the generator, or a function that reads them when needed; by default `real`.
        heldout: real samples that the generator was not trained on.
        classes: names of the classes.
        paired: whether sample i of one side corresponds to sample i of the other.
        baseline: for pairs, outputs without a model (the source itself, its bicubic enlargement), which metrics of
            pairs also measure.
        latents: the generator, for path lengths.
        conditions: the conditions of the samples, if there are any.
        unseen: generated samples that were asked for the conditions of `heldout`, if there are conditions.
        tempered: (temperature, count) → decoded samples of the generator at a temperature; None if it has none.
        facts: properties of the samples (`Spec.state`); for a table its `columns` and the `target`.
        seed: seed of all random draws of metrics.
        device: device for nets.
        cache: folder for cached statistics of sides with a fingerprint; None: no cache.
        reference: a file of statistics (`statistics.save`) to use instead of the features of `real`.
        provenance: additional entries of every protocol: split, checkpoint, ema, truncation, ...
        progress: called to report the progress of long computations.
        keep: keep features in memory (4 bytes per value). Set by `measure` according to the metrics.
        streams: sides whose features other processes have computed: name → all of them, as `stream` gives them.
    """

    def __init__(
        self,
        real: SampleSet,
        fake: SampleSet,
        encoder: Encoder | None = None,
        *,
        train: SampleSet | Callable[[], SampleSet] | None = None,
        heldout: SampleSet | None = None,
        classes: Sequence[str] = (),
        paired: bool = False,
        baseline: SampleSet | None = None,
        latents: Latents | None = None,
        conditions: Conditions = Conditions(),
        unseen: SampleSet | None = None,
        tempered: Callable[[float, int], Any] | None = None,
        facts: Mapping[str, Any] | None = None,
        seed: int = 0,
        device: torch.device | str = "cpu",
        cache: Path | None = None,
        reference: Path | None = None,
        provenance: Mapping[str, Any] | None = None,
        progress: Progress | None = None,
        keep: bool = True,
        streams: Mapping[str, Sequence[Encoded]] | None = None,
    ):
        self.real, self.fake, self.heldout, self.baseline = real, fake, heldout, baseline
        self.conditions, self.unseen = conditions, unseen
        self.known_train = train is not None
        self._train = real if train is None else train
        self.classes, self.paired, self.latents, self.tempered = tuple(classes), paired, latents, tempered
        self.seed, self.device, self.cache, self.reference = seed, torch.device(device), cache, reference
        self.extra, self.facts = dict(provenance or {}), dict(facts or {})
        self.progress: Progress = progress or silent
        self.keep, self.streams = keep, dict(streams or {})
        self._encoder = encoder
        self._memo: dict[Any, Any] = {}

    @property
    def encoder(self) -> Encoder:
        """The opened extractor."""
        assert self._encoder is not None, "a metric uses features without declaring them in its needs"
        return self._encoder

    @property
    def has_encoder(self) -> bool:
        return self._encoder is not None

    @property
    def train(self) -> SampleSet:
        """The training samples of the generator, if known."""
        train = self._train
        return train if isinstance(train, SampleSet) else self.once("train", train)

    def side(self, name: str) -> SampleSet:
        """The side with this name: real, fake, train, heldout, unseen or baseline."""
        side: SampleSet | None = getattr(self, name)
        assert side is not None, f"a metric uses {name} samples without declaring them in its needs"
        return side

    def count(self, name: str, n: int | None = None) -> int:
        """The number of samples of a side to use: all, or `n`.

        Raises:
            UserError: there are fewer than `n`.
        """
        side = self.side(name)
        if n is not None and n > side.n:
            raise UserError(
                f"{side.name}: {n:,} samples are needed, but there are {side.n:,}", code="metric.too_few_samples"
            )
        return side.n if n is None else n

    def draws(self, name: str) -> np.random.Generator:
        """A random generator that depends only on the seed and the name."""
        return np.random.Generator(np.random.PCG64(seed_of(self.seed, "metrics", name)))

    def once(self, key: Any, compute: Callable[[], T]) -> T:
        """`compute()`, cached by this key."""
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
            raise UserError(
                f"{self.side(name).name}: the samples differ in shape; bring them to one shape first",
                code="metric.shapes_differ",
            )
        return np.concatenate(parts)

    def at(self, name: str, rows: np.ndarray) -> np.ndarray:
        """The samples of a side at these positions, in this order; other samples are not kept in memory."""
        wanted = np.unique(rows)
        self.count(name, int(wanted[-1]) + 1)
        return np.concatenate(list(self.side(name).chosen(wanted, CHUNK)))[np.searchsorted(wanted, rows)]

    def labels(self, name: str, n: int | None = None) -> np.ndarray:
        """int64 [n]."""
        labels = self.side(name).labels
        assert labels is not None, "a metric uses labels without declaring them in its needs"
        return labels[: self.count(name, n)]

    def vectors(self, name: str, n: int | None = None) -> np.ndarray:
        """The conditions of the first `n` samples of a side, float32 [n, K]."""
        vectors = self.side(name).vectors
        assert vectors is not None, "a metric uses conditions without declaring them in its needs"
        return vectors[: self.count(name, n)]

    def features(self, name: str, n: int | None = None) -> np.ndarray:
        """float32 [n, D] of the first `n` samples of a side."""
        return self._extracted(name)["features"][: self.count(name, n)]

    def halves(self) -> tuple[np.ndarray, np.ndarray] | None:
        """The features of two random halves of the real samples, for the floor of a distance; None where features are
        large or not kept, so that it would cost as much as the value."""
        if not self.keep or self.encoder.dim > SMALL or self.real.n < 2 * self.encoder.dim:
            return None
        features = self.features("real")
        rows = self.draws("halves").permutation(len(features))
        return features[rows[: len(rows) // 2]], features[rows[len(rows) // 2 :]]

    def probabilities(self, name: str, n: int | None = None) -> np.ndarray:
        """Class probabilities float32 [n, K] of the first `n` samples."""
        return self._extracted(name)["probabilities"][: self.count(name, n)]

    def moments(self, name: str, n: int | None = None) -> Moments:
        """Mean and covariance of the features of the first `n` samples of a side."""
        reference = self.reference
        if name == "real" and reference is not None:
            return self.once("reference", lambda: statistics.load(reference, self.encoder.identity))
        n = self.count(name, n)
        return self.once(("moments", id(self.side(name)), n), lambda: self._moments(name, n))

    def protocol(self, n: int | None = None, *, features: bool = False) -> dict[str, Any]:
        """The protocol of a value measured on `n` generated samples and all real ones."""
        provenance = self.encoder.provenance if features else {}
        sides = {"real": self.real.name, "fake": self.fake.name, "n_real": self.real.n}
        return provenance | sides | {"n_fake": self.count("fake", n), "seed": self.seed} | self.extra

    def _moments(self, name: str, n: int) -> Moments:
        identity = self.encoder.identity

        def gathered() -> Moments:
            if self.keep:
                return statistics.moments(self.features(name, n))
            gather = Gather()
            for features, _ in self._encoded(name, n):
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
            for features, probabilities in self._encoded(name, n):
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

    def _encoded(self, name: str, n: int) -> Iterator[Encoded]:
        """Features and probabilities of the first `n` samples of a side, part by part."""
        side = self.side(name)
        if name not in self.streams:
            yield from stream(self.encoder, side.parts(CHUNK, n), side, 0, n, self.progress)
            return
        left = n
        for features, probabilities in self.streams[name]:
            if not left:
                return
            yield features[:left], None if probabilities is None else probabilities[:left]
            left -= min(left, len(features))

    def is_cached(self, name: str) -> bool:
        """Whether the features of a side, or their moments if no more is kept, are in a file."""
        path = self._cache_file(name, "features" if self.keep else f"moments {self.side(name).n}")
        return path is not None and path.is_file()

    def _cache_file(self, name: str, what: str) -> Path | None:
        side = self.side(name)
        if self.cache is None or not side.fingerprint or name == "fake":
            return None
        key = hashlib.sha256("\n".join([side.fingerprint, self.encoder.identity, what]).encode()).hexdigest()
        return self.cache / "statistics" / f"{key[:32]}.safetensors"
