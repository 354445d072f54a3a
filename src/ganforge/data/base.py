"""Base class of data sources."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import Field

from ganforge.core.component import Component, build, fields_of, to_plain
from ganforge.core.dataset import Dataset

HOLDOUT = 0.1
"""Default fraction of held-out samples for data without a test part."""


class DataSource(Component, family="data"):
    """A source of real samples. A bare string is the name of a set (`mnist`) or a path."""

    words: ClassVar[tuple[str, ...]] = ()
    """Fields set by command-line arguments without a =: `ganforge train pix2pix labels/ photos/`."""

    places: ClassVar[tuple[str, ...]] = ("path",)
    """Fields with paths on this machine; a source need not have all of them."""

    in_memory: bool | None = None
    """Keep all samples in memory (of the accelerator, if there is one).

    By default if they fit in a quarter of the free memory.
    """
    workers: int = 0
    """Number of threads that read samples if they are not kept in memory; 0: one per core, at most 16."""
    labels_per_class: int | None = Field(default=None, ge=1)
    """The number of samples of each class whose labels are used; all others count as unlabeled, to try semi-supervised
    learning (sgan). By default all labels."""
    labels_seed: int = Field(default=0, ge=0)
    """Which samples keep their label with `labels_per_class`."""

    @property
    def discloses(self) -> str:
        """What the stored recipe discloses about the samples through this source; empty: nothing."""
        return ""

    def undisclosed(self) -> DataSource:
        """The same source without what it would disclose; by default unchanged."""
        return self

    @property
    def free_on_resume(self) -> tuple[str, ...]:
        """Fields that may be changed when a run is resumed: how samples are read, and paths. (The data itself is
        identified by its fingerprint.)"""
        return ("in_memory", "workers", *(name for name in self.places if name in fields_of(type(self))))

    @property
    def display_name(self) -> str:
        """A name for the data without its location: the last part of each path."""
        found = [getattr(self, field, None) for field in (*self.places, "name")]
        return " and ".join(filter(None, (Path(str(place)).name for place in found if place))) or self.kind

    @property
    def hub_id(self) -> str:
        """The name of the data on the Hugging Face Hub; empty if it is not from there."""
        return ""

    @classmethod
    def parse(cls, value: Any) -> Self:
        if isinstance(value, int) and not isinstance(value, bool):  # a folder or file named 2024
            value = str(value)
        return super().parse(value)

    @classmethod
    def from_text(cls, text: str) -> Mapping[str, Any]:
        return {"kind": text} if text in cls.kinds else {"kind": "path", "path": text}

    @property
    def part_name(self) -> str:
        """The selected part of the data: "train", "test", ...; "all" if the source has no parts."""
        return getattr(self, "split", "all")

    @property
    def held_back(self) -> float:
        """The fraction of samples held out from training by a random split; 0 if there is none."""
        return 0.0

    def part(self, name: str) -> DataSource | None:
        """Another part of the same data; None if the source has no parts. By default the field `split` selects it."""
        return self._with(split=name) if "split" in fields_of(type(self)) else None

    def whole(self) -> DataSource:
        """The same data without a random split. By default the field `holdout` controls it."""
        return self._with(holdout=0.0) if "holdout" in fields_of(type(self)) else self

    def _with(self, **fields: Any) -> DataSource:
        return build(DataSource, {**to_plain(self), **fields}, what="data")

    def located(self) -> Self:
        """This source with paths that do not depend on the current folder."""
        return self._placed(lambda path: os.path.normpath(Path(path).expanduser().absolute()))

    def unlocated(self) -> Self:
        """This source for sharing: only the last part of absolute paths."""
        return self._placed(lambda path: Path(path).name if Path(path).is_absolute() else path)

    def _placed(self, change: Callable[[str], str]) -> Self:
        known = fields_of(type(self))
        places = {field: getattr(self, field) for field in self.places if field in known}
        return replace(self, **{field: change(path) for field, path in places.items() if path})

    def open(self) -> Dataset:
        """Finds and lists the samples, reading as little as possible.

        Raises:
            UserError: there is nothing at the path, nothing readable, or another kind of file than expected.
        """
        raise NotImplementedError
