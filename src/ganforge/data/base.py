"""Where samples come from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from ganforge.core.component import Component
from ganforge.core.types import Dataset


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
    """Threads that read samples when they are not kept in memory; 0 picks one a core, at most 16."""

    @property
    def tells(self) -> str:
        """What this source, which is in the recipe, says of the samples' values; empty: nothing."""
        return ""

    @property
    def display_name(self) -> str:
        """What the data is called where its place is nobody's business: the last part of each path."""
        found = [getattr(self, field, None) for field in (*self.places, "name")]
        return " and ".join(filter(None, (Path(str(place)).name for place in found if place))) or self.kind

    @classmethod
    def from_text(cls, text: str) -> Mapping[str, Any]:
        return {"kind": text} if text in cls.kinds else {"kind": "path", "path": text}

    def open(self) -> Dataset:
        """Finds and lists the samples; reads as little as it can.

        Raises:
            UserError: nothing there, nothing readable, or another kind of file than expected.
        """
        raise NotImplementedError
