"""Randomness as an argument.

Every draw is a function of (seed, samples seen, stream, what is drawn): nothing has to be saved for an exact resume,
and no draw depends on how many were made before it. A draw is made for the whole batch and each shard (a process, or
a part of an accumulated batch) takes its rows, so the result does not depend on how the batch was split.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor


def seed_of(*key: int | str) -> int:
    """A 63-bit seed from any key, the same on every machine and in every process."""
    digest = hashlib.blake2b(repr(key).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def seed_layers(seed: int, device: torch.device) -> None:
    """Decides what nets on `device` draw by themselves from here on: dropout, noise."""
    if device.type == "cpu":
        torch.random.default_generator.manual_seed(seed)  # torch.manual_seed seeks other devices, a percent of a step
    else:
        torch.manual_seed(seed)


@dataclass(frozen=True)
class Rng:
    """A source of draws for one moment of one run.

    Attributes:
        seed: the run's seed.
        samples: samples seen so far, the clock of the run.
        stream: who draws, so that two phases of one step do not share latents unless they ask for the same stream.
        shard: (index, count): this part's place among equal parts of the batch.
        device: where the draws are wanted. They are made on the CPU, so that every device sees the same ones.
    """

    seed: int
    samples: int = 0
    stream: str = ""
    shard: tuple[int, int] = (0, 1)
    device: torch.device | str = "cpu"

    def at(self, stream: str) -> Rng:
        """The same moment, another stream."""
        return replace(self, stream=f"{self.stream}/{stream}")

    def seed_for(self, name: str) -> int:
        """The seed of the draw `name`; of use where a library wants a seed of its own."""
        return seed_of(self.seed, self.samples, self.stream, name)

    def normal(self, name: str, shape: Sequence[int]) -> Tensor:
        """Standard normal float32, `shape` [N, ...] with N the rows of this shard."""
        return self._rows(name, shape, lambda full, g: torch.randn(full, generator=g))

    def uniform(self, name: str, shape: Sequence[int], low: float = 0.0, high: float = 1.0) -> Tensor:
        """Uniform float32 in [low, high), `shape` [N, ...]."""
        return self._rows(name, shape, lambda full, g: torch.rand(full, generator=g)) * (high - low) + low

    def integers(self, name: str, shape: Sequence[int], high: int) -> Tensor:
        """Uniform int64 in [0, high), `shape` [N, ...]."""
        return self._rows(name, shape, lambda full, g: torch.randint(high, full, generator=g))

    def _rows(self, name, shape, draw) -> Tensor:
        index, count = self.shard
        n = shape[0]
        generator = torch.Generator().manual_seed(self.seed_for(name))
        full = draw((n * count, *shape[1:]), generator)
        return full[index * n : (index + 1) * n].to(self.device, non_blocking=True)


def block_normal(seed: int, name: str, start: int, n: int, width: int, block: int = 64) -> Tensor:
    """Rows start..start+n of an endless [∞, width] table of standard normals that `seed` stands for.

    Row k is the same whatever `start` and `n` are: sample 17 of a seed is one picture, in batches of 8 or of 500.
    """
    first, last = start // block, (start + n - 1) // block
    blocks = [Rng(seed, k).normal(name, (block, width)) for k in range(first, last + 1)]
    rows = torch.cat(blocks) if blocks else torch.empty(0, width)
    return rows[start - first * block : start - first * block + n]
