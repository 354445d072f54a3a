"""The windows that a run of forecasts or filled gaps is evaluated on: some of those that it has not seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ganforge.core.language import phrase
from ganforge.evaluation.report.content import Panel
from ganforge.evaluation.runs import opened
from ganforge.evaluation.sides import real_samples
from ganforge.evaluation.subject import FEWEST, Run, Subject
from ganforge.metrics.base import SampleSet

PART = 256


@dataclass(frozen=True)
class UnseenWindows:
    """Windows spread evenly over those that are evaluated.

    Attributes:
        rows: their places in the data set, int64 [n]. chosen: decoded, [n, T, D].
        name: what they are called in the report.
        train: the windows that the model was trained on; None if they cannot be opened.
    """

    rows: np.ndarray
    chosen: np.ndarray
    name: str
    train: Callable[[], SampleSet] | None


def subject_of(
    run: Run, unseen: UnseenWindows, made: np.ndarray, paths: int, lead: str, panels: Callable[[], Iterator[Panel]]
) -> Subject:
    """What a model made of unseen windows, `paths` times each, against what came.

    Args:
        made: decoded, [n, paths, ...].
    """
    recipe, spec = run.model.recipe, run.model.spec
    return Subject(
        run.name, recipe.signal, spec, SampleSet.of(unseen.chosen, name=unseen.name), SampleSet.of(made, name=run.name),
        run.provenance | {"paths": paths}, model=run.model, folder=run.folder, notes=run.notes, train=unseen.train,
        lead=lead, facts={"windows": phrase("{count} steps", count=spec.shape[1]), "evaluated on": unseen.name},
        panels=panels,
    )  # fmt: skip


def unseen_windows(run: Run, most: int) -> UnseenWindows:
    """`run.n` windows, or at most `most`.

    Raises:
        UserError: there are too few.
    """
    recipe, spec = run.model.recipe, run.model.spec
    own = opened(recipe)
    windows = real_samples(recipe.signal, run.dataset, spec, seed=run.seed, min_samples=FEWEST, progress=run.progress)
    rows = np.unique(np.linspace(0, windows.n - 1, min(run.n or most, windows.n)).round().astype(int))

    def train() -> SampleSet:
        assert own is not None
        return real_samples(recipe.signal, own, spec, seed=run.seed, progress=run.progress)

    return UnseenWindows(
        rows=rows,
        chosen=np.concatenate(list(windows.chosen(rows, PART))),
        name=windows.name if run.dataset is own else phrase("{name} (held out)", name=windows.name),
        train=None if own is None else train,
    )
