"""The previews of a run as one animation."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from ganforge.core.files import atomic_file
from ganforge.engine.callbacks.guard import Guard
from ganforge.recipes.callback import Callback, Listener, RunView


class Timelapse(Callback, kind="timelapse"):
    """Writes an animation of the previews to `timelapse.gif` when training ends. List it after `previews`.

    There is none if previews are not images.
    """

    frames: int = Field(default=60, ge=2, le=1000)
    """Maximum number of frames, evenly spaced over training, including the first and the last preview."""
    fps: float = Field(default=8, gt=0, le=50)
    """Frames per second."""
    hold: float = Field(default=2, ge=0, le=60)
    """Seconds for which the last frame is shown."""
    width: int = Field(default=512, ge=16)
    """Maximum width in pixels; wider previews are scaled down."""

    def build(self, run: RunView) -> Listener:
        return TimelapseWriter(self, run)


class TimelapseWriter(Listener):
    """Reads `previews/*.png` up to the samples seen, so that previews from before a rollback are not shown."""

    def __init__(self, config: Timelapse, run: RunView):
        self.config, self.run = config, run
        self.guard = Guard(run, "timelapse.gif")

    def on_end(self) -> None:
        with self.guard():
            found = sorted(p for p in (self.run.folder / "previews").glob("*.png") if p.stem.isdigit())
            pages = evenly([p for p in found if int(p.stem) <= self.run.samples], self.config.frames)
            if len(pages) >= 2:
                self._write(pages)

    def _write(self, pages: list[Path]) -> None:
        from PIL import Image

        images = []
        for page in pages:
            with Image.open(page) as image:
                shrink = min(1.0, self.config.width / image.width)
                size = (max(1, round(image.width * shrink)), max(1, round(image.height * shrink)))
                images.append(image.convert("RGB").resize(size))
        steady = max(round(100 / self.config.fps), 2) * 10  # GIF counts hundredths of a second
        durations = [*[steady] * (len(images) - 1), max(steady, round(self.config.hold * 1000))]
        rest = images[1:]
        with atomic_file(self.run.folder / "timelapse.gif") as file:
            images[0].save(file, format="GIF", save_all=True, append_images=rest, duration=durations, loop=0)


def evenly(items: list[Path], most: int) -> list[Path]:
    """At most `most` items, evenly spaced, including the first and the last."""
    if len(items) <= most:
        return items
    return [items[round(k * (len(items) - 1) / (most - 1))] for k in range(most)]
