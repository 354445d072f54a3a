"""What is judged: a run and its data, or two sets of samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganforge.core.types import Spec
from ganforge.inference.model import Model
from ganforge.metrics.base import Side
from ganforge.modalities.pair.full_images import Wholes
from ganforge.signals import Signal


@dataclass(frozen=True)
class Subject:
    """What is judged.

    Attributes:
        title: what it is called.
        real, fake: the two sides. heldout: real samples that the generator has not seen, or None.
        classes: names of the labels.
        model: the generator, or None where two sets are compared.
        folder: the run directory, or None.
        target: of a table, the column to predict, where it is not the one that the model's recipe names.
        stamp: what every protocol says beside extractor, counts and seed.
        notes: what the report should say of how it was put together.
        paired: whether sample i of either side should be the same.
        train: reads what the model was trained on, where that is known and is not `real`.
        wholes: the pictures of both sides, where they may be of any size; `real` and `fake` give them one by one then.
        as_sets: the same with pictures of one size, for metrics that need it; None where they are so already.
    """

    title: str
    signal: Signal
    spec: Spec
    real: Side
    fake: Side
    stamp: dict[str, Any]
    heldout: Side | None = None
    classes: tuple[str, ...] = ()
    model: Model | None = None
    folder: Path | None = None
    target: str | None = None
    notes: tuple[str, ...] = ()
    paired: bool = False
    train: Callable[[], Side] | None = None
    wholes: Wholes | None = None
    as_sets: Callable[[], Subject] | None = None

    @property
    def least(self) -> int:
        """The shortest side of any picture, in px."""
        return min(self.spec.shape[1:]) if self.wholes is None else self.wholes.least
