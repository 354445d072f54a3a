"""Grids of samples from fixed latents, or of outputs for fixed real samples, at intervals during training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import Field

from ganforge.core.component import Count, PositiveCount
from ganforge.core.files import atomic_file
from ganforge.core.media import open_image, png
from ganforge.core.plot.captioned import captioned
from ganforge.core.types import Request
from ganforge.engine.callbacks.grids import labeled
from ganforge.engine.callbacks.guard import Guard
from ganforge.recipes.callback import Callback, Listener, RunView, due

MOST_ROWS = 16
REAL_ROWS = 4
"""Default number of rows with outputs for real samples."""
SENTENCE_ROWS = 4
"""Default number of rows of images with sentences below them."""


class Previews(Callback, kind="previews"):
    """Writes grids of samples to `previews/`: from fixed latents, one row per class; for tasks that transform samples,
    sources, outputs and real targets side by side."""

    every: PositiveCount = 10_000
    """Interval between grids, in real samples seen; also written at the start and at the end."""
    columns: int = Field(default=8, ge=1, le=64)
    """Number of images per row."""
    rows: int | None = Field(default=None, ge=1, le=64)
    """Number of rows. By default one per class (at most 16), 8 without labels, 4 for tasks that transform samples
    and for images with sentences."""
    seed: Count = 0
    """Random seed of the latents."""

    def build(self, run: RunView) -> Listener:
        return PreviewWriter(self, run)


def latest(folder: Path) -> dict[str, Path]:
    """The newest previews of a run directory, by file extension (which depends on the signal)."""
    return {path.suffix: path for path in sorted((folder / "previews").glob("latest.*"))}


class PreviewWriter(Listener):
    """Writes `previews/<samples seen, 9 digits>.png` (or .wav, .mp4, depending on the signal), and the newest also as
    `previews/latest.png`."""

    def __init__(self, config: Previews, run: RunView):
        self.config, self.run = config, run
        self.folder = run.folder / "previews"
        self.guard = Guard(run, "a preview")
        rows = config.rows or min(run.spec.classes or 8, MOST_ROWS)
        labels = None
        if run.spec.classes:
            labels = (torch.arange(rows) % run.spec.classes).repeat_interleave(config.columns)
        self.sentences: list[str] = []
        if texts := run.spec.conditions.texts:
            rows = config.rows or SENTENCE_ROWS
            drawn = run.spec.conditions.vectors(config.seed, 0, rows * config.columns)
            labels = torch.from_numpy(drawn)
            block = drawn[:, run.spec.conditions.slices[texts[0].name]]
            self.sentences = [texts[0].text(value) for value in texts[0].decode(block)]
        self.request = Request(n=rows * config.columns, seed=config.seed, labels=labels)

    def on_start(self) -> None:
        self._write_if_missing()

    def on_step(self, before: int, after: int) -> None:
        if due(before, after, self.config.every):
            self._write()

    def on_end(self) -> None:
        self._write_if_missing()

    def _write_if_missing(self) -> None:
        if not any(self.folder.glob(f"{self.run.samples:09d}.*")):
            self._write()

    def _write(self) -> None:
        task = self.run.recipe.task
        if not (task.can_sample or task.visualizes):  # a classifier alone has nothing to show
            return
        with self.guard():
            samples, columns, heads, rows = self._grid()
            name, taken = f"{self.run.samples:09d}", set[str]()
            for media in self.run.recipe.signal.render(samples, self.run.spec, columns):
                if self.sentences and media.mime == "image/png" and len(samples) == len(self.sentences):
                    frames = self.run.recipe.signal.frames_of(samples, self.run.spec)
                    media = png(captioned(frames, self.sentences, columns), media.caption)
                elif media.mime == "image/png" and (heads or rows):
                    media = png(labeled(np.asarray(open_image(media)), columns, heads, rows), media.caption)
                if media.ending in taken:  # only the first of each type, so that `latest` is one file
                    continue
                taken.add(media.ending)
                for stem in (name, "latest"):
                    with atomic_file(self.folder / f"{stem}{media.ending}") as file:  # readers never see half a file
                        file.write_bytes(media.data)

    def _grid(self) -> tuple[Any, int, tuple[str, ...], tuple[str, ...]]:
        """The images of the grid, their number per row, and the names of columns and rows, if any."""
        run, columns, rows = self.run, self.config.columns, self.config.rows or REAL_ROWS
        shown = run.visualize(rows * columns)
        if shown is None:
            return run.generate(self.request), columns, (), self._classes()
        images, each = shown
        columns = max(1, columns // each) * each  # complete samples per row
        images = images[: rows * columns]
        if run.recipe.task.can_sample:
            made = run.generate(self.request)
            images = run.recipe.signal.join([made[: len(made) // columns * columns], images], run.spec)
            return images, columns, (), ()
        heads = run.recipe.task.shows
        return images, columns, heads if len(heads) == each else (), ()

    def _classes(self) -> tuple[str, ...]:
        """The class of each row; empty without labels, and where one drawing holds all samples."""
        names = self.run.spec.labels
        if self.request.labels is None or self.sentences or len(names) < self.run.spec.classes:
            return ()
        gallery = self.run.recipe.signal.gallery
        if gallery is None or gallery.together:
            return ()
        return tuple(names[k] for k in self.request.labels[:: self.config.columns].tolist())
