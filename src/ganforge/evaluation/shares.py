"""The work of an evaluation during training, divided among the processes that train a run.

Process r of N makes and encodes a block of the samples of each side, of whole batches, so that every batch is computed
as one process would compute it. Process 0 receives all blocks, in order, and computes the metrics.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import safetensors.numpy

from ganforge.core.errors import GanforgeError, TrainingError
from ganforge.evaluation.reader import KEPT_BYTES, Items, Reader
from ganforge.evaluation.sides import cut
from ganforge.metrics.base import CHUNK, Encoded, Encoder, Metric, Progress, SampleSet, stream
from ganforge.recipes.callback import Ranks
from ganforge.signals import Signal

Arrays = dict[str, np.ndarray]

OF_FEATURES = frozenset({"moments", "features", "probabilities"})
"""Needs of metrics that are met by features."""


def looks_at_samples(metrics: Sequence[Metric]) -> bool:
    """Whether any of some metrics may ask for the samples themselves."""
    return any(
        not metric.needs & OF_FEATURES or metric.needs - OF_FEATURES - {"labels", "conditions"} for metric in metrics
    )


def block_of(n: int, unit: int, rank: int, size: int) -> tuple[int, int]:
    """The samples [start, stop) of n that process `rank` of `size` computes: whole units, as equally as they divide."""
    units = -(-n // unit)
    first, last = units * rank // size, units * (rank + 1) // size
    return min(first * unit, n), min(last * unit, n)


def known_items(ranks: Ranks, signal: Signal, reader: Reader, read: Callable[[], Items]) -> Items | None:
    """The readable items of a data set. Process 0 reads them all to find these; the others are told their places.

    Returns:
        None for signals that hand out their samples as they are.
    """
    if signal.raw_samples(reader.dataset) is not None:
        return None
    found: list[Items] = []

    def places() -> bytes:
        found.append(read())
        return found[0].places.tobytes()

    data = ranks.of_leader(places)
    digest = ranks.of_leader(lambda: found[0].digest.encode()).decode()
    return found[0] if found else Items(reader, np.frombuffer(data, np.int64), None, digest)


def agrees(ranks: Ranks, encoder: Encoder | None) -> bool:
    """Whether all processes have the same extractor: those that were trained on different machines may differ."""
    own = "" if encoder is None else encoder.identity
    return not ranks.most(int(ranks.of_leader(own.encode).decode() != own))


def shared(
    ranks: Ranks, signal: Signal, side: SampleSet, encoder: Encoder | None, samples: bool, progress: Progress
) -> list[Arrays]:
    """The blocks of a side, in order, in process 0; in the others [].

    Args:
        encoder: the extractor, where features are wanted.
        samples: whether the samples are wanted too. They are left out where they are not arrays, or take too much.

    Raises:
        GanforgeError: it failed, here or in another process.
    """
    start, stop = block_of(side.n, side.unit or CHUNK, ranks.rank, ranks.size)
    with ranks.together():
        try:
            own = computed(signal, side, start, stop, encoder, samples, progress)
        except GanforgeError:
            raise
        except Exception as error:  # all processes must know
            raise TrainingError(f"{type(error).__name__}: {error}") from error
    return [safetensors.numpy.load(data) for data in ranks.to_leader(safetensors.numpy.save(own))]


def computed(
    signal: Signal,
    side: SampleSet,
    start: int,
    stop: int,
    encoder: Encoder | None,
    samples: bool,
    progress: Progress,
) -> Arrays:
    """Features, probabilities and samples [start, stop) of a side, as far as they are wanted."""
    kept: list[Any] = []

    def parts() -> Iterator[Any]:
        for part in side.block(CHUNK, start, stop):
            if samples:
                kept.append(part)
            yield part

    found: dict[str, list[np.ndarray]] = {}
    if encoder is None:
        for _ in parts():
            pass
    else:
        for features, probabilities in stream(encoder, parts(), side, start, stop, progress):
            found.setdefault("features", []).append(features)
            if probabilities is not None:
                found.setdefault("probabilities", []).append(probabilities)
    arrays = all(isinstance(part, np.ndarray) and part.dtype.kind in "iufb" for part in kept)
    if kept and arrays and signal.nbytes(kept[0]) / len(kept[0]) * side.n <= KEPT_BYTES:
        found["samples"] = kept
    return {name: np.concatenate(parts) for name, parts in found.items()}


def features_in(blocks: Sequence[Arrays], unit: int) -> list[Encoded]:
    """Features and probabilities of all blocks, in the parts in which one process would compute them."""
    parts: list[Encoded] = []
    for block in blocks:
        for k in range(0, len(block.get("features", ())), min(unit, CHUNK)):
            rows = slice(k, k + min(unit, CHUNK))
            parts.append((block["features"][rows], block["probabilities"][rows] if "probabilities" in block else None))
    return parts


def with_samples(side: SampleSet, blocks: Sequence[Arrays]) -> SampleSet:
    """A side with the samples that all processes made; the side itself where these are not at hand."""
    if not blocks or any(block and "samples" not in block for block in blocks) or not any(blocks):
        return side
    parts = [block["samples"] for block in blocks if block]
    unit = side.unit or CHUNK
    pieces = [part[k : k + unit] for part in parts for k in range(0, len(part), unit)]
    return replace(side, draw=lambda size: cut(pieces, 0, size, 0, side.n))
