"""What the players want, as pure functions of logits and samples.

N: samples in the batch. Logits are [N], before any sigmoid: high means "real".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from torch import Tensor

from ganforge.core.component import Component
from ganforge.core.schedule import Rate

Critic = Callable[[Tensor], Tensor]
"""A discriminator with its label and its augmentation closed over: samples [N, ...] → logits [N]."""


class Objective(Component, family="objective"):
    """The game: one loss for D and one for G, elementwise, unreduced and without state."""

    uses_real: ClassVar[bool] = False
    """Whether G's loss looks at D's logits of real samples (the relativistic ones do)."""

    def d(self, real: Tensor, fake: Tensor) -> Tensor:
        """D's loss [N] from its logits of real and of fake samples, each [N]."""
        raise NotImplementedError

    def g(self, fake: Tensor, real: Tensor | None) -> Tensor:
        """G's loss [N] from D's logits of fakes [N] and, where `uses_real`, of reals [N]."""
        raise NotImplementedError


class Penalty(Component, family="penalty"):
    """A price on D's behaviour, most often on its gradient."""

    order: ClassVar[int] = 2
    """The highest derivative that its own gradient needs."""
    weight: Rate = 1.0
    """What it is multiplied with."""
    every: int = 1
    """Apply it every so many steps, that many times as strong (a lazy penalty)."""

    def loss(self, critic: Critic, real: Tensor, fake: Tensor, mix: Tensor) -> Tensor:
        """The penalty [N], not yet weighted.

        Args:
            critic: samples → logits [N].
            real, fake: samples [N, ...], detached.
            mix: uniform in [0, 1), [N, 1, ...], one a sample, for penalties on points between real and fake.
        """
        raise NotImplementedError
