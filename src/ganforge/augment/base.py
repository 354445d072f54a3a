"""Augmentation of D's input, so that D cannot memorize a small data set.

D sees only augmented samples, real and generated, in every phase; G's gradients pass through the augmentation. As long
as the distribution of the samples can be inferred from that of the augmented samples, the augmentation does not leak
into the generated samples.

N: samples in the batch, [C, H, W]: shape of a sample.
"""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from ganforge.core.component import Component
from ganforge.core.rng import Rng
from ganforge.core.types import Spec


class State(Protocol):
    """Named persistent tensors: the part of the task's memory that belongs to one augmentation.

    Attributes:
        parts: as `Memory.parts`.
    """

    parts: int

    def __getitem__(self, name: str, /) -> Tensor: ...

    def __setitem__(self, name: str, value: Tensor, /) -> None: ...


class Augment(Component, family="augment"):
    """Random augmentation of samples before D sees them."""

    def check(self, spec: Spec) -> None:
        """Checks before training whether the augmentation is defined for the samples.

        Raises:
            UserError: it is not; with an alternative.
        """

    def memory(self) -> dict[str, Tensor]:
        """Initial persistent state, under the names that `apply` and `observe` use; empty for most augmentations."""
        return {}

    def apply(self, x: Tensor, rng: Rng, memory: State) -> Tensor:
        """Augmented samples, differentiable twice.

        Args:
            x: samples [N, C, H, W] in [-1, 1], alpha included.
            rng: source of all draws. The same stream gives the same draws, so use different streams for reals and
                fakes.
            memory: the state that `memory()` declared; read-only.

        Returns:
            [N, C, H, W], float32 (float64 for float64 input); values may exceed [-1, 1].
        """
        raise NotImplementedError

    def observe(self, real_logits: Tensor, memory: State, samples: int) -> None:
        """Called after D was trained on a batch of reals; adaptive augmentations update `memory` here.

        Args:
            real_logits: D's logits [N] of the augmented reals, of a whole batch or a part of it.
            memory: the state that `memory()` declared; may be modified.
            samples: samples seen at the start of this batch; parts of one batch have the same.
        """

    def stats(self, memory: State) -> dict[str, Tensor]:
        """Detached scalars to log, by name."""
        return {}
