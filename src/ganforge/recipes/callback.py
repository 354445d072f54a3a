"""Callbacks. A callback is a component; `build(run)` returns the listener that the trainer calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np
from torch import Tensor

from ganforge.core.component import Component
from ganforge.core.dataset import Dataset
from ganforge.core.types import Request, Spec

T = TypeVar("T")


class Ranks(Protocol):
    """The processes that train a run together, as a listener sees them; all of them must make the same calls."""

    rank: int
    """Number of this process, in [0, size). Process 0 writes all files."""
    size: int

    @property
    def leads(self) -> bool:
        """Whether this is process 0."""
        ...

    def most(self, code: int) -> int:
        """The largest code that any process gives, for all."""
        ...

    def of_leader(self, pack: Callable[[], bytes]) -> bytes:
        """What `pack` returns in process 0, for all."""
        ...

    def to_leader(self, data: bytes) -> list[bytes]:
        """In process 0 the bytes of all processes, in the order of ranks; in the others []."""
        ...

    def in_turn(self, work: Callable[[], T]) -> T:
        """What `work` returns. On each machine one process does it first, since it may download files."""
        ...

    def together(self) -> AbstractContextManager[None]:
        """The context of work that all processes do: an error in one ends it in all."""
        ...


class RunView(Protocol):
    """What a listener can read from the run."""

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
        """Shape and description of a sample."""
        ...

    @property
    def dataset(self) -> Dataset:
        """The training samples, as items of the run's signal."""
        ...

    def stored(self, rows: np.ndarray) -> list[np.ndarray | None] | None:
        """Prepared items at these positions of the data set, None for an item that cannot be read. Returns None if the
        data is not kept in memory, since reading it here would change the run's record of unreadable items."""
        ...

    @property
    def world(self) -> Ranks:
        """The processes that train it; see `Callback.everywhere`."""
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
        """Means of losses and statistics since the last tick; synchronizes with the device."""
        ...

    def generate(self, request: Request) -> np.ndarray:
        """Decoded samples from the averaged generators, in evaluation mode."""
        ...

    def translate(self, source: Tensor) -> Tensor:
        """Encoded sources, translated by the averaged translator in its first direction."""
        ...

    def visualize(self, count: int) -> tuple[Any, int] | None:
        """About `count` images that show real samples and the outputs for them, and the number of images per sample; or
        None."""
        ...

    def log(self, event: str, **fields: Any) -> None:
        """Writes an event."""
        ...

    def tell(self, event: Mapping[str, Any]) -> None:
        """Passes an event to the listeners without logging it, such as the progress of an evaluation."""
        ...

    def stop_early(self, why: str) -> None:
        """Ends the training after this step, as if all samples had been seen; `why` is the reason in the log."""
        ...

    def write_bundle(self, name: str) -> None:
        """Writes the averaged generators to the file `name` in the run directory, in the format of
        `model.safetensors`."""
        ...


class Listener:
    """Called by the trainer; subclasses override the methods that they need. A listener must not affect training."""

    def on_start(self) -> None:
        """Before the first step, also of a resumed run."""

    def on_step(self, before: int, after: int) -> None:
        """After every iteration, which raised the samples seen from `before` to `after`. Must be cheap."""

    def on_tick(self, event: Mapping[str, Any]) -> None:
        """After the averages of the last `log_every` samples were logged."""

    def on_event(self, event: Mapping[str, Any]) -> None:
        """After any event other than a tick: `evaluate`, `health`, `notice`, ..."""

    def on_checkpoint(self, folder: Path) -> None:
        """After a checkpoint was completely written."""

    def on_end(self) -> None:
        """When training ends, successfully or not, after the last checkpoint."""


class Calling(Listener):
    """Calls a function with the run and each of its events: `tick`, `checkpoint`, `evaluate`, `health`, ..."""

    def __init__(self, run: RunView, function: Callable[[RunView, Mapping[str, Any]], Any]):
        self.run, self.function = run, function

    def on_tick(self, event: Mapping[str, Any]) -> None:
        self.function(self.run, event)

    def on_event(self, event: Mapping[str, Any]) -> None:
        self.function(self.run, event)


class Callback(Component, family="callback"):
    """Something that runs during training without affecting it."""

    everywhere: ClassVar[bool] = False
    """Whether each of several processes has its listener, which then share the work; else process 0 alone."""

    def build(self, run: RunView) -> Listener:
        """The listener for one run."""
        raise NotImplementedError


def due(before: int, after: int, every: int) -> bool:
    """Whether a multiple of `every` lies in (before, after]."""
    return after // every > before // every
