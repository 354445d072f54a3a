"""Data sources for samples in memory, passed in from Python."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.data.base import DataSource


class MemoryData(DataSource, kind="memory"):
    """Samples in memory, passed in from Python. The recipe contains only their digest."""

    digest: str = ""
    """A hash of the content, with which a resumed run identifies its data."""

    @classmethod
    def of(cls, dataset: Dataset) -> MemoryData:
        """The source for an open data set."""
        content = hashlib.sha256(repr((dataset.classes, sorted(dataset.shapes().items()))).encode())
        for k in range(len(dataset)):
            content.update(np.ascontiguousarray(dataset.read(k)).data)
        dataset.digest = content.hexdigest()[:16]
        source = cls(digest=dataset.digest)
        object.__setattr__(source, "_dataset", dataset)
        return source

    @property
    def discloses(self) -> str:
        return "a digest of its samples" if self.digest else ""

    def undisclosed(self) -> MemoryData:
        source = MemoryData()
        object.__setattr__(source, "_dataset", self.open())
        return source

    def open(self) -> Dataset:
        dataset = getattr(self, "_dataset", None)
        if dataset is None:
            raise UserError(
                "data: this run was trained on samples in memory, which are not stored in its recipe. Pass them in "
                "again: data=...",
                code="data.not_stored",
            )
        return dataset


@dataclass(frozen=True)
class Given:
    """Samples passed in from Python, unwrapped.

    Attributes:
        samples: an array [N, ...], a list of arrays or images, a DataFrame, or an object that a specific signal
            supports.
        labels: one per sample, or None.
        classes: the names of labels 0, 1, ...; empty if unknown.
    """

    samples: Any
    labels: np.ndarray | None = None
    classes: tuple[str, ...] = ()
