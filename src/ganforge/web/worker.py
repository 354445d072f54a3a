"""A worker: a process with torch that holds models and answers requests; and its handle in a web process, without.

    async with Worker(Settings({"digits": "runs/0003-dcgan"})) as worker:
        answer = await worker.ask("sample", "digits", Sample(seed=7))

The web process keeps at most `most_waiting` requests; more are refused at once. A worker that dies, uses too much
memory or computes far beyond the deadlines of its requests is replaced: what it had begun fails, and what waits goes to
the next one.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import logging
import multiprocessing
import socket
import tempfile
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Self

from ganforge.core.errors import UserError
from ganforge.web.asks import Ask
from ganforge.web.child import CHUNK, Settings, main
from ganforge.web.frames import Message, Unpacker, packed
from ganforge.web.replies import Pending, Reply, Statistics, WorkerError

log = logging.getLogger("ganforge")

GRACE = 10.0  # s
"""How long beyond its deadline a request may be computed before the worker is replaced."""
MOST_GUESTS = 4
"""Models that are loaded on the way, at most; the one that was not used for longest makes room."""
PAUSES = (0.0, 0.0, 1.0, 5.0, 15.0, 60.0)
"""Seconds before a worker is started again after it died, the more the more often without an answer in between."""


START = functools.partial(multiprocessing.get_context, "spawn")
"""How processes are started: new ones, which hold nothing of this one, on every system."""


class Worker:
    """The handle of a worker process, for one event loop.

    Args:
        settings: what it holds and how.
        most_waiting: requests without an answer, at most.
        context: how processes are started.

    Attributes:
        scratch: a folder for files that requests bring, which is removed at the end.
        models: name → facts of each model, once it is ready.
        guests: those that were loaded on the way, with when and how large their file was, the last used last.
        ready: whether a process has loaded and tried all models.
        statistics: what it did.
    """

    def __init__(self, settings: Settings, most_waiting: int = 64, context: Any = None):
        self.folder = tempfile.TemporaryDirectory(prefix="ganforge-", ignore_cleanup_errors=True)
        self.settings, self.most_waiting = replace(settings, scratch=self.folder.name), most_waiting
        self.context = context or START()
        self.models: dict[str, dict[str, Any]] = {}
        self.guests: OrderedDict[str, tuple[int, int]] = OrderedDict()
        self.ready = False
        self.statistics = Statistics()
        self.pending: dict[int, Pending] = {}
        self.numbers = itertools.count(1)
        self.process: BaseProcess | None = None
        self.writer: asyncio.StreamWriter | None = None
        self.keeper: asyncio.Task[None] | None = None
        self.first: asyncio.Future[None] | None = None
        self.failures = 0
        self.stopping = False

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self, seconds: float | None = None) -> None:
        """Starts the process and waits until its models are loaded, at most for some seconds.

        Raises:
            UserError: a model cannot be loaded, the process ends at once, or it takes too long.
        """
        self.first = asyncio.get_running_loop().create_future()
        self.keeper = asyncio.create_task(self.keep())
        try:
            await asyncio.wait_for(self.first, seconds)
        except TimeoutError:
            await self.stop()
            raise WorkerError(
                f"the process that holds models did not start within {seconds:g} s: the machine is busy or has too "
                "little memory. Try again later",
                code="worker.slow_start",
            ) from None
        except BaseException:
            await self.stop()
            raise

    async def stop(self, seconds: float = 0.0) -> None:
        """Ends the process, after at most `seconds` for the requests without an answer."""
        end = time.monotonic() + seconds
        while self.pending and time.monotonic() < end:
            await asyncio.sleep(0.02)
        self.stopping = True
        if self.keeper is not None:
            self.keeper.cancel()
            await asyncio.gather(self.keeper, return_exceptions=True)
        self.fail(list(self.pending), WorkerError("the server is stopping", code="worker.stopping", retry_after=5))
        self.folder.cleanup()

    @property
    def scratch(self) -> Path:
        return Path(self.folder.name)

    @property
    def waiting(self) -> int:
        """Requests without an answer."""
        return len(self.pending)

    async def ask(
        self,
        operation: str,
        model: str,
        ask: Ask | Mapping[str, Any],
        deadline: float = 30.0,
        told: Callable[[float], None] | None = None,
    ) -> Reply:
        """Asks a model for something and waits for the answer. If the caller is cancelled, the work on it ends too.

        Args:
            operation: one of those that are registered in the worker: "sample", "walk", "translate", ...
            ask: its fields.
            deadline: seconds that the answer may take.
            told: called with the share that is done, in [0, 1], where the operation says so.

        Raises:
            UserError: the model refuses (a wrong label, a format that it has not).
            WorkerError: too many wait already, the answer did not come in time, or the worker died.
        """
        if self.stopping or self.keeper is None:
            raise WorkerError("the server is stopping", code="worker.stopping", retry_after=5)
        if len(self.pending) >= self.most_waiting:
            self.statistics.refused += 1
            raise WorkerError(
                f"{len(self.pending)} requests wait already, as many as are kept: try again later",
                code="worker.busy",
                retry_after=1,
            )
        number, until = next(self.numbers), time.monotonic() + deadline
        fields = ask.model_dump() if isinstance(ask, Ask) else dict(ask)
        message = packed(fields | {"id": number, "op": operation, "model": model, "until": until})
        pending = Pending(message, until, asyncio.get_running_loop().create_future(), told)
        self.pending[number] = pending
        if self.ready and self.writer is not None:
            self.writer.write(message)
        try:
            await asyncio.wait([pending.done], timeout=deadline)
            if pending.done.done():
                return pending.done.result()
            self.statistics.late += 1
            raise WorkerError(
                f"the answer took more than {deadline:g} s: ask for less, or try again later", code="worker.late"
            )
        finally:
            if not pending.done.done():
                self.leave(number, pending)

    async def load(self, name: str, path: Path, deadline: float = 120.0) -> Mapping[str, Any]:
        """Loads one more model, unless it is loaded already and its file is the same; the facts of it.

        Raises:
            UserError: there is no model at the path, or it is damaged.
            WorkerError: as `ask`.
        """
        file = path / "model.safetensors" if path.is_dir() else path
        stat = file.stat() if file.exists() else None
        state = (stat.st_mtime_ns, stat.st_size) if stat else (0, 0)
        if self.guests.get(name) != state:
            reply = await self.ask("load", name, {"path": str(path)}, deadline)
            self.models[name], self.guests[name] = dict(reply.facts), state
        self.guests.move_to_end(name)
        while len(self.guests) > MOST_GUESTS:
            other, _ = self.guests.popitem(last=False)
            self.models.pop(other, None)
            await self.ask("unload", other, {}, deadline)
        return self.models[name]

    def leave(self, number: int, pending: Pending) -> None:
        """Tells the process that nobody waits for an answer any more. What it has begun stays in the list until it has
        ended it, which `watch` sees to."""
        pending.left, pending.until = True, min(pending.until, time.monotonic())
        if self.ready and self.writer is not None:
            self.writer.write(packed({"left": number}))
        if not pending.begun:
            self.pending.pop(number, None)

    def fail(self, numbers: list[int], error: UserError) -> None:
        for number in numbers:
            pending = self.pending.pop(number, None)
            if pending is not None and not pending.left:
                pending.done.set_exception(error)

    # --- the life of the process

    async def keep(self) -> None:
        """Runs one process after the other."""
        while True:
            await asyncio.sleep(PAUSES[min(self.failures, len(PAUSES) - 1)])
            try:
                await self.run_one()
            except UserError as error:
                if not self.settle(error):
                    log.error("the worker cannot start again: %s", error)
            self.failures += 1

    async def run_one(self) -> None:
        """Starts a process, and reads what it answers until it ends."""
        ours, theirs = socket.socketpair()
        process = self.context.Process(target=main, args=(theirs, self.settings), daemon=True)
        try:
            process.start()
            self.process = process
            self.statistics.started += 1
        finally:
            theirs.close()
        reader, self.writer = await asyncio.open_connection(sock=ours)
        unpacker, watch = Unpacker(), asyncio.create_task(self.watch(process))
        try:
            while part := await reader.read(CHUNK * 4):
                for message in unpacker.feed(part):
                    self.take(message)
        except ConnectionResetError:  # it was killed
            log.debug("the worker was killed")
        finally:
            self.ready = False
            watch.cancel()
            self.writer.close()
            await self.end(process)
        self.statistics.died += 1
        self.settle(WorkerError(f"the worker ended (exit status {process.exitcode})", code="worker.died"))
        begun = [number for number, one in self.pending.items() if one.begun]
        if begun or process.exitcode:
            log.warning("the worker ended (exit status %s) and is started again", process.exitcode)
        message = "the worker ended while it computed this; it is started again"
        self.fail(begun, WorkerError(message, code="worker.died", retry_after=5))

    def settle(self, error: UserError) -> bool:
        """Tells `start` that the first process failed; whether it was the first."""
        first = self.first is not None and not self.first.done()
        if self.first is not None and first:
            self.first.set_exception(error)
        return first

    @staticmethod
    async def end(process: BaseProcess) -> None:
        """Waits a moment for a process to end by itself, since its connection is closed; then kills it."""
        for _ in range(20):
            if not process.is_alive():
                break
            await asyncio.sleep(0.01)
        else:
            process.kill()
        await asyncio.to_thread(process.join)

    async def watch(self, process: BaseProcess) -> None:
        """Kills the process when it computes far beyond the deadline of what it computes."""
        while True:
            await asyncio.sleep(0.5)
            if any(one.begun and time.monotonic() > one.until + GRACE for one in self.pending.values()):
                log.warning("the worker computes %g s beyond a deadline and is replaced", GRACE)
                process.kill()
                return

    def take(self, message: Message) -> None:
        """What the process says."""
        fields = message.fields
        self.statistics.resident = fields.get("resident", self.statistics.resident)
        if "ready" in fields:
            self.models, self.ready = fields["ready"], True
            self.guests.clear()
            if self.first is not None and not self.first.done():
                self.first.set_result(None)
            for one in self.pending.values():
                if self.writer is not None:
                    self.writer.write(one.message)
        elif "failed" in fields:
            raise UserError(fields["failed"]["message"], code=fields["failed"]["code"])
        elif "begun" in fields:
            self.count(len(fields["begun"]))
            for number in fields["begun"]:
                if number in self.pending:
                    self.pending[number].begun = True
        elif "progress" in fields:
            pending = self.pending.get(fields["progress"])
            if pending is not None and pending.told is not None and not pending.left:
                pending.told(fields["share"])
        elif "leaving" in fields:
            self.statistics.renewed += 1
            log.warning("the worker uses %s MiB and is replaced", f"{fields['leaving'] >> 20:,}")
        else:
            self.answered(fields, message.body)

    def count(self, requests: int) -> None:
        if requests:
            self.statistics.passes += 1
            self.statistics.sizes[requests] = self.statistics.sizes.get(requests, 0) + 1

    def answered(self, fields: dict[str, Any], body: bytes) -> None:
        """An answer to a request."""
        self.statistics.answered += 1
        self.failures = 0
        pending = self.pending.pop(fields["id"], None)
        if pending is None or pending.left:
            return
        if "error" in fields:
            code, text = fields["error"]["code"], fields["error"]["message"]
            ours = code.startswith("worker.")
            pending.done.set_exception(WorkerError(text, code=code) if ours else UserError(text, code=code))
            return
        pending.done.set_result(
            Reply(body, fields["type"], fields["name"], fields["facts"], fields["seconds"], fields["together"])
        )
