"""Chooses the length of the average of a trained model's weights by a metric, after training.

The real samples are drawn into two halves. Each candidate is measured against the first, with latents of one seed; the
figures that are reported, before and after, are those against the second, with latents of another.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from ganforge.artifacts import bundle as bundles
from ganforge.artifacts.rundir import RunDir
from ganforge.core.component import build
from ganforge.core.device import pick_device
from ganforge.core.errors import UserError
from ganforge.evaluation.asked import read_metric
from ganforge.evaluation.comparison import comparison_of, encoder_for, refuse_other_signals
from ganforge.evaluation.runs import provenance_of
from ganforge.evaluation.sides import generated_samples, labels_like, real_samples
from ganforge.evaluation.subject import FEWEST, Subject
from ganforge.inference.model import Model, load
from ganforge.inference.other_length import averages_of, with_length
from ganforge.metrics.base import Encoder, Extractor, Metric, Progress, Result, SampleSet, measure

LENGTHS = (0.03, 0.04, 0.05, 0.07, 0.10, 0.14, 0.20)
"""Candidates, as shares of the training: the standard deviation of the weights' ages."""
BEFORE = "model-as-trained.safetensors"
"""The model as training wrote it, kept while another one is in its place."""
GENERATED = 5_000
"""Generated samples for metrics whose name does not give a number."""


@dataclass(frozen=True)
class Candidate:
    """A model that was measured: the length of its average, None as trained; and its value on the first half."""

    length: float | None
    value: float


@dataclass(frozen=True)
class Choice:
    """What was chosen.

    Attributes:
        metric: the name of the value.
        candidates: all that were measured, the model as trained first.
        left_out: lengths that cannot be made of the snapshots, and why.
        length: that of the best one; None: the model as trained.
        before, after: values of the model as trained and of the best one on the second half.
    """

    metric: str
    candidates: tuple[Candidate, ...]
    left_out: dict[float, str]
    length: float | None
    before: Result
    after: Result


@dataclass(frozen=True)
class Trial:
    """Measures models in the same way, each against one half of the real samples."""

    halves: tuple[SampleSet, SampleSet]
    metric: Metric
    encoder: Encoder | None
    n: int
    seed: int
    device: torch.device
    progress: Progress | None

    def measured(self, model: Model, half: int) -> Result:
        """The first value of the metric."""
        real, signal, spec, seed = self.halves[half], model.recipe.signal, model.spec, self.seed + half
        fake = generated_samples(
            signal, model.bundle.generate_each, model.folder.name, self.n, seed=seed,
            labels=labels_like(real, spec, self.n, seed), batch=signal.batch_size(spec), progress=self.progress,
        )  # fmt: skip
        provenance = provenance_of(model.folder, model, real.name)
        del provenance["model"]  # it is in memory yet
        subject = Subject(
            title=model.folder.name, signal=signal, spec=spec, real=real, fake=fake,
            provenance=provenance, classes=tuple(model.labels),
        )  # fmt: skip
        compared = comparison_of(subject, [self.metric], self.encoder, seed, self.device, self.progress)
        return measure([self.metric], compared)[0]


def choose(
    run: Path,
    metric: str | None = None,
    n: int | None = None,
    seed: int = 0,
    device: str | None = None,
    progress: Progress | None = None,
) -> Choice:
    """Measures averages of several lengths and makes the best one the model of the run. The model as trained is kept
    as `model-as-trained.safetensors`; `undo` puts it back.

    Args:
        metric: the name of a metric; by default the first of the recipe, or of those that suit the signal.
        n: generated samples; by default what the name of the metric says, or 5,000.

    Raises:
        UserError: the run has no snapshots, was trained with a privacy guarantee, generates no samples, or is being
            trained; or the metric has no better direction, or too few samples.
    """
    with RunDir(existing(run)):
        model = as_trained(run, device)
        averages = averages_of(model)
        refuse_unmeasurable(model)
        trial = trial_of(model, metric, n, seed, device, progress)
        candidates, left_out = [Candidate(None, trial.measured(model, 0).value)], {}
        for length in LENGTHS:
            try:
                averages.combined(length)
            except UserError as error:
                left_out[length] = str(error)
                continue
            candidates.append(Candidate(length, trial.measured(with_length(model, averages, length), 0).value))
        before = trial.measured(model, 1)
        meaning, best = trial.metric.meaning_of(before.name), candidates[0]
        for one in candidates[1:]:
            best = one if meaning.is_better(one.value, best.value) else best
        chosen = model if best.length is None else with_length(model, averages, best.length)
        after = before if best.length is None else trial.measured(chosen, 1)
        put(run, chosen, {"metric": before.name})
    return Choice(before.name, tuple(candidates), left_out, best.length, before, after)


