"""Evaluation of style transfer: texts that were held back, each rewritten as one of another class."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.core.language import phrase
from ganforge.core.rng import seed_of
from ganforge.core.types import Spec
from ganforge.evaluation.report.content import Panel
from ganforge.evaluation.report.gallery import spread
from ganforge.evaluation.runs import opened
from ganforge.evaluation.sides import real_samples
from ganforge.evaluation.subject import FEWEST, Run, Subject, Subjects
from ganforge.metrics.base import SampleSet
from ganforge.modalities.text.metrics.style import ORDER, kept
from ganforge.modalities.text.rewriting import StyleWriter
from ganforge.modalities.text.tasks.style import TextStyle

MOST, SHOWN = 2_000, 12
"""Texts that are rewritten for an evaluation, at most, and those that its report shows."""


class Rewritten(Subjects, kind="text_style"):
    """Texts, each rewritten as one of another class."""

    def of_run(self, run: Run) -> Subject | None:
        model, spec, seed = run.model, run.model.spec, run.seed
        signal = model.recipe.signal
        if not isinstance(model.recipe.task, TextStyle):
            return None
        most = max([MOST, run.n or 0])
        sources = in_classes(
            real_samples(signal, run.dataset, spec, most=most, seed=seed, min_samples=FEWEST, progress=run.progress),
            run.dataset, spec,
        )  # fmt: skip
        own = opened(model.recipe)
        if own is None or own.digest == run.dataset.digest:
            real, heldout = sources, None
        else:
            real = in_classes(real_samples(signal, own, spec, seed=seed, progress=run.progress), own, spec)
            heldout = sources
        assert sources.labels is not None
        texts = [str(text) for part in sources.parts(most, sources.n) for text in part]
        draws = np.random.Generator(np.random.PCG64(seed_of(seed, "other classes")))
        asked = (sources.labels + draws.integers(1, spec.classes, sources.n)) % spec.classes
        writer = StyleWriter(model.bundle, run.name)
        made = functools.cache(lambda: writer.rewritten(texts, asked))

        def draw(size: int) -> Iterator[np.ndarray]:
            for start in range(0, sources.n, size):
                yield made()[start : start + size]

        def panels() -> Iterator[Panel]:
            rows = spread(sources.n, SHOWN)
            lines = [line for k in rows for line in (f"{spec.labels[sources.labels[k]]}: {texts[k]}",
                     f"{spec.labels[asked[k]]}: {made()[k]}")]  # fmt: skip
            media = signal.render(np.array(lines), spec, 2)
            yield Panel("rewritten", "Each text, and below it the same as one of another class.", tuple(media))

        again = kept(writer.rewritten(texts, sources.labels).tolist(), texts)
        said = phrase(
            "Asked for the class that a text has already, the model gives it back with a BLEU-{order} of {value:.3f}: "
            "no more of the content can stay.",
            order=ORDER,
            value=again,
        )
        return Subject(
            run.name, signal, spec, real, SampleSet(run.name, sources.n, draw, asked, sources=sources),
            run.provenance | {"asked": "another class"}, heldout=heldout, classes=spec.labels, model=model,
            folder=run.folder, notes=(*run.notes, said), panels=panels,
        )  # fmt: skip


def in_classes(side: SampleSet, dataset: Dataset, spec: Spec) -> SampleSet:
    """Texts with their classes numbered as the model has them.

    Raises:
        UserError: they have no classes, or others.
    """
    if side.labels is None:
        raise UserError(
            f"data {dataset.name}: these texts have no classes, and those that they are to be rewritten from must be "
            "known",
            code="data.no_labels",
        )
    others = sorted(set(dataset.classes) - set(spec.labels))
    if others:
        raise UserError(
            f"data {dataset.name}: the class {others[0]!r} is not one of the model's ({', '.join(spec.labels)})",
            code="text.unknown_class",
        )
    number = np.array([spec.labels.index(name) for name in dataset.classes])
    return replace(side, labels=number[side.labels])
