"""Several processes that train one run, started by torch's elastic launcher (`torchrun`, or `ganforge train --procs`).

Gradients of all nets of a phase travel as one flat tensor: process r receives the r-th piece of it from all, sums them
in the order of ranks, and sends the sum to all. So the sum is that of `accumulate=N` in one process, bit for bit, and
the traffic that of a ring: 2 (N − 1) / N of the gradient per process and phase, N processes.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from ganforge.core.errors import EndedElsewhere, GanforgeError, LostProcess, UserError
from ganforge.core.types import Batch, Nets
from ganforge.engine.synchronized import Synchronized
from ganforge.engine.world import World

log = logging.getLogger("ganforge")

T = TypeVar("T")
VARIABLE = "GANFORGE_TIMEOUT"
TIMEOUT = 1800.0
"""Seconds that a process waits for another one: longer than process 0 computes metrics during training."""


@contextlib.contextmanager
def joined(device: torch.device) -> Iterator[World]:
    """The world of this process: alone, unless torchrun started it with others.

    Raises:
        UserError: the machine has fewer GPUs than processes.
        LostProcess: the other processes cannot be reached.
    """
    size = started()
    if size == 1 or "RANK" not in os.environ:
        yield World()
        return
    world = Processes(int(os.environ["RANK"]), size, int(os.environ.get("LOCAL_WORLD_SIZE", size)))
    place = world.device(device)
    if not dist.is_initialized():  # once in a process: a script may train several runs
        with reported(world.rank):
            backend = "cpu:gloo,cuda:nccl" if place.type == "cuda" else "gloo"
            wait = timedelta(seconds=timeout())
            store, rank, _ = next(dist.rendezvous("env://", timeout=wait))
            # torchrun keeps its store when it starts processes again, with the addresses of those that ended
            store = dist.PrefixStore(f"start {os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store)
            dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=wait)
        atexit.register(dist.destroy_process_group)
    level = log.level
    if not world.leads:
        log.setLevel(logging.ERROR)  # process 0 says what concerns all
    try:
        yield world
    finally:
        log.setLevel(level)


def timeout() -> float:
    """Seconds that a process waits for another one, from the environment.

    Raises:
        UserError: it is not a number above 0.
    """
    text = os.environ.get(VARIABLE, str(TIMEOUT))
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e7:
        raise UserError(f"{VARIABLE}={text}: it must be a number of seconds above 0", code="scale.timeout_not_valid")
    return seconds


@contextlib.contextmanager
def reported(rank: int) -> Iterator[None]:
    """Turns a failed exchange into an error that says what happened.

    Raises:
        LostProcess: another process ended, or did not answer in time.
    """
    try:
        yield
    except (RuntimeError, ValueError) as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise
        first = str(error).strip().splitlines()[0].partition(". This is typically")[0]
        raise LostProcess(
            f"process {rank}: another process of this run has ended, or did not answer within {timeout():g} s "
            f"({VARIABLE}): {first}. Its own messages say why"
        ) from error


class Processes(World):
    """This process among others, on one machine or several."""

    def __init__(self, rank: int, size: int, local: int):
        self.rank, self.size, self.local = rank, size, local

    def device(self, device: torch.device) -> torch.device:
        if device.type == "mps":
            raise UserError("several processes: Apple GPUs cannot be shared. Use --device cpu", code="scale.no_mps")
        if device.type != "cuda":
            return device
        if self.local > torch.cuda.device_count():
            raise UserError(
                f"{self.local} processes on a machine with {torch.cuda.device_count()} GPUs: start one process a GPU "
                "(--procs), or use --device cpu",
                code="scale.too_few_gpus",
            )
        place = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(place)
        return place

    # --- training

    def add_gradients(self, weights: Sequence[Tensor], total: Tensor) -> Tensor:
        # All parts of a batch pass through the same operations, so that the same weights have a gradient everywhere.
        gradients = [weight.grad for weight in weights if weight.grad is not None]
        flat = torch.cat([*(g.flatten() for g in gradients), total.detach().reshape(1).to(gradients[0].dtype)])
        summed = self._reduced(flat, in_order)
        pieces = summed.split([*(g.numel() for g in gradients), 1])
        for gradient, piece in zip(gradients, pieces, strict=False):
            gradient.copy_(piece.view_as(gradient))
        return pieces[-1][0].clone()  # a view would keep all gradients

    @contextlib.contextmanager
    def computing(self, nets: Nets) -> Iterator[None]:
        before = kept(nets)
        versions = {name: (id(tensor), tensor._version) for name, tensor in before.items()}
        with self.statistics():
            yield
        now = kept(nets)
        changed = [t for name, t in now.items() if (id(t), t._version) != versions[name]]
        for dtype in dict.fromkeys(t.dtype for t in changed):
            same = [t for t in changed if t.dtype == dtype]
            mean = self._reduced(torch.cat([t.flatten() for t in same]), mean_of)
            with torch.no_grad():
                for tensor, piece in zip(same, mean.split([t.numel() for t in same]), strict=True):
                    tensor.copy_(piece.view_as(tensor))

    @contextlib.contextmanager
    def statistics(self) -> Iterator[None]:
        with Synchronized(self._total, self.size):
            yield

    def _reduced(self, flat: Tensor, how: Callable[[Tensor], Tensor]) -> Tensor:
        """A flat tensor [n] of each process as one, by `how`: [processes, m] → [m]."""
        n = flat.numel()
        piece = -(-n // self.size)
        padded = torch.nn.functional.pad(flat, (0, piece * self.size - n))
        received, whole = torch.empty_like(padded), torch.empty_like(padded)
        with reported(self.rank):
            dist.all_to_all_single(received, padded)
            gathered(whole, how(received.view(self.size, piece)))
        return whole[:n]

    def _total(self, x: Tensor) -> Tensor:
        """The sum of a small tensor over processes, in the order of ranks."""
        return in_order(self._stacked(x))

    def _stacked(self, x: Tensor) -> Tensor:
        """The tensors of all processes, [processes, ...]."""
        x = x.detach().contiguous()
        found = x.new_empty((self.size, *x.shape))
        with reported(self.rank):
            gathered(found.flatten(), x.flatten())
        return found

    # --- what all processes are to agree on

    def whole(self, batch: Batch) -> Batch:
        def joined(x: Tensor) -> Tensor:
            return self._stacked(x).flatten(0, 1)

        c = None if batch.c is None else joined(batch.c)
        return replace(batch, x=joined(batch.x), c=c, extra={name: joined(x) for name, x in batch.extra.items()})

    def from_last(self, values: dict[str, Tensor]) -> dict[str, Tensor]:
        return {name: self._sent(value, self.size - 1) for name, value in values.items()}

    def _sent(self, x: Tensor, source: int) -> Tensor:
        x = x.detach().clone().contiguous()
        with reported(self.rank):
            dist.broadcast(x, source)
        return x

    def means(self, values: dict[str, float]) -> dict[str, float]:
        if not values:
            return values
        mean = mean_of(self._stacked(torch.tensor(list(values.values()), dtype=torch.float64)))
        return dict(zip(values, mean.tolist(), strict=True))

    def most(self, code: int) -> int:
        answer = torch.tensor([code])
        with reported(self.rank):
            dist.all_reduce(answer, dist.ReduceOp.MAX)
        return int(answer)

    def others(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        found = {name: self._stacked(tensor) for name, tensor in tensors.items()}
        if not self.leads:
            return {}
        return {f"rank.{rank}.{name}": t[rank] for name, t in found.items() for rank in range(1, self.size)}

    def of_leader(self, pack: Callable[[], bytes]) -> bytes:
        with self.together():
            data = pack() if self.leads else b""
        length = self._sent(torch.tensor([len(data)]), 0)
        buffer = torch.frombuffer(bytearray(data), dtype=torch.uint8) if data else torch.empty(0, dtype=torch.uint8)
        if not self.leads:
            buffer = torch.empty(int(length), dtype=torch.uint8)
        return self._sent(buffer, 0).numpy().tobytes() if int(length) else b""

    def to_leader(self, data: bytes) -> list[bytes]:
        lengths = self._stacked(torch.tensor([len(data)])).flatten().tolist()
        longest = max(lengths)
        if not longest:
            return [b"" for _ in lengths] if self.leads else []
        buffer = torch.zeros(longest, dtype=torch.uint8)
        if data:
            buffer[: len(data)] = torch.frombuffer(bytearray(data), dtype=torch.uint8)
        parts = [torch.empty_like(buffer) for _ in lengths] if self.leads else None
        with reported(self.rank):
            dist.gather(buffer, parts)
        return [part[:n].numpy().tobytes() for part, n in zip(parts or [], lengths, strict=False)]

    def in_turn(self, work: Callable[[], T]) -> T:
        first = int(os.environ.get("LOCAL_RANK", "0")) == 0
        found: list[T] = []
        for turn in (True, False):
            with self.together():
                if first == turn:
                    found.append(work())
        return found[0]

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        failure: GanforgeError | None = None
        try:
            yield
        except GanforgeError as error:
            failure = error
        failed = self.most(self.size - self.rank if failure else 0)
        if not failed:
            return
        if failure is not None and failed == self.size - self.rank:
            raise failure
        raise EndedElsewhere(f"process {self.rank} ended, since process {self.size - failed} reported an error")


def gathered(out: Tensor, x: Tensor) -> None:
    """Collects x [m] of all processes in `out` [R · m]."""
    gather = getattr(dist, "all_gather_single", dist.all_gather_into_tensor)  # its name from torch 2.12 on
    gather(out, x)


def in_order(rows: Tensor) -> Tensor:
    """The sum of rows [R, m], one after the other: torch's own sum may take them in another order."""
    total = rows[0].clone()
    for row in rows[1:]:
        total += row
    return total


def mean_of(rows: Tensor) -> Tensor:
    """The mean of rows [R, m]; exactly their value where they are equal."""
    return rows[0] + in_order(rows - rows[0]) / len(rows)


def kept(nets: Nets) -> dict[str, Tensor]:
    """What nets and memory keep of the batches that they saw, as running means: floating-point tensors by name."""
    found = {f"{name}.{key}": buffer for name, net in nets.items() for key, buffer in net.named_buffers()}
    memory = nets.memory
    found |= {f"memory.{name}": tensor for name, tensor in memory.buffers.items() if name not in memory.apart}
    return {name: tensor for name, tensor in found.items() if tensor.is_floating_point()}


def launch_id() -> str:
    """Identifies one launch by torchrun, also after it restarted the processes."""
    run = os.environ.get("TORCHELASTIC_RUN_ID", "none")
    return run if run != "none" else f"parent {os.getppid()}"


def restarted() -> bool:
    """Whether torchrun has started the processes again, after one of them ended."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0


def started() -> int:
    """The number of processes that torchrun started together; 1 without it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def leads() -> bool:
    """Whether this process writes and prints for all that torchrun started."""
    return os.environ.get("RANK", "0") == "0"
