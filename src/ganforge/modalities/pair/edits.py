"""Evaluation of models that change attributes: real images, each with one attribute changed to a value in turn.

real    one half of the images
made    the other half, each asked for one other value of one attribute; all else should stay, so that what an
        image is asked to have is its own attributes with this one changed
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from ganforge.core.condition_kinds import Listed
from ganforge.core.conditions import Conditions
from ganforge.core.rng import seed_of
from ganforge.evaluation.runs import opened
from ganforge.evaluation.sides import real_samples
from ganforge.evaluation.subject import FEWEST, Run, Subject, Subjects
from ganforge.metrics.base import SampleSet
from ganforge.modalities.pair.tasks.attributes import Attributes

BATCH, MOST = 64, 5_000


class Edits(Subjects, kind="edits"):
    """Images of which an attribute was changed, with what they should have."""

    def of_run(self, run: Run) -> Subject | None:
        model, spec = run.model, run.model.spec
        if not isinstance(model.recipe.task, Attributes) or run.dataset.vectors is None or not spec.conditions:
            return None
        signal = model.recipe.signal
        most = max([MOST, run.n or 0, *(metric.n or 0 for metric in run.metrics or ())])
        source = real_samples(
            signal, run.dataset, spec, seed=run.seed, most=most, min_samples=FEWEST, progress=run.progress
        )
        assert source.vectors is not None
        G: Any = model.bundle.nets.G
        wanted, given = changes(source.vectors, spec.conditions, G.chosen, run.seed)

        def draw(size: int) -> Iterator[np.ndarray]:
            for number, images in enumerate(source.draw(BATCH)):
                start = number * BATCH
                x = torch.from_numpy(images.transpose(0, 3, 1, 2).astype(np.float32)) / 127.5 - 1
                planes = torch.from_numpy(given[start : start + BATCH])[:, :, None, None].expand(-1, -1, *x.shape[2:])
                made = signal.comparable(signal.decode(model.bundle.translated(torch.cat([x, planes], 1)), spec))
                for at in range(0, len(made), size):
                    yield made[at : at + size]

        def train() -> SampleSet:
            own = opened(model.recipe)
            return source if own is None else real_samples(signal, own, spec, seed=run.seed, progress=run.progress)

        return Subject(
            run.name, signal, spec, source, SampleSet(run.name, source.n, draw, vectors=wanted),
            run.provenance | {"changed": "one attribute"}, model=model, folder=run.folder, notes=run.notes, train=train,
        )  # fmt: skip


def changes(vectors: np.ndarray, every: Conditions, chosen: Conditions, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """For each image one attribute with another value: what it should have then, float32 [N, K] of all conditions, and
    what is given to the model, float32 [N, k] of those that it can change."""
    draws = np.random.Generator(np.random.PCG64(seed_of(seed, "changes")))
    rows = [list(row) for row in every.decode(vectors)]
    given = []
    for row in rows:
        one = chosen.each[int(draws.integers(len(chosen.each)))]
        at = every.names.index(one.name)
        if isinstance(one, Listed):
            others = [value for value in map(one.read, one.values) if value != row[at]] or [row[at]]
            value = others[int(draws.integers(len(others)))]
        else:
            value = rows[int(draws.integers(len(rows)))][at]
        row[at] = value
        given.append([value if other is one else None for other in chosen.each])
    return every.encode(rows), chosen.encode(given)
