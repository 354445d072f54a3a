"""Samples through an extractor, part by part, and files that keep what came out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from safetensors import SafetensorError

from ganforge.core.errors import UserError
from ganforge.metrics.extractor import Encoder
from ganforge.metrics.samples import Progress, SampleSet

T = TypeVar("T")
Encoded = tuple[np.ndarray, "np.ndarray | None"]
"""Features float32 [n, D] and class probabilities float32 [n, K] of some samples."""

log = logging.getLogger("ganforge")


def stream(
    encoder: Encoder, parts: Iterator[Any], side: SampleSet, start: int, stop: int, progress: Progress
) -> Iterator[Encoded]:
    """Features and probabilities of the samples [start, stop) of a side, part by part.

    Raises:
        UserError: features of a sample are not finite.
    """
    done = start
    for part in parts:
        features, probabilities = encoder.encode(part)
        array = features.float().cpu().numpy()
        good = np.isfinite(array).all(1)
        if not good.all():
            raise UserError(
                f"{side.name}: sample {done + int(np.argmin(good))} has features that are not finite (NaN or "
                f"infinite) under the extractor {encoder.tag}. Check that sample and the weights of the "
                "extractor; nothing was measured",
                code="metric.features_not_finite",
            )
        done += len(array)
        progress(f"features of {side.name}", done - start, stop - start)
        yield array, None if probabilities is None else probabilities.float().cpu().numpy()


def cached(path: Path | None, make: Callable[[], T], load: Callable[[Path], T], save: Callable[[Path, T], None]) -> T:
    """The cached value in `path`, or the result of `make`, which is then cached.

    Failures of the cache are not errors: a damaged file is replaced, and if it cannot be written, nothing is cached.
    """
    if path is None:
        return make()
    try:
        if path.is_file():
            return load(path)
    except (UserError, OSError) as error:
        log.warning("%s: computed again, and the file is replaced where it can be", error)
    found = make()
    try:
        save(path, found)
    except (OSError, SafetensorError) as error:
        log.warning("%s: could not be saved (%s), so the next evaluation will compute it again", path, error)
    return found
