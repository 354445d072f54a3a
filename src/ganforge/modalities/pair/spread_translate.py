"""Translates many image files with several processes of one machine, which take them in small groups."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import torch

from ganforge.core.errors import TrainingError, UserError
from ganforge.data.store import FolderStore, Store
from ganforge.data.zip_store import ZipStore
from ganforge.inference.prepared import given_precision
from ganforge.inference.prepared import load as load_bundle
from ganforge.inference.workers import own_device
from ganforge.modalities.pair import batch_translate
from ganforge.modalities.pair.batch_translate import Finish, Job, Outcome
from ganforge.modalities.pair.translate import ImageTranslator
from ganforge.registry import PLUGIN_FILES, load_plugin

GROUP = 8
"""Images that a process takes at a time."""
TRANSLATOR: list[ImageTranslator] = []
"""In a worker process: its translator."""


class Place(NamedTuple):
    """A file as another process finds it: the folder or zip, and its name there."""

    root: Path
    name: str


def run(
    translator: ImageTranslator, jobs: Sequence[Job], procs: int, done: Callable[[Job], None], finish: Finish
) -> Outcome:
    """Like `batch_translate.run`, with `procs` processes; images are written in any order.

    Raises:
        UserError: the data is neither in a folder nor in a zip.
        TrainingError: a process ended.
    """
    context = multiprocessing.get_context("spawn")
    numbers = context.Queue()
    for number in range(procs):
        numbers.put(number)
    direction, tile, name = translator.direction, translator.tile, translator.name
    kind, precision = translator.bundle.device.type, given_precision(translator.bundle)
    start = (name, kind, precision, direction, tile, list(PLUGIN_FILES), numbers, procs)
    groups = [jobs[k : k + GROUP] for k in range(0, len(jobs), GROUP)]
    outcome = Outcome()
    try:
        with ProcessPoolExecutor(procs, context, initializer=begin, initargs=start) as pool:
            waiting = {pool.submit(group, [plain(job) for job in part], finish): part for part in groups}
            for finished in as_completed(waiting):
                written, failed = finished.result()
                outcome.written += written
                outcome.failed += failed
                for job in waiting[finished]:
                    done(job)
    except BrokenProcessPool:
        raise TrainingError(
            f"--procs {procs}: one of the processes has ended, perhaps for lack of memory. Try fewer processes or a "
            "smaller --tile, and --skip-existing to go on"
        ) from None
    outcome.written.sort()
    return outcome


def plain(job: Job) -> tuple[Place, Path, Place | None]:
    """A job without open files, which cannot be sent to another process."""
    return (
        Place(root_of(job.store), job.name),
        job.out,
        None if job.mask is None else Place(root_of(job.mask[0]), job.mask[1]),
    )


def root_of(store: Store) -> Path:
    if isinstance(store, FolderStore):
        return store.root
    if isinstance(store, ZipStore) and store.zip.filename is not None:
        return Path(store.zip.filename)
    raise UserError("--procs: the images must lie in a folder or a zip", code="translate.not_in_files")


def begin(
    name: str,
    kind: str,
    precision: str,
    direction: str,
    tile: int | None,
    plugins: list[str],
    numbers: Any,
    procs: int,
) -> None:
    """In a worker process: loads the model on the device of this process."""
    number = numbers.get()
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // procs))
    for plugin in plugins:
        load_plugin(plugin)
    bundle = load_bundle(name, own_device(kind, number), precision)
    TRANSLATOR[:] = [ImageTranslator(bundle, name, direction or None, tile)]


def group(jobs: list[tuple[Place, Path, Place | None]], finish: Finish) -> tuple[list[Path], list[Any]]:
    """In a worker process: the files that were written, and what failed."""
    opened = [
        Job(place.name, store(place.root), out, None if mask is None else (store(mask.root), mask.name))
        for place, out, mask in jobs
    ]
    outcome = batch_translate.run(TRANSLATOR[0], opened, finish=finish)
    return outcome.written, outcome.failed


@cache
def store(root: Path) -> Store:
    return FolderStore(root) if root.is_dir() else ZipStore(root)
