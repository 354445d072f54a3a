"""From a subject to the `Comparison` that metrics read, after a run and while it trains."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganforge.core.cache import cache_folder
from ganforge.core.errors import UserError
from ganforge.core.types import Request
from ganforge.evaluation.subject import Subject
from ganforge.inference.model import Model
from ganforge.metrics.base import Comparison, Encoded, Encoder, Extractor, Latents, Metric, Progress, SampleSet
from ganforge.recipes.sampling import labeled
from ganforge.signals import Signal


def cache() -> Path:
    """Where weights and statistics of real samples are kept."""
    return cache_folder() / "evaluation"


def looks_at_features(metrics: Sequence[Metric]) -> bool:
    """Whether any of some metrics asks for an extractor."""
    return any(metric.needs & {"features", "probabilities", "moments"} for metric in metrics)


def refuse_other_signals(metrics: Sequence[Metric], extractor: Extractor, signal: Signal) -> None:
    """Raises UserError where one of the metrics, or the extractor that they ask for, has no meaning for a signal."""
    for part in (*metrics, extractor) if looks_at_features(metrics) else metrics:
        if "*" not in part.signals and signal.kind not in part.signals:
            raise UserError(
                f"{part.family} {part.kind!r} is for {', '.join(part.signals)}, but these samples are of the kind "
                f"{signal.kind!r}: leave it out",
                code="metric.signal_not_supported",
            )


def encoder_for(
    metrics: Sequence[Metric],
    extractor: Extractor,
    real: SampleSet,
    classes: Sequence[str],
    device: torch.device,
    progress: Progress | None,
) -> Encoder | None:
    """The extractor at work, if any of the metrics asks for features: opening one can take a minute.

    Raises:
        UserError: as `Extractor.open`.
    """
    if not looks_at_features(metrics):
        return None
    return extractor.open(real, classes=classes, cache=cache(), device=device, progress=progress)


def comparison_of(
    subject: Subject,
    metrics: Sequence[Metric],
    encoder: Encoder | None,
    seed: int,
    device: torch.device,
    progress: Progress | None,
    streams: Mapping[str, Sequence[Encoded]] | None = None,
) -> Comparison:
    """Both sides of a subject with all that the metrics may ask for."""
    model = subject.model
    steered = model is not None and any("latents" in metric.needs for metric in metrics)
    return Comparison(
        subject.real,
        subject.fake,
        encoder,
        train=subject.train or (subject.real if model is not None else None),
        heldout=subject.heldout,
        classes=subject.classes,
        latents=latents_of(model, seed) if model is not None and steered else None,
        conditions=subject.spec.conditions,
        unseen=subject.unseen,
        tempered=tempered_by(model, seed) if model is not None else None,
        facts=subject.spec.state,
        paired=subject.paired,
        baseline=subject.baseline,
        seed=seed,
        device=device,
        cache=cache(),
        provenance=subject.provenance,
        progress=progress,
        streams=streams,
    )


def tempered_by(model: Model, seed: int) -> Callable[[float, int], Any] | None:
    """What makes samples at a temperature; None of a model that has none."""
    if not model.recipe.task.takes_temperature:
        return None
    signal = model.recipe.signal

    def made(temperature: float, count: int) -> Any:
        parts = [part for part, _ in model.tempered(temperature).batches(count, seed)]
        return signal.comparable(signal.join(parts, model.spec))

    return made


def latents_of(model: Model, seed: int) -> Latents | None:
    """The generator as path lengths see it; None where it does not make samples from vectors."""
    task, bundle = model.recipe.task, model.bundle
    if not task.can_sample or task.latents(Request(1, seed)).ndim != 2:
        return None

    def draw(first: int, count: int) -> Tensor:
        return task.latents(Request(count, seed, first)).cpu()

    @torch.inference_mode()
    def render(latents: Tensor) -> Tensor:
        request = labeled(Request(len(latents), latents=latents, device=bundle.device), model.spec)
        return task.sample(bundle.nets, request).float()

    return Latents(draw, render)
