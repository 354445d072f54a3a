"""Counter-based random numbers.

Every draw is a function of (seed, samples seen, stream, name of the draw): an exact resume needs no saved state, and no
draw depends on how many were made before it. Draws are made for the whole batch, of which each shard (a process, or a
part of an accumulated batch) takes its rows, so the result does not depend on how the batch is split.
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
    """Seeds the random draws inside nets on `device`, such as dropout and noise."""
    if device.type == "cpu":
        # torch.manual_seed also looks for other devices, which takes a percent of a step.
        torch.random.default_generator.manual_seed(seed)
    else:
        torch.manual_seed(seed)


@dataclass(frozen=True)
class Rng:
    """A source of random draws for one step of a run.

    Attributes:
        seed: the run's seed.
        samples: number of samples seen, the clock of the run.
        stream: name of a stream. Different streams give independent draws; phases share latents only if they use the
            same stream.
        shard: (index, count): index of this part among equal parts of the batch.
        device: the device to return draws on. They are computed on the CPU, so that they are the same for every device.
        dtype: dtype of real-valued draws. Draws in float64 have the same values as in float32, except for the rounding
            of normals.
    """

    seed: int
    samples: int = 0
    stream: str = ""
    shard: tuple[int, int] = (0, 1)
    device: torch.device | str = "cpu"
    dtype: torch.dtype = torch.float32

    def at(self, stream: str) -> Rng:
        """The same step with another stream."""
        return replace(self, stream=f"{self.stream}/{stream}")

    def seed_for(self, name: str) -> int:
        """The seed of the draw `name`, for libraries that need a seed."""
        return seed_of(self.seed, self.samples, self.stream, name)

    def normal(self, name: str, shape: Sequence[int]) -> Tensor:
        """Standard normal, `shape` [N, ...], where N is the number of rows of this shard."""
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
    """Standard normals on the CPU. In float64 they equal those of `torch.randn` in float32, before rounding.

    Box & Muller 1958 on pairs of uniforms, √(−2 ln(1 − u₁)) · (cos 2πu₂, sin 2πu₂). `torch.randn` computes this in
    float32, where the last bit of a logarithm differs between processors, which affects printed digits after a few
    steps of training. In float64 the same uniforms give the same normals to 15 digits everywhere. As in `torch.randn`,
    they are processed in blocks of 16 (eight u₁, eight u₂); a shorter remainder is the end of an additional block.
    """
    n = math.prod(shape)
    if dtype != torch.float64 or n < BLOCK:  # torch draws fewer values one by one, in float64 for any dtype
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
    """Standard normals of the shape and dtype of x from torch's generator, for draws inside nets."""
    if x.dtype != torch.float64:
        return torch.randn_like(x)
    if x.device.type != "cpu":
        return torch.randn_like(x, dtype=torch.float32).double()
    return normals(x.shape, torch.float64)


class Float64Init(TorchDispatchMode):
    """A context in which weights initialized in float64 get the same random values as in float32.

    So the initial weights are the same in every precision, and in float64 also on every processor.
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
    """Rows start..start+n of an infinite float32 [∞, width] table of standard normals, which is determined by `seed`.

    Row k does not depend on `start` and `n`: sample 17 of a seed is the same in batches of 8 or of 500.
    """
    first, last = start // block, (start + n - 1) // block
    blocks = [Rng(seed, k).normal(name, (block, width)) for k in range(first, last + 1)]
    rows = torch.cat(blocks) if blocks else torch.empty(0, width)
    return rows[start - first * block : start - first * block + n]
