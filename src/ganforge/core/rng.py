"""Randomness as an argument.

Every draw is a function of (seed, samples seen, stream, what is drawn): nothing has to be saved for an exact resume,
and no draw depends on how many were made before it. A draw is made for the whole batch and each shard (a process, or
a part of an accumulated batch) takes its rows, so the result does not depend on how the batch was split.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

BLOCK = 16


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
        dtype: of real-valued draws. Those in float64 are the ones in float32, normal ones without their rounding.
    """

    seed: int
    samples: int = 0
    stream: str = ""
    shard: tuple[int, int] = (0, 1)
    device: torch.device | str = "cpu"
    dtype: torch.dtype = torch.float32

    def at(self, stream: str) -> Rng:
        """The same moment, another stream."""
        return replace(self, stream=f"{self.stream}/{stream}")

    def seed_for(self, name: str) -> int:
        """The seed of the draw `name`; of use where a library wants a seed of its own."""
        return seed_of(self.seed, self.samples, self.stream, name)

    def normal(self, name: str, shape: Sequence[int]) -> Tensor:
        """Standard normal, `shape` [N, ...] with N the rows of this shard."""
        return self._rows(name, shape, lambda full, g: normals(full, self.dtype, g))

    def uniform(self, name: str, shape: Sequence[int], low: float = 0.0, high: float = 1.0) -> Tensor:
        """Uniform in [low, high), `shape` [N, ...]."""
        drawn = self._rows(name, shape, lambda full, g: torch.rand(full, generator=g, dtype=torch.float32))
        return (drawn * (high - low) + low).to(self.dtype)

    def integers(self, name: str, shape: Sequence[int], high: int) -> Tensor:
        """Uniform int64 in [0, high), `shape` [N, ...]."""
        return self._rows(name, shape, lambda full, g: torch.randint(high, full, generator=g))

    def _rows(self, name, shape, draw) -> Tensor:
        index, count = self.shard
        n = shape[0]
        generator = torch.Generator().manual_seed(self.seed_for(name))
        full = draw((n * count, *shape[1:]), generator)
        return full[index * n : (index + 1) * n].to(self.device, non_blocking=True)


def normals(shape: Sequence[int], dtype: torch.dtype, generator: torch.Generator | None = None) -> Tensor:
    """Standard normals on the CPU. Those in float64 are the ones that `torch.randn` draws in float32, before rounding.

    Box & Muller 1958 on pairs of uniforms, √(−2 ln(1 − u₁)) · (cos 2πu₂, sin 2πu₂). `torch.randn` computes it in
    float32, where the last bit of a logarithm differs between processors; a few steps of training later so does a
    digit that is printed. In float64 the same uniforms give the same normals to 15 digits everywhere. As there, they
    are taken in blocks of 16 (eight u₁, eight u₂), and a rest shorter than that is the end of one more block.
    """
    n = math.prod(shape)
    if dtype != torch.float64 or n < BLOCK:  # torch draws fewer one by one, in float64 whatever the dtype
        return torch.randn(tuple(shape), generator=generator, dtype=dtype)
    u = torch.rand(n, generator=generator, dtype=torch.float32).double()
    drawn = torch.empty_like(u)
    whole = n - n % BLOCK
    drawn[:whole] = _box_muller(u[:whole])
    if whole < n:
        drawn[-BLOCK:] = _box_muller(torch.rand(BLOCK, generator=generator, dtype=torch.float32).double())
    return drawn.view(tuple(shape))


def _box_muller(u: Tensor) -> Tensor:
    first, second = u.view(-1, 2, BLOCK // 2).unbind(1)
    radius, angle = (-2 * torch.log(1 - first)).sqrt(), 2 * math.pi * second
    return torch.stack([radius * angle.cos(), radius * angle.sin()], 1).flatten()


def normal_like(x: Tensor) -> Tensor:
    """Standard normals of the shape and dtype of x, which a net draws by itself, from torch's generator."""
    if x.dtype != torch.float64:
        return torch.randn_like(x)
    if x.device.type != "cpu":
        return torch.randn_like(x, dtype=torch.float32).double()
    return normals(x.shape, torch.float64)


class Float64Init(TorchDispatchMode):
    """While this lasts, what is drawn for weights in float64 is what would be drawn for them in float32.

    So a net starts from the same weights in every precision, and in float64 from the same ones on every processor.
    """

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs, aten = kwargs or {}, torch.ops.aten
        dtype = kwargs.get("dtype") or torch.get_default_dtype()
        if func is aten.randn.default and dtype == torch.float64:
            return normals(args[0], dtype)
        if func is aten.randn_like.default and args[0].dtype == torch.float64:
            return normals(args[0].shape, args[0].dtype)
        if func in (aten.normal_.default, aten.uniform_.default) and args[0].dtype == torch.float64:
            x, (a, b) = args[0], (*args[1:], *(0.0, 1.0)[len(args) - 1 :])
            if func is aten.normal_.default:
                return x.copy_(normals(x.shape, x.dtype) * b + a)
            return x.copy_(torch.rand(x.shape, dtype=torch.float32).double() * (b - a) + a)
        return func(*args, **kwargs)


def block_normal(seed: int, name: str, start: int, n: int, width: int, block: int = 64) -> Tensor:
    """Rows start..start+n of an endless float32 [∞, width] table of standard normals that `seed` stands for.

    Row k is the same whatever `start` and `n` are: sample 17 of a seed is one image, in batches of 8 or of 500.
    """
    first, last = start // block, (start + n - 1) // block
    blocks = [Rng(seed, k).normal(name, (block, width)) for k in range(first, last + 1)]
    rows = torch.cat(blocks) if blocks else torch.empty(0, width)
    return rows[start - first * block : start - first * block + n]