def set_length(run: Path, length: float, device: str | None = None) -> float:
    """Makes the average of a length the model of the run, without measuring anything; returns the error of its profile,
    in [0, 0.1].

    Raises:
        UserError: the run has no snapshots or is being trained, or the length cannot be made.
    """
    with RunDir(existing(run)):
        model = as_trained(run, device)
        averages = averages_of(model)
        error = averages.combined(length).error
        put(run, with_length(model, averages, length), {})
    return error


def undo(run: Path) -> None:
    """Puts the model as training wrote it back.

    Raises:
        UserError: it is there already, or the run is being trained.
    """
    with RunDir(existing(run)):
        if not load(run, "cpu").bundle.average or not (run / BEFORE).is_file():
            raise UserError(f"{run}: its model is the one that training wrote", code="ema.nothing_to_undo")
        (run / BEFORE).replace(run / "model.safetensors")


def existing(run: Path) -> Path:
    """The run directory.

    Raises:
        UserError: there is none.
    """
    if not (run / "recipe.yaml").is_file():
        raise UserError(
            f"{run}: no run directory, which holds the snapshots; one looks like runs/0001-dcgan", code="run.not_found"
        )
    return run


def as_trained(run: Path, device: str | None) -> Model:
    """The model of a run as training wrote it, also if another average is in its place."""
    model = load(run, device)
    if not model.bundle.average:
        return model
    return Model(replace(bundles.load(run / BEFORE, device), path=str(run)), run)


def put(run: Path, model: Model, how: dict[str, str]) -> None:
    """Makes a model that of its run, and keeps the one as trained."""
    place, before, bundle = run / "model.safetensors", run / BEFORE, model.bundle
    if not bundle.average:
        if load(run, "cpu").bundle.average:
            before.replace(place)
        return
    if not load(run, "cpu").bundle.average:
        shutil.copyfile(place, before)
    average = bundle.average | how
    bundles.save(place, model.recipe, model.spec, bundle.nets, model.samples, model.privacy, average)


def refuse_unmeasurable(model: Model) -> None:
    """Raises UserError for a model of which no average can be chosen by a metric."""
    model.check_can_sample()
    if model.privacy:
        raise UserError(
            f"{model.folder}: the guarantee of this run does not cover a choice by its real samples. Set a length that "
            "does not depend on them: --length 0.1",
            code="ema.private_run",
        )


def trial_of(
    model: Model, name: str | None, n: int | None, seed: int, device: str | None, progress: Progress | None
) -> Trial:
    """How the candidates are measured.

    Raises:
        UserError: as `choose`.
    """
    recipe, spec, signal = model.recipe, model.spec, model.recipe.signal
    dataset = signal.items(recipe.data.open())
    usual = signal.default_metrics(spec, translates=False, paired=False, sizes=())
    metric = read_metric(name) if name is not None else recipe.metrics[0] if recipe.metrics else read_metric(usual[0])
    number = n or metric.n or GENERATED
    metric = replace(metric, n=number)
    if number < FEWEST:
        raise UserError(
            f"{number} generated samples are too few to measure: at least {FEWEST} are needed",
            code="evaluate.too_few_samples",
        )
    extractor = build(Extractor, {"kind": signal.extractor})
    refuse_other_signals([metric], extractor, signal)
    real = real_samples(signal, dataset, spec, seed=seed, shuffled=True, min_samples=2 * FEWEST, progress=progress)
    place = pick_device(device)
    encoder = encoder_for([metric], extractor, real, dataset.classes, place, progress)
    middle = real.n // 2
    halves = (part_of(real, 0, middle, "first half"), part_of(real, middle, real.n, "second half"))
    return Trial(halves, metric, encoder, number, seed, place, progress)


def part_of(side: SampleSet, start: int, stop: int, which: str) -> SampleSet:
    """The samples [start, stop) of a side as a side."""

    def between(size: int, first: int, last: int) -> Iterator[Any]:
        return side.block(size, start + first, start + last)

    return SampleSet(
        f"{side.name} ({which})",
        stop - start,
        lambda size: between(size, 0, stop - start),
        None if side.labels is None else side.labels[start:stop],
        f"{side.fingerprint}-{start}-{stop}" if side.fingerprint else "",
        vectors=None if side.vectors is None else side.vectors[start:stop],
        between=between,
    )
