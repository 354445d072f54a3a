from __future__ import annotations

import types
from pathlib import Path

import numpy as np
import pytest
import torch

from ganforge.core.events import EventLog
from ganforge.core.types import Request, Spec
from ganforge.modalities.image.signal import Image


class FakeRun:
    """A run that never trains: what a listener may know of one, with images made of the request itself."""

    def __init__(self, folder: Path, classes: int = 0):
        self.folder = folder
        self.spec = Spec((1, 8, 8), classes, tuple(map(str, range(classes))), {"mode": "L", "depth": 8})
        self.samples = 0
        task = types.SimpleNamespace(can_sample=True, visualizes=True, shows=())
        self.recipe = types.SimpleNamespace(name="fake", signal=Image(), samples=1000, batch=8, task=task)
        self.shown: tuple[np.ndarray, int] | None = None
        self.events = EventLog(folder / "events.jsonl")
        self.requests: list[Request] = []
        self.notices: list[str] = []

    def generate(self, request: Request) -> np.ndarray:
        self.requests.append(request)
        shade = torch.arange(request.n) if request.labels is None else request.labels * 25
        return np.broadcast_to(shade.numpy().astype(np.uint8)[:, None, None, None], (request.n, 8, 8, 1)).copy()

    def visualize(self, count: int) -> tuple[np.ndarray, int] | None:
        return self.shown

    def log(self, event: str, **fields) -> None:
        self.events.write({"event": event, "samples": self.samples, "t": 0.0, **fields})
        if event == "notice":
            self.notices.append(fields["message"])

    def tick(self, listeners, samples: int, **fields) -> None:
        """A tick as the trainer logs it."""
        self.samples = samples
        event = {"event": "tick", "samples": samples, "t": 0.0, "seconds": samples / 100, "sps": 100.0, **fields}
        self.events.write(event)
        for listener in listeners:
            listener.on_tick(event)


@pytest.fixture
def run(tmp_path):
    return FakeRun(tmp_path)


@pytest.fixture
def labeled(tmp_path):
    return FakeRun(tmp_path, classes=3)
