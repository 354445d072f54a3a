"""The processes that train one run together, as a trainer sees them. `World` is a process alone; several are
`Processes` (engine/processes.py).

Process r of N computes part r of every batch, as part r of `accumulate=N` is computed by one process. Random draws are
made for the whole batch, of which each process takes its rows, so that they do not depend on N.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TypeVar

import torch
from torch import Tensor

from ganforge.core.types import Batch, Nets

T = TypeVar("T")


class World:
    """One process alone: nothing is exchanged.

    Attributes:
        rank: number of this process, in [0, size). Process 0 writes all files.
        size: number of processes.
        local: number of processes on this machine.
    """

    rank: int = 0
    size: int = 1
    local: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes the files of the run."""
        return self.rank == 0

    @property
    def shard(self) -> tuple[int, int]:
        """Which part of each batch this process computes: (index, count)."""
        return self.rank, self.size

    def device(self, device: torch.device) -> torch.device:
        """The device of this process, where the machine has one for each."""
        return device

    def add_gradients(self, weights: Sequence[Tensor], total: Tensor) -> Tensor:
        """Sums the gradients of all processes into `.grad` of the weights, in the order of ranks.

        Args:
            total: the loss of this process, a scalar.

        Returns:
            The sum of the losses.
        """
        return total

    def computing(self, nets: Nets) -> AbstractContextManager[None]:
        """The context in which a loss is computed: batch norm uses the statistics of the whole batch, and what nets and
        memory keep of it (running means) is afterward the mean over the processes."""
        return contextlib.nullcontext()

    def statistics(self) -> AbstractContextManager[None]:
        """The context in which batch norm uses the statistics of the whole batch."""
        return contextlib.nullcontext()

    def whole(self, batch: Batch) -> Batch:
        """The whole batch, of which each process holds its rows."""
        return batch

    def from_last(self, values: dict[str, Tensor]) -> dict[str, Tensor]:
        """The values of the last process, for all."""
        return values

    def means(self, values: dict[str, float]) -> dict[str, float]:
        """The means over the processes, by name."""
        return values

    def most(self, code: int) -> int:
        """The largest code that any process gives, for all."""
        return code

    def others(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """In process 0 the tensors of the other processes, as `rank.R.NAME`; in the others {}."""
        return {}

    def of_leader(self, pack: Callable[[], bytes]) -> bytes:
        """What `pack` returns in process 0, for all; the others do not call it."""
        return pack()

    def to_leader(self, data: bytes) -> list[bytes]:
        """In process 0 the bytes of all processes, in the order of ranks; in the others []."""
        return [data]

    def in_turn(self, work: Callable[[], T]) -> T:
        """What `work` returns. On each machine one process does it first, since it may download files."""
        return work()

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """The context of work that all processes do: an error in one ends it in all."""
        yield
