"""Both sides of a comparison: the real samples of a data set as a run sees them, and those that a generator makes.

Each is a `SampleSet`: samples in an order that does not change, decoded as a user gets them, in parts of any size. What
is small is kept in memory; what is large is read, or made, again each time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganforge.core.conditions import Conditions
from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.core.rng import Rng, seed_of
from ganforge.core.types import Batch, Request, Spec
from ganforge.data.few_labels import LABEL
from ganforge.evaluation.reader import KEPT_BYTES, Items, Reader, Stored
from ganforge.metrics.base import Progress, SampleSet
from ganforge.signals import Signal

MOST_REAL = 100_000
"""Real samples that are compared with, at most; from a larger set this many are drawn."""
TRANSLATED = 16
"""Sources that are translated at a time."""


def short_name(dataset: Dataset) -> str:
    """The data's name in results, which are compared across machines: of an absolute path the last part alone."""
    path = Path(dataset.name)
    return path.name if path.is_absolute() else dataset.name


def real_samples(
    signal: Signal,
    dataset: Dataset,
    spec: Spec,
    *,
    most: int = MOST_REAL,
    seed: int = 0,
    min_samples: int = 2,
    shuffled: bool = False,
    made: Callable[[Batch], Tensor] | None = None,
    stored: Stored | None = None,
    items: Items | None = None,
    progress: Progress | None = None,
) -> SampleSet:
    """The real samples of a data set, without those that cannot be read, each once and nothing drawn again.

    Args:
        most: from a larger set this many are drawn.
        shuffled: in an order drawn from the seed, so that the first few stand for all; else in the order of the data.
        made: encoded samples that are made of a batch, in place of the real ones themselves.
        stored: prepared items that are at hand already; see `RunView.stored`.
        items: those that can be read, where they are known already: see `readable_items`.

    Raises:
        UserError: fewer than `min_samples` can be read.
    """
    chosen = chosen_items(dataset, most, seed, shuffled)
    if (whole := signal.raw_samples(dataset)) is not None:
        refuse_few(dataset.name, len(chosen), min_samples)
        side = SampleSet.of(whole.take(chosen), name=short_name(dataset), fingerprint=raw_fingerprint(dataset, chosen))
        return replace(side, vectors=vectors_of(dataset, spec, chosen))
    items = items or Items.read_once(Reader(signal, dataset, spec, stored), chosen, progress)
    refuse_few(dataset.name, len(items.places), min_samples)
    deterministic = signal.deterministic()

    def batch(rows: Tensor) -> Batch:
        return deterministic.batch(rows, None, spec, Rng(seed))

    if made is None:
        samples = items.drawn(lambda rows: signal.comparable(signal.present(rows, spec)))
    else:
        samples = items.drawn(lambda rows: signal.comparable(deterministic.decode(made(batch(rows)), spec)))
    name, n = short_name(dataset), len(items.places)
    inputs = items.drawn(lambda rows: deterministic.sources(batch(rows), spec))
    sources = SampleSet(f"{name} (sources)", n, lambda size: inputs(size, 0, n))
    labels = None if dataset.labels is None else np.asarray(dataset.labels, np.int64)[items.places]
    groups = None if dataset.groups is None else dataset.groups[items.places]
    return SampleSet(
        name, n, lambda size: samples(size, 0, n), labels, items.digest,
        sources=sources if signal.has_sources(spec) else None,
        vectors=vectors_of(dataset, spec, items.places),
        between=samples, groups=groups,
    )  # fmt: skip


def chosen_items(dataset: Dataset, most: int, seed: int, shuffled: bool = False) -> np.ndarray:
    """Places in a data set, int64 [n]: of all its items or, from a larger set, of `most` that are drawn."""
    draws = np.random.Generator(np.random.PCG64(seed_of(seed, "real samples")))
    chosen = draws.permutation(len(dataset))[:most]
    return chosen if shuffled else np.sort(chosen)


def raw_fingerprint(dataset: Dataset, chosen: np.ndarray) -> str:
    """What identifies some samples of a data set that says what its content is; else empty."""
    content = hashlib.sha256(f"{dataset.digest} {len(dataset)}".encode() + chosen.tobytes())
    return content.hexdigest() if dataset.digest else ""


def vectors_of(dataset: Dataset, spec: Spec, items: np.ndarray) -> np.ndarray | None:
    """The conditions of some items in the encoding of a spec, float32 [n, K]; None if either has none.

    Another data set may have other ranges and values of the same conditions; values that the spec lacks are unknown.
    """
    if not spec.conditions:
        return None
    if dataset.vectors is None:
        return labels_as_vectors(dataset, spec.conditions, items)
    if dataset.conditions.each == spec.conditions.each:
        return dataset.vectors[items]
    return spec.conditions.encode(spec.conditions.translated(dataset.conditions, dataset.vectors[items]))


def labels_as_vectors(dataset: Dataset, conditions: Conditions, items: np.ndarray) -> np.ndarray | None:
    """The classes of some items as vectors of the condition that stands for them (`data.few_labels`), float32 [n, K];
    None without classes, or without such a condition."""
    if dataset.labels is None or LABEL not in conditions.names:
        return None
    of_class = [conditions[LABEL].known_value(name) for name in dataset.classes]
    rows = [
        [of_class[k] if name == LABEL else None for name in conditions.names] for k in dataset.labels[items].tolist()
    ]
    return conditions.encode(rows)


