"""What a batch means: who plays, in what order, and what each is after."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, get_args, get_type_hints

import numpy as np
from torch import Tensor, nn

from ganforge.core.commands import command
from ganforge.core.component import Component
from ganforge.core.dataset import Dataset, Order
from ganforge.core.errors import UserError
from ganforge.core.rng import Rng
from ganforge.core.types import Batch, Memory, Nets, Request, Spec, Terms
from ganforge.signals import Steps, Usage

Mode = Literal["generate", "translate", "reconstruct"]


@dataclass(frozen=True)
class Phase:
    """One update within a step of training.

    Attributes:
        name: of the phase, for the log.
        loss: (nets, batch, rng) → per-sample losses. Single-device maths: no mean, no backward, no step.
        trains: the players whose weights it updates; all others are frozen while it runs.
        every: run it every so many iterations.
        repeats: run it this many times per iteration, each on a fresh batch (n_critic).
        gain: what its loss is multiplied with (a lazy penalty has every=16, gain=16).
        order: the highest derivative that its backward pass takes (2 for gradient penalties).
        after: it begins when this many samples have been seen.
    """

    name: str
    loss: Callable[[Nets, Batch, Rng], Terms]
    trains: tuple[str, ...]
    every: int = 1
    repeats: int = 1
    gain: float = 1.0
    order: int = 1
    after: int = 0


class Samples(Protocol):
    """All samples of a data set once, encoded, in its order, in batches of any size."""

    @property
    def labels(self) -> np.ndarray | None:
        """Of all of them, int64 [len]; at hand without reading one."""
        ...

    def __iter__(self) -> Iterator[Batch]: ...


class UserTranslator(Protocol):
    """A trained translator, as `Task.user_translator` gives it."""

    def translated(self, source: Any, mask: Any = None) -> Any:
        """What is made of one sample, given as decoded data or as a file that holds it.

        Args:
            mask: what of the sample is to be filled in, in the same form; for models that do that.

        Raises:
            UserError: another kind of sample than the model was trained on, or a mask that it needs and lacks.
        """
        ...


class Task(Component, family="task"):
    """A training problem. It knows samples, nets and losses; never devices, processes, optimizers or files."""

    guarded: ClassVar[tuple[str, ...]] = ()
    """The player that alone meets real samples, in one phase, where a task is made for differential privacy. In that
    phase the player is asked once; the losses, one entry of `Terms` after the other, belong to the rows it is asked
    about, and `Batch.extra["asked"]` holds a label for each fake (zeros without classes), as many as there shall be.
    Stats that the phase reports must not depend on real samples."""

    shaping: ClassVar[tuple[str, ...]] = ("conditional", "pack")
    """Fields other than those of nets that decide how the players are built, those of them that a task has."""
    hub_task: ClassVar[str] = ""
    """What the Hugging Face Hub calls what its models do, where the task decides that and not the signal."""
    changes: ClassVar[str] = ""
    """What trained models of it change, in the plural (`images`), where they make samples of samples."""

    def adapt(self, spec: Spec) -> Spec:
        """The spec as this task uses it (an unconditional one drops the labels).

        Raises:
            UserError: the data lacks what the task needs.
        """
        return spec

    def check(self, batch: int) -> None:
        """Looks at the number of samples that a phase gets at a time, before anything is made.

        Raises:
            UserError: the task cannot work with this number.
        """

    def min_samples(self, batch: int) -> int:
        """How many usable samples the data must have for batches of `batch`."""
        return batch

    def order(self, spec: Spec, data: Samples) -> Order | None:
        """Which samples each batch holds; None for pass after pass over all of them, each in an order of its own.

        Args:
            spec: of the samples.
            data: all samples once, encoded, in the order of the data set, in batches of any size; and their labels.
        """
        return None

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The sample shape nearest to the one wanted that the players can handle."""
        return shape

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        """Fresh nets by name."""
        raise NotImplementedError

    def memory(self, spec: Spec) -> Memory:
        """State that outlives a step; empty for most."""
        return Memory()

    def phases(self) -> Sequence[Phase]:
        """The updates of one iteration, in order."""
        raise NotImplementedError

    def generators(self) -> tuple[str, ...]:
        """The players that a user keeps: averaged (EMA) while training, stored in the bundle, used by `sample`."""
        return ("G",)

    def critic_players(self, players: Iterable[str]) -> list[str]:
        """Those of the players that tell real samples from fakes; by default D, D1, D_a and what else starts with D."""
        return [name for name in players if name.startswith("D")]

    def net_fields(self) -> list[str]:
        """The fields that decide what the players are: those of components that build a net, and `shaping`."""
        types = get_type_hints(type(self))
        return [
            name
            for name in (field.name for field in fields(self))
            if name in self.shaping or any(hasattr(part, "build") for part in _parts(types[name]))
        ]

    def latents(self, request: Request) -> Tensor:
        """The latents [n, width] that a request stands for."""
        raise NotImplementedError

    def sample(self, nets: Nets, request: Request) -> Tensor:
        """New encoded samples [n, *spec.shape] from trained nets in evaluation mode."""
        raise NotImplementedError

    def directions(self) -> tuple[str, ...]:
        """The ways in which it makes one sample of another: ("",) where there is one way, () where it does not."""
        return ()

    def sources_and_targets(self, dataset: Dataset, spec: Spec) -> tuple[Dataset, Dataset]:
        """What an evaluation needs: the sources, and the targets that they should become. Pairs are one set."""
        return dataset, dataset

    def translate(self, nets: Nets, source: Tensor, direction: str = "") -> Tensor:
        """What trained nets in evaluation mode make of a source.

        Args:
            source: float [N, Cs, h, w], encoded as in training.
            direction: one of `directions()`; "" for the first.

        Returns:
            Encoded samples [N, C, h·s, w·s].
        """
        raise NotImplementedError

    def user_translator(
        self, bundle: Any, name: str, direction: str | None = None, tile: int | None = None
    ) -> UserTranslator:
        """A trained model of this task as users call it: on samples of any size, as they hold them.

        Args:
            bundle: the trained model (`artifacts.bundle.Bundle`).
            name: what the user calls it, for messages.
            direction: one of `directions()`; by default the first.
            tile: how much of a large sample the nets see at a time, as the task counts it; by default what fits.

        Raises:
            UserError: it makes new samples and translates none, or knows no such direction.
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
        """How a model file of this task is used, for its card; None: as the signal says."""
        return None

    def next_steps(self, folder: Path, spec: Spec) -> Steps:
        """What to do with a trained run of this task; empty: as the signal says."""
        return []

    def visualize(self, nets: Nets, batch: Batch) -> list[Tensor] | None:
        """What there is to show of some real samples, one beside the other: the source, what is made of it, the target.

        Args:
            nets: all players in evaluation mode, the generators averaged.

        Returns:
            The columns of the grid, each [N, *spec.shape]; None for nothing.
        """
        return None

    takes_times: ClassVar[bool] = False
    """Whether `sample` makes samples at `Request.extra["times"]`, so that they may be of any length and rate."""

    @property
    def can_sample(self) -> bool:
        """Whether it makes samples of latents alone."""
        return type(self).sample is not Task.sample

    @property
    def mode(self) -> Mode:
        """What trained nets are used for: to make samples, samples of others, or given ones again."""
        if self.directions():
            return "translate"
        return "generate" if self.can_sample else "reconstruct"

    @property
    def visualizes(self) -> bool:
        """Whether it has something to show of real samples."""
        return type(self).visualize is not Task.visualize


def _parts(annotation: Any) -> Iterator[Any]:
    """The types that an annotation is made of: Generator of `Generator | None` and of `tuple[Generator, ...]`."""
    yield annotation
    for part in get_args(annotation):
        yield from _parts(part)
