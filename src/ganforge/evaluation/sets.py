"""Two sets of samples as the subject of an evaluation: the first is taken for the real one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.data.objects import source_of
from ganforge.evaluation.sides import MOST_REAL, real_samples
from ganforge.evaluation.subject import FEWEST, Sets, Subject, Subjects, title_of
from ganforge.metrics.base import Metric, Progress
from ganforge.signals import Signal


def of_sets(
    first: Any,
    second: Any,
    metrics: Sequence[Metric] | None,
    n: int | None,
    seed: int,
    fields: Mapping[str, Any],
    progress: Progress | None,
) -> Subject:
    """A set of samples against another that is taken for real.

    Args:
        first, second: what `data` of a recipe may be: a path, a name, or samples in memory.
        metrics: those asked for; None: those that suit the signal.
        fields: of the signal, to bring both to one form.

    Raises:
        UserError: not two sets of samples of one kind and form, or too few.
    """
    real, fake = (source_of(data).whole().open() for data in (first, second))
    names = (name_of(first, "the first set"), name_of(second, "the second set"))
    said = {name: value for name, value in fields.items() if value is not None}

    def general() -> Subject:
        return compared(names, (real, fake), n, seed, said, progress)

    sets = Sets(names, (real, fake), metrics, said, progress, general)
    for kind in Subjects.members().values():
        if (subject := kind().of_sets(sets)) is not None:
            return subject
    return general()


def name_of(data: Any, otherwise: str) -> str:
    """What a set is called: its path or its name, of samples in memory what stands for them."""
    return str(data) if isinstance(data, (str, Path)) else otherwise


def compared(
    names: tuple[str, str],
    sets: tuple[Dataset, Dataset],
    n: int | None,
    seed: int,
    fields: Mapping[str, Any],
    progress: Progress | None,
) -> Subject:
    """Two sets as wholes."""
    signal = common(sets, fields)
    spec = signal.spec(sets[0], lambda shape: shape)
    if signal.raw_samples(sets[0]) is None and signal.spec(sets[1], lambda shape: shape).shape != spec.shape:
        raise UserError(
            f"{names[0]} and {names[1]}: samples of different shapes cannot be compared", code="evaluate.shapes_differ"
        )
    real = real_samples(signal, sets[0], spec, seed=seed, min_samples=FEWEST, progress=progress)
    most = n or MOST_REAL
    fake = real_samples(
        signal, sets[1], spec, seed=seed, most=most, min_samples=FEWEST, shuffled=True, progress=progress
    )
    labeled = sets[0].classes == sets[1].classes
    return Subject(
        title=title_of(names),
        signal=signal,
        spec=spec,
        real=replace(real, name=names[0]),
        fake=replace(fake, name=names[1], labels=fake.labels if labeled else None),
        provenance={"split": "all", **fields},
        classes=sets[0].classes,
    )


def common(sets: Sequence[Dataset], fields: Mapping[str, Any]) -> Signal:
    """What the samples of two sets are, if they are the same.

    Raises:
        UserError: they are not: says how they differ, and what brings them together.
    """
    for dataset in sets:
        if not dataset.shapes():
            raise UserError(
                f"{dataset.name}: none of its {len(dataset)} samples can be read", code="data.none_readable"
            )
    kinds = []
    for dataset in sets:
        if dataset.signal not in Signal.kinds:
            raise UserError(
                f"{dataset.name}: its source does not say which signal its samples are for", code="data.no_signal"
            )
        kinds.append(Signal.kinds[dataset.signal])
    first, second = kinds
    if first is not second:
        raise UserError(
            f"{sets[0].name} is {first.noun.all} and {sets[1].name} is {second.noun.all}: they cannot be compared",
            code="evaluate.signals_differ",
        )
    return first.common(sets, fields)
