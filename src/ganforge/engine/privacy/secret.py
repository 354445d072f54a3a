"""Draws that nobody outside the run can repeat: the noise of differential privacy, and which samples a step takes.

Noise that comes from the recipe's seed is no noise: whoever has the recipe subtracts it. So a run draws 32 bytes from
the system's generator when it begins and keeps them in its checkpoints alone. Every draw is a function of them and of
a counter, through SHAKE-128 (FIPS 202), so a resumed run makes the same ones. An ordinary generator would not do: the
outputs of a Mersenne twister obey linear equations, and noise that can be recognized hides nothing (Garfinkel & Leclerc
2020, "Randomness Concerns When Deploying Differential Privacy").

    uniform    u = (bits + ½) / 2⁵³                                            in (0, 1)
    normal     √(−2 ln u₁) · (cos 2πu₂, sin 2πu₂)                              Box & Muller 1958, in double precision
    chosen     each of n items with probability q: gaps of ⌊ln u / ln(1 − q)⌋ items between those that are taken
"""

from __future__ import annotations

import hashlib
import math
import secrets

import numpy as np
import torch
from torch import Tensor

BYTES = 32


class Secret:
    """What only the run knows.

    Attributes:
        key: `BYTES` random bytes. A resumed run takes up those of its checkpoint.
    """

    def __init__(self) -> None:
        self.key = secrets.token_bytes(BYTES)

    @property
    def seed(self) -> int:
        """For draws that need not be noise: latents, dropout, mirrored images."""
        return int.from_bytes(hashlib.shake_128(self.key + b"seed").digest(BYTES))

    def uniform(self, count: int, *counter: int | str) -> np.ndarray:
        """float64 [count] in (0, 1)."""
        bits = hashlib.shake_128(self.key + repr(counter).encode()).digest(8 * count)
        return ((np.frombuffer(bits, "<u8") >> 11) + 0.5) * 2.0**-53

    def normal(self, count: int, *counter: int | str) -> Tensor:
        """Standard normals, float64 [count]."""
        half = (count + 1) // 2
        u = torch.from_numpy(self.uniform(2 * half, *counter))
        radius, angle = torch.sqrt(-2 * torch.log(u[:half])), (2 * math.pi) * u[half:]
        return torch.cat([radius * torch.cos(angle), radius * torch.sin(angle)])[:count]

    def chosen(self, n: int, q: float, *counter: int | str) -> np.ndarray:
        """Which of `n` items are taken when each is with probability `q`, by itself: int64 [at most n], ascending."""
        if q >= 1:
            return np.arange(n)
        found, last, part = [], -1, 0
        while last < n:
            some = math.ceil(n * q + 4 * math.sqrt(n * q)) + 4
            gaps = np.log(self.uniform(some, *counter, part)) / math.log1p(-q)
            items = last + np.cumsum(np.floor(np.minimum(gaps, n)).astype(np.int64) + 1)
            found.append(items)
            last, part = int(items[-1]), part + 1
        items = np.concatenate(found)
        return items[items < n]
