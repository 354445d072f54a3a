"""Base class of tasks: which nets are trained, in which phases, with which losses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, get_args, get_type_hints

import numpy as np
from torch import Tensor, nn

from ganforge.core.commands import command
from ganforge.core.component import Component
from ganforge.core.conditions import Conditions
from ganforge.core.dataset import Dataset, Order
from ganforge.core.errors import UserError
from ganforge.core.rng import Rng
from ganforge.core.types import Batch, Memory, Nets, Request, Spec, Terms
from ganforge.signals import Steps, Usage
from ganforge.tasks.user_translators import UserTranslator

Mode = Literal["generate", "translate", "reconstruct"]


@dataclass(frozen=True)
class Phase:
    """One update within a step of training.

    Attributes:
        name: name of the phase, for the log.
        loss: (nets, batch, rng) → per-sample losses; no mean, no backward pass, no optimizer step.
        trains: the nets whose weights it updates; all others are frozen meanwhile.
        every: run it only every n-th iteration.
        repeats: run it this many times per iteration, each on a fresh batch (n_critic).
        gain: factor of its loss (a lazy penalty has every=16, gain=16).
        order: order of the highest derivative in its backward pass (2 for gradient penalties).
        after: run it only after this many samples have been seen.
        until: stop running it after this many samples; None: never.
    """

    name: str
    loss: Callable[[Nets, Batch, Rng], Terms]
    trains: tuple[str, ...]
    every: int = 1
    repeats: int = 1
    gain: float = 1.0
    order: int = 1
    after: int = 0
    until: int | None = None

    def due(self, samples: int, iteration: int) -> bool:
        """Whether it runs in an iteration that begins at `samples` seen."""
        begun = samples >= self.after and (self.until is None or samples < self.until)
        return begun and iteration % self.every == 0


class Samples(Protocol):
    """All samples of a data set, each once, encoded, in the order of the data set, in batches of any size."""

    @property
    def labels(self) -> np.ndarray | None:
        """Labels of all samples, int64 [len], or None; available without reading samples."""
        ...

    @property
    def vectors(self) -> np.ndarray | None:
        """Conditions of all samples, float32 [len, K]; available without reading samples."""
        ...

    @property
    def conditions(self) -> Conditions:
        """What the vectors stand for; empty if there are none."""
        ...

    def __iter__(self) -> Iterator[Batch]: ...


class Task(Component, family="task"):
    """A training problem. It deals with samples, nets and losses only, not with devices, processes, optimizers or
    files."""

    guarded: ClassVar[tuple[str, ...]] = ()
    """For tasks with differential privacy: the only net that sees real samples, in a single phase. In that phase the
    net is called once; the losses, with the entries of `Terms` concatenated, correspond to the rows of its input.
    `Batch.extra["asked"]` holds one label for each fake to generate (zeros without classes). Stats reported by the
    phase must not depend on real samples."""

    shaping: ClassVar[tuple[str, ...]] = ("conditional", "pack")
    """Fields, other than those of nets, that affect how the nets are built; a task need not have all of them."""
    optional: ClassVar[tuple[str, ...]] = ()
    """Nets that a trained model may have or not, as the fields of the task say. A recipe may name an optimizer for one
    that is absent."""
    hub_task: ClassVar[str] = ""
    """Task name on the Hugging Face Hub, if determined by the task instead of the signal."""
    changes: ClassVar[str] = ""
    """For translators: what trained models change, in the plural (`images`)."""
    shows: ClassVar[tuple[str, ...]] = ()
    """Names of the images that `visualize` returns for a sample, for the column headings of previews; may be empty."""

    def adapt(self, spec: Spec) -> Spec:
        """The spec as this task uses it (an unconditional one drops the labels).

        Raises:
            UserError: the data lacks what the task needs.
        """
        return spec

    def finalize(self, spec: Spec) -> Task:
        """The task with the fields filled in that depend on the data (those set to "auto").

        Args:
            spec: of the data, adapted.
        """
        return self

    def check(self, batch: int) -> None:
        """Checks the number of samples that a phase gets at a time, before anything is built.

        Raises:
            UserError: the task cannot work with this number.
        """

    def min_samples(self, batch: int) -> int:
        """Minimum number of usable samples in the data for batches of `batch`."""
        return batch

    def order(self, spec: Spec, data: Samples) -> Order | None:
        """Which samples each batch contains; None for passes over all samples, newly shuffled each time.

        Args:
            spec: spec of the samples.
            data: all samples, each once, encoded, in the order of the data set; and their labels.
        """
        return None

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The closest sample shape that the nets support."""
        return shape

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        """Newly initialized nets, by name."""
        raise NotImplementedError

    def memory(self, spec: Spec) -> Memory:
        """Initial persistent state; empty for most tasks."""
        return Memory()

    def phases(self) -> Sequence[Phase]:
        """The updates of one iteration, in order."""
        raise NotImplementedError

    def generators(self) -> tuple[str, ...]:
        """Names of the nets of the trained model: averaged (EMA) during training, stored in the bundle, used for
        sampling."""
        return ("G",)

    def critic_players(self, players: Iterable[str]) -> list[str]:
        """Names of the nets that discriminate real samples from fakes; by default those that start with D: D, D1,
        D_a."""
        return [name for name in players if name.startswith("D")]

    def net_fields(self) -> list[str]:
        """The fields that determine the architectures: components that build a net, and `shaping`."""
        types = get_type_hints(type(self))
        return [
            name
            for name in (field.name for field in fields(self))
            if name in self.shaping or any(hasattr(part, "build") for part in _parts(types[name]))
        ]

    def latents(self, request: Request) -> Tensor:
        """The latents [n, width] for a request. Only where `has_latents`."""
        raise NotImplementedError

    def sample(self, nets: Nets, request: Request) -> Tensor:
        """Generates encoded samples [n, *spec.shape] with trained nets in evaluation mode."""
        raise NotImplementedError

    def styles(self, nets: Nets, request: Request) -> Tensor | None:
        """What each layer of the generator is given for a request, [n, layers, K], truncated as it asks; or None if the
        layers have no inputs of their own. `sample` takes them as `Request.styles`."""
        return None

    def directions(self) -> tuple[str, ...]:
        """Names of the directions of translation: ("",) if there is only one, () if the task does not translate."""
        return ()

    def sources_and_targets(self, dataset: Dataset, spec: Spec) -> tuple[Dataset, Dataset]:
        """Sources and targets for an evaluation. For pairs, both are the same data set."""
        return dataset, dataset

    def translate(self, nets: Nets, source: Tensor, direction: str = "") -> Tensor:
        """Translates a source with trained nets in evaluation mode.

        Args:
            source: float [N, Cs, h, w], encoded as in training.
            direction: one of `directions()`; "" for the first.

        Returns:
            Encoded samples [N, C, h·s, w·s].
        """
        raise NotImplementedError

    def class_logits(self, nets: Nets, x: Tensor) -> Tensor:
        """Logits [N, classes] of encoded samples x [N, *spec.shape] for the classes `spec.predicts`, from trained nets
        in evaluation mode. Only where the spec that `adapt` returns has such classes."""
        raise NotImplementedError

    def user_translator(
        self, bundle: Any, name: str, direction: str | None = None, tile: int | None = None
    ) -> UserTranslator:
        """A trained model of this task with the interface for users: samples of any size, decoded or as files.

        Args:
            bundle: the trained model (`artifacts.bundle.Bundle`).
            name: the user's name of the model, for messages.
            direction: one of `directions()`; by default the first.
            tile: size of the tiles into which large samples are split, in the unit of the task; by default what fits in
                memory.

        Raises:
            UserError: the model does not translate, or there is no such direction.
        """
        if self.directions():
            raise UserError(
                f"{name}: the task {self.kind!r} translates training batches only; it does not implement "
                "`Task.user_translator`, which translates samples of any size",
                code="translate.not_implemented",
            )
        raise UserError(
            f"{name}: this model ({bundle.recipe.name}) generates new samples and was not trained to translate any. "
            f"Use it with: {command('sample', name)}",
            code="model.not_a_translator",
        )

    def usage(self, file: str, spec: Spec) -> Usage | None:
        """How to use a model file of this task, for its model card; None: the default of the signal."""
        return None

    def next_steps(self, folder: Path, spec: Spec) -> Steps:
        """Suggested commands for a trained run of this task; empty: the default of the signal."""
        return []

    def visualize(self, nets: Nets, batch: Batch) -> list[Tensor] | None:
        """Outputs for some real samples to show side by side: source, output, target.

        Args:
            nets: all nets in evaluation mode, with averaged generators.

        Returns:
            The columns of the grid, each [N, *spec.shape]; None if there is nothing to show.
        """
        return None

    hides_conditions: ClassVar[bool] = True
    """Whether conditions of training samples may be hidden (`drop_conditions`): they are those of the data alone."""

    takes_times: ClassVar[bool] = False
    """Whether `sample` makes samples at `Request.extra["times"]`, so that they may be of any length and rate."""

    @property
    def takes_temperature(self) -> bool:
        """Whether `sample` draws from distributions that `Request.temperature` makes sharper or flatter."""
        return False

    @property
    def can_sample(self) -> bool:
        """Whether the task generates samples from latents only."""
        return type(self).sample is not Task.sample

    @property
    def has_latents(self) -> bool:
        """Whether a sample belongs to a point of a latent space, which `latents` draws."""
        return type(self).latents is not Task.latents

    @property
    def mode(self) -> Mode:
        """What trained nets are used for: to generate, translate or reconstruct samples."""
        if self.directions():
            return "translate"
        return "generate" if self.can_sample else "reconstruct"

    @property
    def visualizes(self) -> bool:
        """Whether the task implements `visualize`."""
        return type(self).visualize is not Task.visualize


def _parts(annotation: Any) -> Iterator[Any]:
    """The types within an annotation: Generator for `Generator | None` and for `tuple[Generator, ...]`."""
    yield annotation
    for part in get_args(annotation):
        yield from _parts(part)
