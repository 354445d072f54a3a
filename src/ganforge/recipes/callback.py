"""What may watch a run. A callback is a component; `build(run)` makes the live listener that the trainer calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from torch import Tensor

from ganforge.core.component import Component
from ganforge.core.dataset import Dataset
from ganforge.core.types import Request, Spec


class RunView(Protocol):
    """What a listener may know of the run."""

    @property
    def folder(self) -> Path:
        """The run directory."""
        ...

    @property
    def recipe(self) -> Any:
        """The run's `Recipe`."""
        ...

    @property
    def spec(self) -> Spec:
        """What a sample is."""
        ...

    @property
    def dataset(self) -> Dataset:
        """The real samples that it is trained on, as its signal counts them."""
        ...

    def stored(self, rows: np.ndarray) -> list[np.ndarray | None] | None:
        """Prepared items of the data set by their places, None for one that cannot be read; None where they are not
        kept in memory, for reading them would change what the run knows of its data."""
        ...

    @property
    def samples(self) -> int:
        """Samples seen so far."""
        ...

    @property
    def device(self) -> str:
        """Where it computes: cpu, cuda:0."""
        ...

    def recent(self) -> Mapping[str, float]:
        """Means of losses and statistics since the last tick; waits for the device."""
        ...

    def generate(self, request: Request) -> np.ndarray:
        """Decoded samples from the averaged generators, in evaluation mode."""
        ...

    def translate(self, source: Tensor) -> Tensor:
        """What the averaged translator makes of encoded sources, in its first direction."""
        ...

    def visualize(self, count: int) -> tuple[Any, int] | None:
        """About `count` images of real samples and what is made of them, and how many each sample has; or None."""
        ...

    def log(self, event: str, **fields: Any) -> None:
        """Writes an event."""
        ...

    def tell(self, event: Mapping[str, Any]) -> None:
        """Tells the listeners of something that is not worth a line of the log: how far an evaluation is."""
        ...

    def stop_early(self, why: str) -> None:
        """Ends the training after this step, as if all samples had been seen; `why` is the reason in the log."""
        ...

    def write_bundle(self, name: str) -> None:
        """Writes the averaged generators as a file `name` of the run directory, as `model.safetensors` is."""
        ...


class Listener:
    """Called by the trainer; overrides what it cares for. Nothing that it does may change the training."""

    def on_start(self) -> None:
        """Before the first step, also of a resumed run."""

    def on_step(self, before: int, after: int) -> None:
        """After every iteration, which took the samples seen from `before` to `after`. Must be cheap."""

    def on_tick(self, event: Mapping[str, Any]) -> None:
        """After the averages of the last `log_every` samples were logged."""

    def on_event(self, event: Mapping[str, Any]) -> None:
        """After any event other than a tick: `evaluate`, `health`, `notice`, ..."""

    def on_checkpoint(self, folder: Path) -> None:
        """After a checkpoint was written whole."""

    def on_end(self) -> None:
        """When training ends, well or badly, after the last checkpoint."""


class Calling(Listener):
    """Calls a function with the run and each of its events: `tick`, `checkpoint`, `evaluate`, `health`, ..."""

    def __init__(self, run: RunView, function: Callable[[RunView, Mapping[str, Any]], Any]):
        self.run, self.function = run, function

    def on_tick(self, event: Mapping[str, Any]) -> None:
        self.function(self.run, event)

    def on_event(self, event: Mapping[str, Any]) -> None:
        self.function(self.run, event)


class Callback(Component, family="callback"):
    """Something that watches a run."""

    def build(self, run: RunView) -> Listener:
        """The live listener for one run."""
        raise NotImplementedError


def due(before: int, after: int, every: int) -> bool:
    """Whether a multiple of `every` lies in (before, after]."""
    return after // every > before // every
