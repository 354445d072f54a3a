"""The fields that every recipe has, as keyword arguments of `gf.train`: type checkers and editors know them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypedDict

from ganforge.recipes.callback import Callback, RunView

Count = int | str
"""A number of samples: 60000, "60k", "3M"."""
Watcher = str | Mapping[str, Any] | Callback | Callable[[RunView, Mapping[str, Any]], None]
"""What watches a run: the name or the fields of a callback, a callback, or a function of the run and an event."""


class Fields(TypedDict, total=False):
    """The fields of `Recipe`, and its short names of deeper ones. A test keeps them the same."""

    name: str
    data: Any
    samples: Count
    max_passes: float | None
    batch: int | Literal["auto"]
    seed: int
    checkpoint_every: Count
    keep: int
    log_every: Count
    accumulate: int
    balance: str | None
    drop_conditions: Any
    recompute: bool
    precision: Literal["auto", "fp32", "bf16", "fp64"]
    signal: Any
    task: Any
    optimizers: Any
    init: Path | str | Mapping[str, Any] | None
    ema: Any
    statistics: Any
    metrics: Sequence[Any]
    every: Count
    patience: int | None
    health: Any
    privacy: Any
    callbacks: Sequence[Watcher]
    target: str
    degrade: Any
    labels: Path | str
    labels_per_class: int | None
    captions: Path | str
