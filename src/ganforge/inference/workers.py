"""Samples of a trained model from several processes of one machine, in the order in which they were asked for.

Sample k of a seed depends on nothing else, so that the samples are those of one process, up to rounding: the number of
threads affects the order of sums.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import torch

from ganforge.artifacts.bundle import Bundle
from ganforge.core.errors import TrainingError, UserError
from ganforge.core.types import Request, Spec
from ganforge.inference.model import Model
from ganforge.inference.prepared import given_precision
from ganforge.inference.prepared import load as load_bundle
from ganforge.registry import PLUGIN_FILES, load_plugin

AHEAD = 2
"""Batches that wait for each process."""
BUNDLE: list[Bundle] = []
"""In a worker process: its model."""


@contextlib.contextmanager
def spread(model: Model, procs: int) -> Iterator[None]:
    """The context in which the samples of a model are computed by `procs` processes.

    Raises:
        UserError: `procs` is not at least 1, or the model rejects samples.
    """
    if procs < 1:
        raise UserError(f"--procs {procs}: it must be at least 1", code="cli.out_of_range")
    if procs == 1:
        yield
        return
    if model.rejection is not None:
        raise UserError(
            f"--procs {procs}: rejection looks at one sample after the other, in one process: leave --procs out",
            code="sample.rejection_with_procs",
        )
    context = multiprocessing.get_context("spawn")
    numbers = context.Queue()
    for number in range(procs):
        numbers.put(number)
    place = model.bundle.device
    spec, precision = model.spec.to_plain(), given_precision(model.bundle)
    start = (str(model.folder), place.type, precision, spec, list(PLUGIN_FILES), numbers, procs)
    with ProcessPoolExecutor(procs, context, initializer=begin, initargs=start) as pool:
        before, model.bundle.spread = model.bundle.spread, lambda requests: in_turn(pool.submit, requests, procs)
        try:
            yield
        except BrokenProcessPool:
            raise TrainingError(
                f"--procs {procs}: one of the processes has ended, perhaps for lack of memory. Try fewer processes or "
                "a smaller --batch"
            ) from None
        finally:
            model.bundle.spread = before
            pool.shutdown(wait=True, cancel_futures=True)


def begin(
    path: str, kind: str, precision: str, spec: dict[str, Any], plugins: list[str], numbers: Any, procs: int
) -> None:
    """In a worker process: loads the model on the device of this process."""
    number = numbers.get()
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // procs))
    for plugin in plugins:
        load_plugin(plugin)
    bundle = load_bundle(Path(path), own_device(kind, number), precision)
    bundle.spec = Spec.from_plain(spec)  # it may be of samples of another length
    BUNDLE[:] = [bundle]


def own_device(kind: str, number: int) -> str:
    """The device of worker process `number`: GPUs in turn."""
    return f"cuda:{number % torch.cuda.device_count()}" if kind == "cuda" else kind


def make(request: Request) -> Any:
    """In a worker process: the samples of a request."""
    return BUNDLE[0].generate(request)


def in_turn(submit: Callable[..., Future[Any]], requests: Iterable[Request], procs: int) -> Iterator[Any]:
    """The samples of requests in their order, of which a bounded number is computed ahead."""
    waiting: deque[Future[Any]] = deque()
    for request in requests:
        waiting.append(submit(make, request))
        if len(waiting) > AHEAD * procs:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
