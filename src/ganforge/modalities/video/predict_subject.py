"""What is evaluated of a run that continues films: several continuations of the first frames of every held-out clip,
against what came."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from ganforge.core.language import phrase
from ganforge.core.rng import Rng
from ganforge.core.types import Spec
from ganforge.evaluation.report.content import Panel
from ganforge.evaluation.report.gallery import spread
from ganforge.evaluation.runs import opened
from ganforge.evaluation.sides import real_samples
from ganforge.evaluation.subject import Run, Subject, Subjects
from ganforge.metrics.base import SampleSet
from ganforge.modalities.video import writing
from ganforge.modalities.video.tasks.predict import Predict

DRAWS = 8
MOST = 64  # clips
PART = 8
SHOWN = 4
LEAST = 2
"""Clips, below which nothing is evaluated: each has many frames, and a set may hold few films back."""


class Predictions(Subjects, kind="predictions"):
    """Continuations of clips that a model has not seen."""

    def of_run(self, run: Run) -> Subject | None:
        recipe, spec = run.model.recipe, run.model.spec
        task = recipe.task
        if not isinstance(task, Predict):
            return None
        signal, own = recipe.signal, opened(recipe)
        side = real_samples(signal, run.dataset, spec, seed=run.seed, min_samples=LEAST, progress=run.progress)
        rows = np.array(spread(side.n, run.n or MOST))
        chosen = np.concatenate(list(side.chosen(rows, PART)))
        labels = None if not spec.classes or side.labels is None else torch.from_numpy(side.labels[rows])
        bundle, horizon = run.model.bundle, spec.shape[1] - task.past

        def made(start: int) -> np.ndarray:
            part = slice(start, start + PART)
            x = signal.encode(torch.from_numpy(chosen[part, : task.past].copy()), spec, Rng(run.seed))
            x = x.to(bundle.device, bundle.dtype)
            c = None if labels is None else labels[part].to(bundle.device)
            with torch.inference_mode(), bundle.on_trial():
                paths = task.paths(bundle.nets, x, c, horizon, DRAWS, run.seed + start)
            decoded = signal.decode(paths.flatten(0, 1), spec)
            return decoded.reshape(len(x), DRAWS, *decoded.shape[1:])

        clips = np.concatenate([made(start) for start in range(0, len(rows), PART)])

        def train() -> SampleSet:
            assert own is not None
            return real_samples(signal, own, spec, seed=run.seed, progress=run.progress)

        name = side.name if own is None or run.source == recipe.data else phrase("{name} (held out)", name=side.name)
        return Subject(
            run.name, signal, spec, SampleSet.of(chosen, name=name), SampleSet.of(clips, name=run.name),
            run.provenance | {"draws": DRAWS}, model=run.model, folder=run.folder, notes=run.notes,
            train=None if own is None else train,
            lead=phrase(
                "{count:,} clips, of which the first {past} frames were given, each with {draws} continuations of "
                "{frames} frames by this model, compared with what came. Recipe {recipe}, {seen:,} clips seen in "
                "training.",
                count=len(rows), past=task.past, draws=DRAWS, frames=horizon, recipe=recipe.name,
                seen=run.model.samples,
            ),
            facts={"clips": phrase("{count} frames", count=spec.shape[1]), "evaluated on": name},
            panels=lambda: beside(chosen, clips, spec),
        )  # fmt: skip


def beside(real: np.ndarray, made: np.ndarray, spec: Spec) -> Iterator[Panel]:
    """Some clips in a row each: what came, two continuations, and persistence, played side by side."""
    past = real.shape[1] - made.shape[2]
    rows = []
    for k in spread(len(real), SHOWN):
        given, still = real[k, :past], np.repeat(real[k, past - 1 : past], made.shape[2], 0)
        rows += [real[k], *(np.concatenate([given, rest]) for rest in (made[k, 0], made[k, 1], still))]
    clips = np.stack(rows)
    heads = (phrase("real"), phrase("predicted"), phrase("predicted again"), phrase("persistence"))
    said = phrase("The first {past} frames are given; real, predicted twice, and persistence, side by side.", past=past)
    yield Panel(
        phrase("predictions"), said,
        (writing.animation(clips, spec.state["fps"], len(heads)), writing.sheet(clips, len(heads))), columns=heads,
    )  # fmt: skip
