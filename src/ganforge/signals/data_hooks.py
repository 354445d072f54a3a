"""The hooks of a signal for data sets: examples, inspection, the choice of a recipe, and packing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from ganforge.core.choice import Choice, Machine
from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.signals.records import Inspection, Noun


class DataHooks:
    """What a signal does with a data set before anything is trained."""

    noun: ClassVar[Noun] = Noun("sample", "samples")
    """What one sample and several are called."""

    @classmethod
    def example(cls, folder: Path, n: int = 64) -> str | Mapping[str, Any]:
        """Writes `n` samples of this kind, or a few more, to a folder, in a form in which a user would have them.

        They are drawn, not measured: something to try things out with, and what the tests of all signals train on.

        Returns:
            What a recipe's `data` takes: a path, or the fields of a data source.
        """
        raise NotImplementedError

    @classmethod
    def inspect(cls, dataset: Dataset, limit: int | None = None) -> Inspection:
        """What a data set holds and which recipes fit it, for people.

        Args:
            limit: look at this many samples only, spread evenly; by default at all.

        Raises:
            UserError: it holds what cannot be used.
        """
        shapes = {f"{'×'.join(map(str, shape))} {dtype}": count for (shape, dtype), count in dataset.shapes().items()}
        facts = {
            "name": dataset.name,
            "count": len(dataset),
            "shapes": shapes,
            "classes": list(dataset.classes),
            "conditions": {one.name: one.to_plain() for one in dataset.conditions.each},
            "skipped": [f"{where}: {why}" for where, why in dataset.skipped],
        }
        sizes = ", ".join(f"{shape} ({count:,})" for shape, count in shapes.items())
        shown = [f"{dataset.name}: {len(dataset):,} {cls.noun.many}", sizes or "none of them can be read"]
        if dataset.classes:
            shown.append(f"{len(dataset.classes)} labels: {', '.join(dataset.classes)}")
        shown += [f"condition {one.name} ({one.kind}): {one.said()}" for one in dataset.conditions.each]
        return Inspection(facts, lambda: shown)

    @classmethod
    def recommend(cls, dataset: Dataset, machine: Machine) -> Choice | None:
        """The recipe for a data set, where nobody names one; None of a signal without rules.

        Raises:
            UserError: too few samples.
        """
        return None

    @classmethod
    def pack(
        cls, dataset: Dataset, out: Path, *, duplicates: bool = False, force: bool = False, shards: int | None = None
    ) -> list[str]:
        """Writes a clean copy of a data set to the zip `out`, and returns what there is to say of it, line by line.

        Args:
            duplicates: keep samples that are the same as an earlier one.
            force: write over a file that exists.
            shards: bytes of each tar file, if `out` is to be a folder of tar shards.

        Raises:
            UserError: such samples have no clean copy, none can be read, or `out` exists or cannot be written.
            PartlyDone: the copy is made, without samples that cannot be read.
        """
        raise UserError(
            f"data {dataset.name}: holds {cls.noun.all}, but this command packs images",
            code="data.not_images",
        )
