"""Where samples come from."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

from ganforge.core.component import Component, build, fields_of, to_plain
from ganforge.core.dataset import Dataset

HOLDOUT = 0.1
"""The share of the samples that is held back where a set has no test part of its own and nobody says how many."""


class DataSource(Component, family="data"):
    """A place that real samples come from. A bare string is the name of a set (`mnist`) or else a path."""

    words: ClassVar[tuple[str, ...]] = ()
    """Fields that words without a = on the command line stand for: `ganforge train pix2pix labels/ photos/`."""

    places: ClassVar[tuple[str, ...]] = ("path",)
    """Fields that say where the data lies on this machine, those of them that a source has."""

    in_memory: bool | None = None
    """Keep all samples in memory (on the accelerator where there is one).

    By default when they fit in a quarter of what is free.
    """
    workers: int = 0
    """Threads that read samples when they are not kept in memory; 0 uses one per core, at most 16."""

    @property
    def discloses(self) -> str:
        """What this source, which is in the recipe, says of the samples' values; empty: nothing."""
        return ""

    def undisclosed(self) -> DataSource:
        """The same source, for a recipe that may say nothing of its samples. By default as it is."""
        return self

    @property
    def free_on_resume(self) -> tuple[str, ...]:
        """Fields that may differ when a run goes on: how samples are read and where they lie. (The data itself is known
        by its fingerprint.)"""
        return ("in_memory", "workers", *(name for name in self.places if name in fields_of(type(self))))

    @property
    def display_name(self) -> str:
        """What the data is called where its place is nobody's business: the last part of each path."""
        found = [getattr(self, field, None) for field in (*self.places, "name")]
        return " and ".join(filter(None, (Path(str(place)).name for place in found if place))) or self.kind

    @property
    def hub_id(self) -> str:
        """What the data is called on the Hugging Face hub; empty where it does not lie there."""
        return ""

    @classmethod
    def parse(cls, value: Any) -> Self:
        if isinstance(value, int) and not isinstance(value, bool):  # a folder or a file that is called 2024
            value = str(value)
        return super().parse(value)

    @classmethod
    def from_text(cls, text: str) -> Mapping[str, Any]:
        return {"kind": text} if text in cls.kinds else {"kind": "path", "path": text}

    @property
    def part_name(self) -> str:
        """Which part of the data it takes: "train", "test", ...; "all" where it knows of no parts."""
        return getattr(self, "split", "all")

    @property
    def held_back(self) -> float:
        """The share of the samples that a draw of its own holds back from training; 0 where none are."""
        return 0.0

    def part(self, name: str) -> DataSource | None:
        """The same data with another part of it; None where it knows of no parts. By default it is the field `split`
        that says which."""
        return self._with(split=name) if "split" in fields_of(type(self)) else None

    def whole(self) -> DataSource:
        """The same data with no samples held back by a draw. By default it is the field `holdout` that says how many
        are."""
        return self._with(holdout=0.0) if "holdout" in fields_of(type(self)) else self

    def _with(self, **fields: Any) -> DataSource:
        return build(DataSource, {**to_plain(self), **fields}, what="data")

    def located(self) -> Self:
        """This source with paths that do not depend on the folder from which they are read."""
        return self._placed(lambda path: os.path.normpath(Path(path).expanduser().absolute()))

    def unlocated(self) -> Self:
        """This source for a file that is shared: of absolute paths the last part alone."""
        return self._placed(lambda path: Path(path).name if Path(path).is_absolute() else path)

    def _placed(self, change: Callable[[str], str]) -> Self:
        known = fields_of(type(self))
        places = {field: getattr(self, field) for field in self.places if field in known}
        return replace(self, **{field: change(path) for field, path in places.items() if path})

    def open(self) -> Dataset:
        """Finds and lists the samples; reads as little as it can.

        Raises:
            UserError: nothing there, nothing readable, or another kind of file than expected.
        """
        raise NotImplementedError
