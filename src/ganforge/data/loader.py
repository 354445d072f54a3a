"""Batches of a data set on the device: from memory, or read ahead by threads.

The samples of a batch depend only on its position. An unreadable item is replaced by the next readable one, with both
ways of loading, so both give the same batches.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ganforge.core import scratch
from ganforge.core.dataset import BadItem, Dataset, Order
from ganforge.core.errors import UserError
from ganforge.core.progress import Bar
from ganforge.data.memory import memory_budget
from ganforge.data.prepared import Prepared
from ganforge.data.sampler import Shuffled, Windowed

AHEAD = 3  # batches read in advance
SLICE = 256  # items per job when loading into memory
SWEEP = 4096  # items per part in `sweep`
UNKNOWN, GOOD, BAD = 0, 1, 2


class Loader:
    """Batches of prepared samples by their position in the infinite, shuffled sequence of the run.

    Args:
        dataset: the raw items.
        prepare: raw item → array of shape `stored_shape`, which is kept.
        stored_shape: shape of a prepared item.
        batch: samples per batch.
        seed: seed of the order.
        device: the device of the batches, and of the data if it is kept in memory.
        in_memory: keep all prepared items; None: if they take at most a quarter of the free memory.
        workers: number of reading threads; 0: one per core, at most 16.
        on_skip: called once with (item, reason) for each unreadable item.
        min_samples: minimum number of usable items; by default a batch.
        shard: which part of each batch is read: (index, count), as of one of several processes.
        sharing: number of processes on this machine, which share its memory.
        noun: plural noun for items, for messages.

    Attributes:
        order: which items a batch contains.

    Raises:
        UserError: there are fewer usable items than required, or more than half cannot be read.
    """

    def __init__(
        self,
        dataset: Dataset,
        prepare: Callable[[np.ndarray], np.ndarray],
        stored_shape: tuple[int, ...],
        batch: int,
        seed: int = 0,
        device: torch.device | str = "cpu",
        in_memory: bool | None = None,
        workers: int = 0,
        on_skip: Callable[[str, str], None] | None = None,
        min_samples: int | None = None,
        noun: str = "samples",
        shard: tuple[int, int] = (0, 1),
        sharing: int = 1,
    ):
        blocks = dataset.blocks
        self.order: Order = Shuffled(len(dataset)) if blocks is None else Windowed(blocks)
        self.min_samples = batch if min_samples is None else min_samples
        self.dataset, self.prepare, self.stored_shape = dataset, prepare, tuple(stored_shape)
        self.size, self.seed, self.device, self.shard = batch, seed, torch.device(device), shard
        self.workers = workers or min(16, max(1, (os.cpu_count() or 1) // sharing))
        self.on_skip, self.noun = on_skip, noun
        self.skipped: list[tuple[str, str]] = list(getattr(dataset, "skipped", []))
        self._status = scratch.zeros((len(dataset),), np.uint8)
        self._lock = threading.Lock()
        self._draws = self._bad_draws = 0
        self._pool = ThreadPoolExecutor(self.workers, thread_name_prefix="ganforge-data")
        self._pending: dict[int, _Pending] = {}
        self._labels = given_with(dataset)
        try:
            self._check_count()
            probe = self._usable(0)[1]
            self._dtype = torch.from_numpy(np.empty(0, probe.dtype)).dtype
            total = probe.nbytes * len(dataset)
            fits = total <= memory_budget(self.device, sharing)
            # Prepared items are an array already, which may be in a file: batches are taken from it where it is.
            self.in_memory = (fits or isinstance(dataset, Prepared)) if in_memory is None else in_memory
            self._home = self.device if fits or in_memory else torch.device("cpu")
            if self.in_memory:
                self._fill()
        except BaseException:
            self.close()
            raise

    def __len__(self) -> int:
        """Number of usable items: exact in memory, otherwise all except those found unreadable so far."""
        return len(self.dataset) - int((self._status == BAD).sum())

    def batch(self, start: int) -> tuple[Tensor, Tensor | None, dict[str, Tensor]]:
        """Samples start..start+batch on the device, or the shard of them.

        Returns:
            Prepared [M, *stored_shape]; labels int64 [M], vectors of conditions float32 [M, K], or None; and the
            additional arrays of the order. M is the batch size divided by the number of shards, unless the order draws
            a random number.
        """
        if self.in_memory:
            items, extra = self._rows(start)
            return *self._from_memory(items), self._on_device(extra)
        wanted = [start + k * self.size for k in range(AHEAD)]
        self._drop(keep=wanted)  # after a jump, batches read in advance are useless
        for position in wanted:
            if position not in self._pending:
                self._pending[position] = self._read_ahead(position)
        found = self._pending.pop(start)
        for job in found.jobs:
            job.result()
        self._check_count()
        x = found.items.to(self.device, non_blocking=True)
        labels = None if self._labels is None else self._labels[found.index].to(self.device)
        return x, labels, self._on_device(found.extra)

    def sweep(self) -> Iterator[tuple[int, Tensor, Tensor | None]]:
        """All items once, in the order of the data set, in parts: (index of the first item, prepared, labels)."""
        for start in range(0, len(self.dataset), SWEEP):
            yield start, *self._load(np.arange(start, min(start + SWEEP, len(self.dataset))))

    def peek(self, seed: int, start: int, count: int) -> tuple[Tensor, Tensor | None, dict[str, Tensor]]:
        """Like `batch`, for any seed, position and count, without reading ahead: for inspection, not for training."""
        items, extra = self.order.rows(seed, start, count)
        return *self._load(items), self._on_device(extra)

    def stored(self, rows: np.ndarray) -> list[np.ndarray | None] | None:
        """Prepared items by their index in the data set, None for an unreadable one. Returns None if they are not kept
        in memory, since reading them would change the record of unreadable items."""
        if not self.in_memory:
            return None
        good = self._status[rows] == GOOD
        if self._store.device.type == "cpu":
            kept = self._store.numpy()
            return [kept[k] if fine else None for k, fine in zip(rows.tolist(), good, strict=True)]
        kept = self._store.index_select(0, torch.from_numpy(rows).to(self._home)).cpu().numpy()
        return [item if fine else None for item, fine in zip(kept, good, strict=True)]

    def reseed(self, seed: int) -> None:
        """Changes the order of the samples from now on; batches read in advance are dropped."""
        self._drop()
        self.seed = seed

    def close(self) -> None:
        """Stops the threads. The loader cannot be used afterward."""
        self._drop()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _load(self, items: np.ndarray) -> tuple[Tensor, Tensor | None]:
        """Prepared items by their index in the data set, and their labels."""
        if self.in_memory:
            return self._from_memory(items)
        found = [self._usable(int(k)) for k in items]
        x = torch.from_numpy(np.stack([item for _, item in found])).to(self.device)
        index = torch.tensor([k for k, _ in found])
        return x, None if self._labels is None else self._labels[index].to(self.device)

    def _from_memory(self, items: np.ndarray) -> tuple[Tensor, Tensor | None]:
        rows = torch.from_numpy(items if self._row is None else self._row[items]).to(self._home)
        labels = None if self._labels is None else self._labels.index_select(0, rows).to(self.device)
        return self._store.index_select(0, rows).to(self.device), labels

    def _on_device(self, extra: dict[str, np.ndarray]) -> dict[str, Tensor]:
        return {name: torch.from_numpy(values).to(self.device) for name, values in extra.items()}

    # --- in memory

    def _fill(self) -> None:
        n = len(self.dataset)
        if isinstance(self.dataset, Prepared):
            self._status[:], self._row = GOOD, None
            self._keep(torch.from_numpy(self.dataset.array))
            return
        store = torch.empty((n, *self.stored_shape), dtype=self._dtype)
        rows = store.numpy()

        def job(first: int, last: int) -> int:
            for k in range(first, last):
                item = self._try(k)
                if item is not None:
                    rows[k] = item
            return last - first

        with Bar(f"reading {self.noun}", n) as bar:
            if self.dataset.in_memory_array is not None:  # nothing to decode: threads would only slow each other down
                bar.advance(job(0, n))
            else:
                jobs = [self._pool.submit(job, k, min(k + SLICE, n)) for k in range(0, n, SLICE)]
                for done in as_completed(jobs):
                    bar.advance(done.result())
        self._check_count()
        self.skipped.sort()  # threads found them in arbitrary order
        good = np.flatnonzero(self._status == GOOD)
        # Item k is at row k or, if it is unreadable, at the next readable row.
        self._row = good[np.searchsorted(good, np.arange(n)) % len(good)]
        self._keep(store)

    def _keep(self, store: Tensor) -> None:
        self._store = store.to(self._home)
        self._labels = None if self._labels is None else self._labels.to(self._home)
        self._pool.shutdown()

    # --- streaming

    def _read_ahead(self, position: int) -> _Pending:
        """Starts reading the batch at a position, in one job per thread."""
        wanted, extra = self._rows(position)
        count = len(wanted)
        items = torch.empty((count, *self.stored_shape), dtype=self._dtype, pin_memory=self.device.type == "cuda")
        index = torch.empty(count, dtype=torch.int64)
        rows, index_rows = items.numpy(), index.numpy()

        def job(slots: np.ndarray) -> None:
            for slot in slots:
                index_rows[slot], rows[slot] = self._usable(int(wanted[slot]))

        parts = np.array_split(np.arange(count), max(1, min(self.workers, count)))
        return _Pending(items, index, extra, [self._pool.submit(job, part) for part in parts])

    def _rows(self, start: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """The items of this shard of the batch at `start`, with the additional arrays of the order."""
        items, extra = self.order.rows(self.seed, start, self.size)
        index, count = self.shard
        if count == 1:
            return items, extra
        part = slice(index * len(items) // count, (index + 1) * len(items) // count)
        return items[part], {name: values[part] for name, values in extra.items()}

    def _drop(self, keep: Sequence[int] = ()) -> None:
        for position in [p for p in self._pending if p not in keep]:
            for job in self._pending.pop(position).jobs:
                job.cancel()

    # --- both

    def _usable(self, index: int) -> tuple[int, np.ndarray]:
        """The first readable item from `index` on (cyclically), and its index."""
        self._draws += 1
        for k in range(len(self.dataset)):
            if k == 1:
                self._bad_draws += 1
                self._check_draws()
            candidate = (index + k) % len(self.dataset)
            if self._status[candidate] != BAD:
                item = self._try(candidate)
                if item is not None:
                    return candidate, item
        raise self._too_bad()

    def _try(self, index: int) -> np.ndarray | None:
        try:
            item = self.prepare(self.dataset.read(index))
        except BadItem as error:
            with self._lock:
                known = self._status[index] == BAD
                self._status[index] = BAD
                if not known:
                    self.skipped.append((error.where, error.why))
            if not known and self.on_skip:
                self.on_skip(error.where, error.why)
            if (self._status == BAD).sum() * 2 > len(self._status):
                raise self._too_bad() from None
            return None
        self._status[index] = GOOD
        return item

    def _check_draws(self) -> None:
        """Rejects a large data set that is mostly unreadable by random samples (four standard deviations), without
        reading all of it."""
        if self._bad_draws * 2 > self._draws + 4 * self._draws**0.5:
            raise self._too_bad()

    def _check_count(self) -> None:
        n = len(self)
        if n < self.min_samples:
            bad = f" ({len(self.skipped)} more cannot be read)" if self.skipped else ""
            a_batch = self.min_samples == self.size
            smaller = f"choose a smaller batch (batch={n // 2}) or " if a_batch and n > 3 else ""
            raise UserError(
                f"data {self.dataset.name}: {n} usable sample{'s' * (n != 1)}{bad}, fewer than "
                f"{f'one batch of {self.size}' if a_batch else self.min_samples}; {smaller}add more samples",
                code="data.too_few_samples",
            )

    def _too_bad(self) -> UserError:
        some = [f"{Path(where).as_posix()}: {why}" for where, why in sorted(self.skipped)[:5]]
        return UserError(
            "\n  ".join(
                [
                    f"data {self.dataset.name}: more than half of its {self.noun} ({len(self.dataset)} in all) "
                    "cannot be read, for example:",
                    *some,
                    "`ganforge data inspect` lists all of them",
                ]
            ),
            code="data.mostly_unreadable",
        )


def given_with(dataset: Dataset) -> Tensor | None:
    """What is known of all items: labels int64 [len], or vectors of conditions float32 [len, K]; None if nothing is."""
    if dataset.vectors is not None:
        return torch.from_numpy(np.ascontiguousarray(dataset.vectors, np.float32))
    return None if dataset.labels is None else torch.from_numpy(np.ascontiguousarray(dataset.labels, np.int64))


class _Pending:
    """A batch being read."""

    def __init__(self, items: Tensor, index: Tensor, extra: dict[str, np.ndarray], jobs: list[Future[None]]):
        self.items, self.index, self.extra, self.jobs = items, index, extra, jobs
