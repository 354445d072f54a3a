"""A recipe: everything that decides what a run computes, as one frozen value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from ganforge.core.component import Component, PositiveCount
from ganforge.data.base import DataSource
from ganforge.metrics.base import Metric
from ganforge.recipes.callback import Callback
from ganforge.recipes.ema import Ema
from ganforge.recipes.health import Health
from ganforge.recipes.init import Init
from ganforge.recipes.optimizer import Optimizer
from ganforge.recipes.privacy import Privacy
from ganforge.recipes.statistics import Statistics
from ganforge.signals import Signal
from ganforge.tasks.base import Task


class Recipe(Component):
    """All the choices of a run. The fields from `data` to `checkpoint_every` are the ones that most users set."""

    aliases: ClassVar[Mapping[str, str]] = {"target": "signal.target", "degrade": "signal.degrade"}

    name: str = "recipe"
    """What the run is called; a registered recipe has the name that it is registered by."""
    data: DataSource = Field(default="digits", validate_default=True)
    """Where real samples come from: a named set (digits, mnist, fashion-mnist, cifar10) or a path."""
    samples: PositiveCount = 200_000
    """How many real samples to train on, all passes over the data together: 200k, 3M."""
    batch: int = Field(default=64, ge=1)
    """Real samples per step."""
    seed: int = Field(default=0, ge=0)
    """Seed of every random draw of the run."""
    checkpoint_every: PositiveCount = 50_000
    """Samples between two checkpoints."""
    keep: int = Field(default=2, ge=1)
    """How many of the newest checkpoints to keep."""
    log_every: PositiveCount = 2_000
    """Samples between two lines of the log."""
    accumulate: int = Field(default=1, ge=1)
    """Split each batch into this many parts, processed one after the other, to fit in memory."""
    precision: Literal["auto", "fp32", "bf16", "fp64"] = "auto"
    """Arithmetic of the nets: fp32; bf16 autocast (faster on new CPUs as well); auto: bf16 on GPUs that have it, else
    fp32; or fp64: all of a run in float64, which gives the same digits on every processor for longer and is a quarter
    to an eighth as fast on CPUs."""
    signal: Signal
    """What a sample is."""
    task: Task
    """What a batch means, the nets and their losses."""
    optimizers: dict[str, Optimizer]
    """One for each player of the task."""
    init: Init | None = None
    """A trained model whose weights this run starts from: a run directory or a bundle. See also init.freeze."""
    ema: Ema = Ema()
    """The running average of the generators' weights, which samples are made from."""
    statistics: Statistics = Field(default="running", validate_default=True)
    """Statistics of G's batch norms when samples are made: running, from training, or standing, from new samples."""
    metrics: tuple[Metric, ...] = ()
    """Metrics to measure during training, as in [fd5k]; the first decides which model is kept as `best.safetensors`."""
    every: PositiveCount = 50_000
    """Samples between two measurements of `metrics`."""
    patience: PositiveCount | None = None
    """Stop early: after this many measurements in a row in which the first of `metrics` did not improve."""
    health: Health = Field(default="watch", validate_default=True)
    """What to do about a run that goes wrong: off, watch (report it), or rollback (go back and try other draws)."""
    privacy: Privacy = Field(default="off", validate_default=True)
    """The guarantee for single training samples: off (none), or dp_sgd (differential privacy)."""
    callbacks: tuple[Callback, ...] = Field(default=("previews", "curves", "timelapse"), validate_default=True)
    """What watches the run."""
