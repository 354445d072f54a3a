"""Random draws that nobody outside the run can reproduce: the noise of differential privacy, and the sampling of
batches.

Noise from the recipe's seed would protect nothing: anyone with the recipe could subtract it. So a run draws 32 bytes
from the operating system's random generator at the start, and stores them only in its checkpoints. Every draw is a
function of these bytes and a counter, by SHAKE-128 (FIPS 202), so a resumed run repeats the same draws. An ordinary
generator is not sufficient: the outputs of a Mersenne twister satisfy linear equations, and predictable noise protects
nothing (Garfinkel & Leclerc 2020, "Randomness Concerns When Deploying Differential Privacy").

    uniform    u = (bits + ½) / 2⁵³                                            in (0, 1)
    normal     √(−2 ln u₁) · (cos 2πu₂, sin 2πu₂)                              Box & Muller 1958, in double precision
    chosen     each of n items with probability q: gaps of ⌊ln u / ln(1 − q)⌋ items between chosen ones
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
    """A secret key and the draws derived from it.

    Attributes:
        key: `BYTES` random bytes. A resumed run reads them from its checkpoint.
    """

    def __init__(self) -> None:
        self.key = secrets.token_bytes(BYTES)

    @property
    def seed(self) -> int:
        """A seed for all other draws: latents, dropout, flipped images."""
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
        """Poisson sampling: indices of the items chosen from `n`, each independently with probability `q`; int64 [at
        most n], ascending."""
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
