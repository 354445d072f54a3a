"""A recipe: everything that determines what a run computes, as one frozen dataclass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from ganforge.core.component import Component, PositiveCount
from ganforge.core.schedule import Rate
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
    """The configuration of a run. Most users only set fields from `data` to `checkpoint_every`."""

    aliases: ClassVar[Mapping[str, str]] = {
        "target": "signal.target",
        "degrade": "signal.degrade",
        "labels": "data.labels",
        "labels_per_class": "data.labels_per_class",
        "captions": "data.captions",
    }

    name: str = "recipe"
    """Name of the recipe, which the run directory is named after."""
    data: DataSource = Field(default="digits", validate_default=True)
    """Training data: a named set (digits, mnist, fashion-mnist, cifar10) or a path."""
    samples: PositiveCount = 200_000
    """Length of training, in real samples seen, summed over all passes over the data: 200k, 3M."""
    max_passes: float | None = Field(default=None, gt=0)
    """Maximum number of passes over the data: for a small data set, training and its schedules are shortened to it."""
    batch: int = Field(default=64, ge=1)
    """Real samples per step."""
    seed: int = Field(default=0, ge=0)
    """Random seed of the run."""
    checkpoint_every: PositiveCount = 50_000
    """Interval between checkpoints, in real samples seen."""
    keep: int = Field(default=2, ge=1)
    """Number of checkpoints to keep, the newest ones."""
    log_every: PositiveCount = 2_000
    """Interval between log entries, in real samples seen."""
    accumulate: int = Field(default=1, ge=1)
    """Split each batch into this many parts and accumulate their gradients; uses less memory."""
    balance: str | None = None
    """Draw training samples such that each value of this condition comes equally often; `class` for classes. By default
    samples are drawn as often as they are in the data."""
    drop_conditions: Rate = 0.0
    """Share of training samples whose conditions are hidden, newly drawn for each batch, so that the model also knows
    samples without conditions; 0.1 is usual. Then `ganforge sample --guidance 2` follows conditions more strictly."""
    recompute: bool = False
    """Activation checkpointing: compute activations again in the backward pass instead of keeping them; uses less
    memory, and about a third more time. Not in phases with second derivatives."""
    precision: Literal["auto", "fp32", "bf16", "fp64"] = "auto"
    """Numeric precision: fp32; bf16 (autocast; also faster on recent CPUs); auto: bf16 on GPUs that support it, else
    fp32; fp64: everything in float64, 4 to 8 times slower on CPUs, but reproducible on different processors for
    longer."""
    signal: Signal
    """What kind of data one sample is (image, points, table, ...), and how it is preprocessed."""
    task: Task
    """What is trained: the nets, their losses and the training steps."""
    optimizers: dict[str, Optimizer]
    """One optimizer for each net of the task."""
    init: Init | None = None
    """Fine-tuning: start from the weights of a trained model (a run directory or a model.safetensors). See also
    init.freeze."""
    ema: Ema = Ema()
    """Exponential moving average (EMA) of the generators' weights. Samples are generated with the averaged weights."""
    statistics: Statistics = Field(default="running", validate_default=True)
    """Batch-norm statistics of G when sampling: running (collected during training) or standing (computed from new
    samples)."""
    metrics: tuple[Metric, ...] = ()
    """Metrics to measure during training, for example [fd5k]. The best model by the first one is kept as
    `best.safetensors`."""
    every: PositiveCount = 50_000
    """Interval between measurements of `metrics`, in real samples seen."""
    patience: PositiveCount | None = None
    """Early stopping: stop after this many consecutive measurements in which the first of `metrics` did not improve."""
    health: Health = Field(default="watch", validate_default=True)
    """Detection of failing training: off, watch (report it), or rollback (return to a healthy checkpoint and continue
    with other random draws)."""
    privacy: Privacy = Field(default="off", validate_default=True)
    """Privacy guarantee for single training samples: off (none), or dp_sgd (differential privacy)."""
    callbacks: tuple[Callback, ...] = Field(default=("previews", "curves", "timelapse"), validate_default=True)
    """Outputs written while training, such as previews, curves and logs for other tools."""
