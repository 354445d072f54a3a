"""The run's log for TensorBoard (extra `tensorboard`)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ganforge.core.errors import MissingExtra
from ganforge.engine.callbacks.guard import Guard
from ganforge.recipes.callback import Callback, Listener, RunView


class TensorBoard(Callback, kind="tensorboard"):
    """Writes the log's numbers, and the newest preview at each checkpoint, to `tensorboard/` in the run directory."""

    def build(self, run: RunView) -> Listener:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise MissingExtra("tensorboard", "tensorboard", "the callback 'tensorboard'") from None
        return TensorBoardWriter(run, SummaryWriter)


class TensorBoardWriter(Listener):
    """Opens its file when training starts; points after a rewind replace those that were taken back."""

    def __init__(self, run: RunView, open_writer: Any):
        self.run, self.open_writer = run, open_writer
        self.guard = Guard(run, "the TensorBoard log")
        self.writer: Any = None

    def on_start(self) -> None:
        with self.guard():
            self.writer = self.open_writer(str(self.run.folder / "tensorboard"), purge_step=self.run.samples)

    def on_tick(self, event: Mapping[str, Any]) -> None:
        if self.writer is None:
            return
        with self.guard():
            for name, value in numbers(event).items():
                self.writer.add_scalar(name, value, self.run.samples)

    def on_event(self, event: Mapping[str, Any]) -> None:
        if event["event"] == "evaluate":
            self.on_tick({name: value for name, value in event.items() if name.startswith("metric/")})

    def on_checkpoint(self, folder: Path) -> None:
        latest = self.run.folder / "previews" / "latest.png"
        if self.writer is None or not latest.exists():
            return
        with self.guard():
            from PIL import Image

            with Image.open(latest) as picture:
                pixels = np.asarray(picture.convert("RGB"))
            self.writer.add_image("previews", pixels, self.run.samples, dataformats="HWC")
            self.writer.flush()

    def on_end(self) -> None:
        if self.writer is not None:
            with self.guard():
                self.writer.close()


def numbers(event: Mapping[str, Any]) -> dict[str, float]:
    """The measurements of an event: its numbers, without the clock that they are plotted against."""
    return {k: v for k, v in event.items() if isinstance(v, (int, float)) and k not in ("samples", "t")}
