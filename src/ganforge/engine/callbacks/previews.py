"""Grids of what the generator makes of the same latents as training goes on."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from pydantic import Field

from ganforge.core.component import Count, PositiveCount
from ganforge.core.types import Request
from ganforge.engine.callbacks.base import Callback, Listener, RunView, due
from ganforge.engine.callbacks.guard import Guard

MOST_ROWS = 16


class Previews(Callback, kind="previews"):
    """Writes a grid of samples to `previews/` every so many samples: always the same latents, one row a class."""

    every: PositiveCount = 10_000
    """Samples between two grids; there is also one at the start and one at the end."""
    columns: int = Field(default=8, ge=1, le=64)
    """Pictures a row."""
    rows: int | None = Field(default=None, ge=1, le=64)
    """Rows of the grid. By default one a class (at most 16), or 8 where there are no labels."""
    seed: Count = 0
    """Which latents."""

    def build(self, run: RunView) -> Listener:
        return PreviewWriter(self, run)


class PreviewWriter(Listener):
    """Writes `previews/<samples seen, 9 digits>.png` and keeps `previews/latest.png` a copy of the newest."""

    def __init__(self, config: Previews, run: RunView):
        self.config, self.run = config, run
        self.folder = run.folder / "previews"
        self.guard = Guard(run, "a preview")
        rows = config.rows or min(run.spec.classes or 8, MOST_ROWS)
        labels = None
        if run.spec.classes:
            labels = (torch.arange(rows) % run.spec.classes).repeat_interleave(config.columns)
        self.request = Request(n=rows * config.columns, seed=config.seed, labels=labels)

    def on_start(self) -> None:
        self._write_if_missing()

    def on_step(self, before: int, after: int) -> None:
        if due(before, after, self.config.every):
            self._write()

    def on_end(self) -> None:
        self._write_if_missing()

    def _path(self) -> Path:
        return self.folder / f"{self.run.samples:09d}.png"

    def _write_if_missing(self) -> None:
        if not self._path().exists():
            self._write()

    def _write(self) -> None:
        with self.guard():
            self.folder.mkdir(parents=True, exist_ok=True)
            path, latest, temporary = self._path(), self.folder / "latest.png", self.folder / ".writing.png"
            samples = self.run.generate(self.request)
            # Through a temporary file: whoever watches the folder never reads half a picture.
            self.run.recipe.signal.preview(samples, temporary, self.config.columns, self.run.spec)
            temporary.replace(path)
            shutil.copyfile(path, temporary)
            temporary.replace(latest)