def translated_samples(
    signal: Signal,
    dataset: Dataset,
    spec: Spec,
    translate: Callable[[Tensor], Tensor],
    name: str,
    *,
    seed: int = 0,
    most: int = MOST_REAL,
    min_samples: int = 2,
    stored: Stored | None = None,
    items: Items | None = None,
    progress: Progress | None = None,
) -> SampleSet:
    """What a translator makes of the sources of a data set, in the order of its `real_samples`.

    Args:
        translate: encoded sources [N, Cs, h, w] → encoded images [N, C, H, W].
    """

    def made(batch: Batch) -> Tensor:
        return translate(batch.extra.get("source", batch.x))

    side = real_samples(
        signal,
        dataset,
        spec,
        most=most,
        seed=seed,
        min_samples=min_samples,
        made=made,
        stored=stored,
        items=items,
        progress=progress,
    )
    kept: list[Any] = []

    # Always as many at a time: what is drawn for a source, as its noise is, depends on its place in the batch.
    def draw(size: int) -> Iterator[Any]:
        return cut(kept or _keeping(signal, side.draw(TRANSLATED), kept, side.n, TRANSLATED), 0, size, 0, side.n)

    def between(size: int, start: int, stop: int) -> Iterator[Any]:
        first = start // TRANSLATED * TRANSLATED
        last = min(-(-stop // TRANSLATED) * TRANSLATED, side.n)
        return cut(side.block(TRANSLATED, first, last), first, size, start, stop)

    return SampleSet(name, side.n, draw, between=between, unit=TRANSLATED)


def cut(parts: Iterable[Any], at: int, size: int, start: int, stop: int) -> Iterator[Any]:
    """The samples [start, stop) of parts that begin at position `at`, each part cut into pieces of at most `size`."""
    for part in parts:
        for k in range(0, len(part), size):
            first, last = max(k, start - at), min(k + size, len(part), stop - at)
            if first < last:
                yield part[first:last]
        at += len(part)


def refuse_few(name: str, count: int, min_samples: int) -> None:
    """Raises UserError where there are too few samples for any metric to mean something."""
    if count < min_samples:
        some = f"{count} sample{'s' * (count != 1)} can be read"
        raise UserError(
            f"{name}: {some}, too few to evaluate: at least {min_samples} are needed", code="evaluate.too_few_samples"
        )


def generated_samples(
    signal: Signal,
    generate: Callable[[Iterable[Request]], Iterator[Any]],
    name: str,
    n: int,
    *,
    seed: int,
    labels: np.ndarray | None = None,
    batch: int,
    truncation: float = 1.0,
    progress: Progress | None = None,
) -> SampleSet:
    """Samples 0..n of a seed. Batches are always of `batch`, so that their arithmetic is always the same.

    Args:
        generate: decoded samples for each request, in their order.
        labels: int64 [n], or vectors of conditions float32 [n, K]: what each is asked to be; None for a generator
            without either.
    """

    def made(first: int, last: int) -> Iterator[Any]:
        requests = []
        for k in range(first, last, batch):
            asked = None if labels is None else torch.from_numpy(labels[k : k + batch])
            requests.append(Request(min(batch, n - k), seed, k, asked, truncation=truncation))
        for request, samples in zip(requests, generate(requests), strict=True):
            yield signal.comparable(samples)
            if progress is not None:
                progress(f"samples of {name}", request.start + request.n, n)

    kept: list[Any] = []

    def draw(size: int) -> Iterator[Any]:
        return cut(kept or _keeping(signal, made(0, n), kept, n, batch), 0, size, 0, n)

    def between(size: int, start: int, stop: int) -> Iterator[Any]:
        first = start // batch * batch
        return cut(made(first, stop), first, size, start, stop)

    if labels is not None and labels.ndim == 2:
        return SampleSet(name, n, draw, vectors=labels, between=between, unit=batch)
    return SampleSet(name, n, draw, labels, between=between, unit=batch)


def _keeping(signal: Signal, parts: Iterator[Any], kept: list[Any], n: int, batch: int) -> Iterator[Any]:
    """Hands on the parts and, where they are small and come to the end, keeps them."""
    held: list[Any] | None = []
    for part in parts:
        if held is not None:
            small = signal.nbytes(part) * (n / batch) <= KEPT_BYTES
            if small:
                held.append(part)
            else:
                held = None
        yield part
    if held is not None:
        kept[:] = held


def labels_like(real: SampleSet, spec: Spec, n: int, seed: int) -> np.ndarray | None:
    """What `n` generated samples are asked to be, in the proportions of the real ones: labels int64 [n], or vectors of
    conditions float32 [n, K]; the same ones for one seed. None for a model without either."""
    if not spec.for_nets.classes:
        return None
    labels = real.vectors if spec.conditions else real.labels
    if labels is None:
        if not spec.conditions:
            return None
        return spec.conditions.vectors(seed, 0, n)
    draws = np.random.Generator(np.random.PCG64(seed_of(seed, "labels")))
    return draws.choice(labels, n)
