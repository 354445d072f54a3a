"""What is evaluated: a run and its data, or two sets of samples; and how a signal may assemble it itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ganforge.core.component import Component
from ganforge.core.dataset import Dataset
from ganforge.core.types import Spec
from ganforge.data.base import DataSource
from ganforge.evaluation.report.content import Panel
from ganforge.inference.model import Model
from ganforge.metrics.base import Metric, Progress, SampleSet
from ganforge.signals import Signal

FEWEST = 10
"""Fewest samples per side: with less no metric means anything."""


@dataclass(frozen=True)
class Subject:
    """What is evaluated.

    Attributes:
        title: what it is called.
        real, fake: the two sides. heldout: real samples that the generator has not seen, or None.
        unseen: generated samples that were asked for the conditions of `heldout`, or None.
        classes: names of the labels.
        model: the generator, or None where two sets are compared.
        folder: the run directory, or None.
        provenance: entries that every result's protocol gets beside extractor, counts and seed.
        notes: remarks for the report on how the sides were assembled.
        paired: whether sample i of either side should be the same.
        train: reads what the model was trained on, where that is known and is not `real`.
        baseline: of pairs, what can be had without a model, or None.
        sizes: of the samples, where each may have one of its own; `real` and `fake` give them one by one then.
        as_sets: the same with samples of one size, for metrics that need it; None where they are so already.
        lead: the report's first sentence, in place of the general one.
        facts: entries for the head of the report, in place of the sample's shape and the training data.
        panels: what is shown of both sides, in place of some samples of each.
    """

    title: str
    signal: Signal
    spec: Spec
    real: SampleSet
    fake: SampleSet
    provenance: dict[str, Any]
    heldout: SampleSet | None = None
    unseen: SampleSet | None = None
    classes: tuple[str, ...] = ()
    model: Model | None = None
    folder: Path | None = None
    notes: tuple[str, ...] = ()
    paired: bool = False
    train: Callable[[], SampleSet] | None = None
    baseline: SampleSet | None = None
    sizes: tuple[tuple[int, ...], ...] = ()
    as_sets: Callable[[], Subject] | None = None
    lead: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    panels: Callable[[], Iterator[Panel]] | None = None

    def targeting(self, column: str | None) -> Subject:
        """With another target of usefulness.

        Raises:
            UserError: as `Signal.targeted`.
        """
        return self if column is None else replace(self, spec=self.signal.targeted(self.spec, column))


@dataclass(frozen=True)
class Run:
    """A model that is to be compared with real samples.

    Attributes:
        path: of the run or the bundle. name: what the report calls it.
        source: where the samples come from. dataset: what it opens, as the signal counts its items.
        split: which part of the data that is. notes: what the report should say of it.
        metrics: those asked for; None: those that suit the signal.
        n: generated samples for each of them, or those that all of them want; None: as many as the signal says.
        provenance: entries of every protocol about the model and the split of the data.
        general: puts the subject together as is done where no signal brings a way of its own.
    """

    path: Path
    name: str
    model: Model
    source: DataSource
    dataset: Dataset
    notes: tuple[str, ...]
    metrics: Sequence[Metric] | None
    n: int | None
    seed: int
    provenance: dict[str, Any]
    progress: Progress | None
    general: Callable[[], Subject]

    @property
    def folder(self) -> Path | None:
        """The run directory; None of a bundle."""
        return self.path if self.path.is_dir() else None


@dataclass(frozen=True)
class Sets:
    """Two sets that are to be compared.

    Attributes:
        names: what the user calls them, the real one first. sets: what is there.
        metrics: those asked for; None: those that suit the signal.
        fields: of the signal, that the user names to make the sets comparable.
        general: as in `Run`.
    """

    names: tuple[str, str]
    sets: tuple[Dataset, Dataset]
    metrics: Sequence[Metric] | None
    fields: Mapping[str, Any]
    progress: Progress | None
    general: Callable[[], Subject]


def title_of(names: tuple[str, str]) -> str:
    """What a comparison of two sets is called, the real one being named first."""
    real, fake = (Path(name).name or name for name in names)
    return f"{fake} against {real}"


class Subjects(Component, family="subjects"):
    """How a signal assembles a subject, where the general way does not match the field's protocol."""

    def of_run(self, run: Run) -> Subject | None:
        """The subject of a run; None to use the general way.

        Raises:
            UserError: samples that cannot be read, or too few.
        """
        return None

    def of_sets(self, sets: Sets) -> Subject | None:
        """The subject of two sets; None to use the general way. Raises as `of_run`."""
        return None
