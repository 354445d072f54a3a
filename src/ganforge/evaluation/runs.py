"""A run as the subject of an evaluation: its model against its own data, or against other data."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganforge.artifacts import checkpoint
from ganforge.core.component import build, to_plain
from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError, as_sentence
from ganforge.core.language import phrase
from ganforge.core.overrides import apply
from ganforge.data.base import DataSource
from ganforge.data.objects import is_object, source_of
from ganforge.engine.build import fingerprint, is_same_data
from ganforge.evaluation.asked import AS_TRAINED, Settings
from ganforge.evaluation.heldout import held_out
from ganforge.evaluation.sides import generated_samples, labels_like, real_samples, translated_samples
from ganforge.evaluation.subject import FEWEST, Run, Subject, Subjects
from ganforge.inference.model import Model, load
from ganforge.metrics.base import Metric, Progress, SampleSet
from ganforge.recipes.base import Recipe

OTHER_DATA = phrase(
    "This is not known to be the table that the run was trained on (its rows, their content or its form differ), so "
    "it is not known which of these rows it has seen."
)
HELD_BACK = phrase("These are samples that were held back from training (data.holdout={share:g}).", share=0.1)
NO_HELDOUT = phrase("No part of the data was held out: each training sample in turn stands in for an unseen one.")
REJECTED = phrase(
    "Only samples that the critic of the run takes for real ones are kept (--reject {percentile:g}).", percentile=80.0
)
MOST_UNSEEN = 10_000
"""Samples that are generated for conditions of held-out samples, at most."""
SEEN = phrase(
    "These are the samples that it was trained on, for no part of the data was held out: evaluate it on others with "
    "--data."
)


def of_run(
    path: Path,
    metrics: Sequence[Metric] | None,
    n: int | None,
    seed: int,
    data: Any,
    batch: int | None,
    device: str | None,
    progress: Progress | None,
    settings: Settings = AS_TRAINED,
) -> Subject:
    """A trained model against real samples.

    Args:
        metrics: those asked for; None: those that suit the signal.
        n: generated samples for metrics without a number of their own; None: the signal's default.
        settings: of the model.

    Raises:
        UserError: no run, no model in it yet, data that is gone or too small.
    """
    model = load(path, device).with_settings(
        temperature=settings.temperature, guidance=settings.guidance, reject=settings.reject
    )
    recipe = model.recipe
    source = recipe.data if data is None else named_data(data, recipe.data)
    try:
        dataset = recipe.signal.items(source.open())
    except UserError as error:
        if data is not None:
            raise
        raise UserError(
            f"{as_sentence(error)} If the data of this run has moved, give its place: --data PATH", code=error.code
        ) from None
    wanted = [metric.n or n for metric in metrics or ()] or [n]
    if recipe.task.mode != "translate":
        return of_generator(path, model, source, dataset, wanted, seed, batch, progress)
    notes: tuple[str, ...] = ()
    own: Dataset | None = None
    if source == recipe.data:
        notes, own = (SEEN,), dataset
        other, kept, _ = held_out(source, recipe.signal, dataset)
        if other is not None and kept is not None:
            notes = (phrase(HELD_BACK.pattern, share=source.held_back),) if source.held_back else ()
            source, dataset = other, kept
    provenance = provenance_of(path, model, source.part_name)
    most = None if None in wanted else max(each for each in wanted if each is not None)

    def general() -> Subject:
        return of_translator(run, opened(recipe) if own is None else own)

    name = path.name or str(path)
    run = Run(path, name, model, source, dataset, notes, metrics, most, seed, provenance, progress, general)
    for kind in Subjects.members().values():
        if (subject := kind().of_run(run)) is not None:
            return subject
    return general()


def of_generator(
    path: Path,
    model: Model,
    source: DataSource,
    dataset: Dataset,
    wanted: Sequence[int | None],
    seed: int,
    batch: int | None,
    progress: Progress | None,
) -> Subject:
    """A model that makes samples of latents, against real ones.

    Args:
        wanted: generated samples that each metric asks for; None: the signal's default.
    """
    recipe, spec, signal = model.recipe, model.spec, model.recipe.signal
    known = trained_on(path)
    of_rows = signal.raw_samples(dataset) is not None
    is_other = bool(of_rows and known and not is_same_data(known, fingerprint(dataset)))
    if is_other:
        source = source.whole()
        dataset = source.open()
    real = real_samples(signal, dataset, spec, seed=seed, min_samples=FEWEST, progress=progress)
    heldout, why = (None, OTHER_DATA) if is_other else unseen(source, dataset, recipe, model, seed, progress)

    def like(samples: SampleSet, called: str, count: int) -> SampleSet:
        labels = labels_like(samples, spec, count, seed)
        generate = model.bundle.generate_each
        if model.rejection is not None:
            of_all = None if labels is None else torch.from_numpy(labels)
            generate = partial(model.rejection.generate_each, labels=of_all)
        return generated_samples(
            signal, lambda requests: generate(map(model.adjusted, requests)), called, count, seed=seed, labels=labels,
            batch=batch or signal.batch_size(spec), progress=progress,
        )  # fmt: skip

    n = max(each or signal.n_generated or real.n for each in wanted)
    name = path.name or str(path)
    fake, fake_unseen = like(real, name, n), None
    if heldout is not None and heldout.vectors is not None and spec.conditions:
        fake_unseen = like(heldout, f"{name} (unseen)", min(n, MOST_UNSEEN))
    own = opened(recipe) if spec.conditions and source != recipe.data else None

    def train() -> SampleSet:
        assert own is not None
        return real_samples(signal, own, spec, seed=seed, progress=progress)

    return Subject(
        title=name,
        signal=signal,
        spec=spec,
        real=real,
        fake=fake,
        unseen=fake_unseen,
        train=None if own is None else train,
        provenance=provenance_of(path, model, source.part_name) | {"truncation": 1.0},
        heldout=heldout,
        classes=dataset.classes,
        model=model,
        folder=path if path.is_dir() else None,
        notes=(*((why,) if why else ()), *said_of_settings(model)),
    )


def said_of_settings(model: Model) -> Iterator[str]:
    """What the report says of settings with which samples differ from those of the model as trained."""
    if model.temperature != 1:
        yield phrase("Samples are drawn at a temperature of {t:g} (--temperature).", t=model.temperature)
    if model.guidance != 1:
        yield phrase("Samples are drawn with a guidance of {weight:g} (--guidance).", weight=model.guidance)
    if model.rejection is not None:
        yield phrase(REJECTED.pattern, percentile=model.rejection.percentile)


def of_translator(run: Run, own: Dataset | None) -> Subject:
    """A trained translator against the targets of its sources.

    Args:
        own: what it was trained on, where that is there.

    Raises:
        UserError: too few.
    """
    model, seed, progress = run.model, run.seed, run.progress
    signal, spec, task = model.recipe.signal, model.spec, model.recipe.task
    sources, wanted = task.sources_and_targets(run.dataset, spec)
    way = task.directions()[0]

    def translate(x: Tensor) -> Tensor:
        return model.bundle.translated(x, way)  # in the dtype of its nets

    def train() -> SampleSet:
        assert own is not None
        return real_samples(signal, task.sources_and_targets(own, spec)[1], spec, seed=seed, progress=progress)

    real = real_samples(signal, wanted, spec, seed=seed, min_samples=FEWEST, progress=progress)
    fake = translated_samples(
        signal, sources, spec, translate, run.name, seed=seed, min_samples=FEWEST, progress=progress
    )
    paired = sources is wanted
    baseline = None
    if paired and real.sources is not None and signal.are_comparable_sources(spec):
        baseline = replace(real.sources, name=phrase("the source itself"))
    return Subject(
        run.name, signal, spec, replace(real, labels=None), fake, run.provenance | ({"direction": way} if way else {}),
        model=model, folder=run.folder, notes=run.notes, paired=paired, baseline=baseline,
        train=None if own is None or own is run.dataset else train,
    )  # fmt: skip


def named_data(text: Any, own: DataSource) -> DataSource:
    """The data that `--data` means: a path or a name; or fields of the run's own, as in "source=A target=B".

    Raises:
        UserError: no such data.
    """
    if is_object(text) or isinstance(text, DataSource):
        return source_of(text)
    words = shlex.split(text)
    if words and all("=" in word for word in words):
        return build(DataSource, apply(to_plain(own), words), what=f"--data {text}")
    return build(DataSource, DataSource.from_text(text), what=f"--data {text}")


def provenance_of(path: Path, model: Model, split: str) -> dict[str, Any]:
    """Protocol entries about a model and the split of the data that it is compared with."""
    file = path / "model.safetensors" if path.is_dir() else path
    found: dict[str, Any] = {
        "split": split,
        "model": hashlib.sha256(file.read_bytes()).hexdigest()[:16],
        "samples": model.samples,
        "ema": model.recipe.ema.half_life > 0,
    }
    if model.bundle.average:
        found["ema_length"] = model.bundle.average["length"]
    if model.rejection is not None:
        found["rejection"] = model.rejection.percentile
    if model.temperature != 1:
        found["temperature"] = model.temperature
    if model.guidance != 1:
        found["guidance"] = model.guidance
    return found


def opened(recipe: Recipe) -> Dataset | None:
    """What a run was trained on; None where it is gone."""
    try:
        return recipe.signal.items(recipe.data.open())
    except UserError:
        return None


def trained_on(path: Path) -> str | None:
    """The fingerprint of the data that a run was trained on; None where that is not known, as of a bundle."""
    point = checkpoint.newest(path / "checkpoints") if path.is_dir() else None
    if point is None:
        return None
    return json.loads((point / "state.json").read_text(encoding="utf-8")).get("data")


def unseen(
    source: DataSource, dataset: Dataset, recipe: Recipe, model: Model, seed: int, progress: Progress | None
) -> tuple[SampleSet | None, str]:
    """Samples of the part of the data that was kept for tests; or None, and why."""
    _, kept, why = held_out(source, recipe.signal, dataset)
    if kept is not None:
        try:
            side = real_samples(recipe.signal, kept, model.spec, seed=seed, min_samples=FEWEST, progress=progress)
            return replace(side, name=f"{side.name} (test)"), ""
        except UserError as error:
            why = str(error)
    return None, phrase("{note} ({why})", note=NO_HELDOUT, why=why) if why else NO_HELDOUT


def with_heldout(subject: Subject, data: Any, seed: int, progress: Progress | None) -> Subject:
    """A subject with unseen samples that the user names.

    Raises:
        UserError: nothing there, or too few samples.
    """
    dataset = subject.signal.items(source_of(data).whole().open())
    side = real_samples(subject.signal, dataset, subject.spec, seed=seed, min_samples=FEWEST, progress=progress)
    notes = tuple(note for note in subject.notes if not note.startswith((NO_HELDOUT, OTHER_DATA)))
    name = str(data) if isinstance(data, (str, Path)) else "the samples held out"
    return replace(subject, heldout=replace(side, name=name), notes=notes)
