"""The run's log for TensorBoard (extra `tensorboard`)."""

from __future__ import annotations

import wave
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganforge.core.errors import MissingExtra
from ganforge.engine.callbacks.guard import Guard
from ganforge.engine.callbacks.previews import latest
from ganforge.recipes.callback import Callback, Listener, RunView


class TensorBoard(Callback, kind="tensorboard"):
    """Writes logged values, and at each checkpoint the newest preview (image or sound), to `tensorboard/` in the run
    directory, for TensorBoard."""

    def build(self, run: RunView) -> Listener:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise MissingExtra("tensorboard", "tensorboard", "the callback 'tensorboard'") from None
        return TensorBoardWriter(run, SummaryWriter)


class TensorBoardWriter(Listener):
    """Opens its file when training starts; after a resume or rollback, new points replace the later ones of before."""

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
        found = latest(self.run.folder)
        if self.writer is None or not found:
            return
        with self.guard():
            if ".png" in found:
                self.writer.add_image("previews", pixels_of(found[".png"]), self.run.samples, dataformats="HWC")
            if ".wav" in found:
                sound, rate = sound_of(found[".wav"])
                self.writer.add_audio("previews", sound, self.run.samples, sample_rate=rate)
            self.writer.flush()

    def on_end(self) -> None:
        if self.writer is not None:
            with self.guard():
                self.writer.close()


def pixels_of(path: Path) -> np.ndarray:
    """uint8 [H, W, 3] of an image file."""
    from PIL import Image

    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def sound_of(path: Path) -> tuple[Tensor, int]:
    """An integer WAV file as TensorBoard expects it: float32 [1, T] in [-1, 1], channels averaged, and the sampling
    rate in Hz.
    """
    with wave.open(str(path), "rb") as file:
        width, channels = file.getsampwidth(), file.getnchannels()
        data, rate = file.readframes(file.getnframes()), file.getframerate()
    if width == 1:  # 8-bit samples are unsigned
        values = np.frombuffer(data, np.uint8).astype(np.float32) / 128 - 1
    else:
        padded = np.zeros((len(data) // width, 4), np.uint8)  # the high bytes of 32 bits
        padded[:, 4 - width :] = np.frombuffer(data, np.uint8).reshape(-1, width)
        values = padded.view("<i4")[:, 0].astype(np.float32) / 2**31
    return torch.from_numpy(values.reshape(-1, channels).mean(1))[None], rate


def numbers(event: Mapping[str, Any]) -> dict[str, float]:
    """The measurements of an event: its numeric fields, without samples and time, which are the axes."""
    return {k: v for k, v in event.items() if isinstance(v, (int, float)) and k not in ("samples", "t")}
