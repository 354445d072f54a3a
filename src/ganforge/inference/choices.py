"""What one condition is asked to be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ganforge.core.condition_kinds import Condition, Value
from ganforge.core.rng import seed_of

BLOCK = 64


@dataclass(frozen=True)
class Choice:
    """What one condition is to be.

    Attributes:
        values: taken in turn by the samples.
        between: instead, a range to draw from evenly.
    """

    condition: Condition
    values: tuple[Value, ...] = ()
    between: tuple[float, float] | None = None

    def at(self, seed: int, start: int, n: int) -> list[Value]:
        """The values of samples start..start+n of a seed."""
        if self.between is None:
            return [self.values[k % len(self.values)] for k in range(start, start + n)]
        low, high = self.between
        first, last = start // BLOCK, (start + n - 1) // BLOCK
        shares = np.concatenate(
            [
                np.random.Generator(np.random.PCG64(seed_of(seed, "between", self.condition.name, k))).random(BLOCK)
                for k in range(first, last + 1)
            ]
        )
        return (low + (high - low) * shares[start - first * BLOCK :][:n]).tolist()
