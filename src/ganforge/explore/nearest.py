"""The training samples that generated ones are nearest to, by their values and by the features of an extractor.

For comparison: the share of training samples that are farther from their own nearest neighbor among the others. A copy
of a training sample is nearer than nearly all of these.

N: generated samples, M: training samples, k: neighbors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ganforge.core.errors import UserError, as_sentence
from ganforge.evaluation.asked import read_extractor
from ganforge.evaluation.comparison import cache
from ganforge.evaluation.runs import named_data
from ganforge.evaluation.sides import real_samples
from ganforge.inference.model import Model
from ganforge.metrics.base import Encoder
from ganforge.metrics.neighbors import nearest, nearest_few
from ganforge.metrics.samples import Progress, SampleSet, silent

PART = 256
MOST_BYTES = 2**30
"""Memory for the features of the training samples; of a larger set, as many as fit are drawn."""
COMPARED = 1000
"""Training samples whose own nearest neighbors are found, for comparison."""


@dataclass(frozen=True)
class Near:
    """Neighbors by one kind of distance.

    Attributes:
        by: "values", or the name of the extractor.
        distances, places: of the nearest training samples, the nearest first, [N, k].
        farther: the share of training samples that are farther from their own nearest neighbor than each sample is from
            its, [N]: 1 for a copy, about 0.5 for a sample like a new one.
    """

    by: str
    distances: np.ndarray
    places: np.ndarray
    farther: np.ndarray


@dataclass(frozen=True)
class Neighbors:
    """Generated samples and their nearest training samples.

    Attributes:
        samples: the generated ones, in the common form (`Signal.comparable`).
        real: the training samples, in their order.
        near: by each kind of distance.
        names: where each of the neighbors is from, by its place.
    """

    samples: Any
    real: SampleSet
    near: tuple[Near, ...]
    names: dict[int, str]

    def at(self, places: np.ndarray) -> list[Any]:
        """The training samples at these places, in this order."""
        wanted = np.unique(places)
        rows: list[Any] = []
        for part in self.real.chosen(wanted, PART):
            rows += [part[k : k + 1] for k in range(len(part))]
        return [rows[k] for k in np.searchsorted(wanted, places).tolist()]


def neighbors(
    model: Model,
    n: int = 8,
    k: int = 5,
    *,
    seed: int = 0,
    label: Any = None,
    features: str | None = None,
    data: Any = None,
    progress: Progress = silent,
) -> Neighbors:
    """The training samples that generated ones are nearest to.

    Args:
        n: how many samples are generated. k: neighbors of each.
        seed, label: of the generated samples, as in `Model.sample`.
        features: the extractor; by default that of the signal. "raw": values alone.
        data: training samples, where those of the run have moved.

    Raises:
        UserError: the training data is gone, or too small.
    """
    recipe, signal = model.recipe, model.recipe.signal
    model.check_can_sample()
    if n < 1 or k < 1:
        raise UserError(f"-n {n}, --neighbors {k}: both must be at least 1", code="cli.out_of_range")
    source = recipe.data if data is None else named_data(data, recipe.data)
    try:
        dataset = signal.items(source.open())
    except UserError as error:
        raise UserError(
            f"{as_sentence(error)} Neighbors are sought among the training samples: give their place with --data PATH",
            code=error.code,
        ) from None
    size = max(int(np.prod(model.spec.shape)), 1) * 4
    real = real_samples(
        signal, dataset, model.spec, most=max(1000, MOST_BYTES // size), min_samples=k + 1, progress=progress
    )
    fakes = signal.comparable(signal.join([part for part, _ in model.batches(n, seed, label)], model.spec))
    near = []
    name = features or signal.extractor
    for by in dict.fromkeys(("raw", name)):
        if by == "raw" and not has_values(real):
            continue
        classes = tuple(dataset.classes)
        encoder = read_extractor(by, None).open(
            real, classes=classes, cache=cache(), device=model.bundle.device, progress=progress
        )
        near.append(near_by("values" if by == "raw" else encoder.name, encoder, fakes, real, k, model, progress))
    whole = real.n == len(dataset)
    places = np.unique(np.concatenate([one.places.ravel() for one in near])).tolist()
    names = {place: dataset.describe(place) if whole else str(place) for place in places}
    return Neighbors(fakes, real, tuple(near), names)


def has_values(real: SampleSet) -> bool:
    """Whether samples are arrays of numbers, which can be compared as they are."""
    first = next(iter(real.parts(1, 1)))
    return isinstance(first, np.ndarray) and np.issubdtype(first.dtype, np.number)


def near_by(by: str, encoder: Encoder, fakes: Any, real: SampleSet, k: int, model: Model, progress: Progress) -> Near:
    """Neighbors by the features of an encoder."""
    points = np.concatenate(
        [encoder.encode(fakes[start : start + PART])[0].float().cpu().numpy() for start in range(0, len(fakes), PART)]
    )
    parts, done = [], 0
    for part in real.draw(PART):
        parts.append(encoder.encode(part)[0].float().cpu().numpy())
        done += len(part)
        progress(f"features of {real.name}", done, real.n)
    train = np.concatenate(parts)
    device = model.bundle.device
    distances, places = nearest_few(points, train, k, device)
    left_out = np.linspace(0, len(train) - 1, min(len(train), COMPARED)).round().astype(np.int64)
    order = np.concatenate([left_out, np.setdiff1d(np.arange(len(train)), left_out)])
    chance, _ = nearest(train[left_out], train[order], device, same=True)
    farther = (chance[None] > distances[:, :1]).mean(1)
    return Near(by, distances, places, farther)
