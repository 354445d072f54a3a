"""What D is shown in place of the samples themselves, so that it cannot memorize a small data set.

D sees only augmented samples, real and made ones alike, in every phase; G learns through the augmentation. As long as
one can tell from the distribution of augmented samples which distribution they came from, G ends at the right one
and the augmentation does not leak into what it makes.

N: samples in the batch, [C, H, W]: shape of one.
"""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from ganforge.core.component import Component
from ganforge.core.rng import Rng
from ganforge.core.types import Spec


class State(Protocol):
    """Named tensors that outlive a step: the part of the task's memory that belongs to one augmentation."""

    def __getitem__(self, name: str, /) -> Tensor: ...

    def __setitem__(self, name: str, value: Tensor, /) -> None: ...


class Augment(Component, family="augment"):
    """Random augmentation of samples before D sees them."""

    def check(self, spec: Spec) -> None:
        """Looks before training whether this has a meaning for the samples.

        Raises:
            UserError: it has none; says what would.
        """

    def memory(self) -> dict[str, Tensor]:
        """The state that it starts with, by name; empty for most. Names as `apply` and `observe` use them."""
        return {}

    def apply(self, x: Tensor, rng: Rng, memory: State) -> Tensor:
        """Augmented samples, differentiable twice.

        Args:
            x: samples [N, C, H, W] in [-1, 1], alpha included.
            rng: every draw comes from it. The same one gives the same draws: for reals and for fakes take two streams.
            memory: what `memory()` declared; only read.

        Returns:
            [N, C, H, W], float32 (float64 for float64); may leave [-1, 1].
        """
        raise NotImplementedError

    def observe(self, real_logits: Tensor, memory: State, samples: int) -> None:
        """Told once of every batch of reals that D was trained on; a controller changes `memory` here.

        Args:
            real_logits: D's logits [N] of the augmented reals, of a whole batch or of a part of one.
            memory: what `memory()` declared; read and written.
            samples: samples seen at the start of this batch; parts of one batch have the same.
        """

    def stats(self, memory: State) -> dict[str, Tensor]:
        """Detached scalars that users may want to watch, by name."""
        return {}
