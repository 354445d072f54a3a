"""The process that holds models and computes: the only part of the web that imports torch.

It reads requests (`frames`), and answers each with one message. After each piece of work it takes all that has arrived
meanwhile and computes together what can share a pass through the nets (`inference.together`): it never waits for more,
so that a single client loses nothing.

    {"id", "op", "model", "until", ...}  →  {"begun": [id, ...]}, then {"id", "type", "name", ...} + body
                                            or {"id", "error": {"code", "message"}}
    {"left": id}                         →  nothing: nobody waits for that answer any more
                                            {"progress": id, "share"} from operations that tell how far they are

into: a file that gets the body of the answer, which then has none: large ones need not pass through the web process.
until: `time.monotonic()` at which nobody waits for the answer any more, the same clock in both processes.
"""

from __future__ import annotations

import importlib
import logging
import select
import signal
import socket
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganforge.core.errors import GanforgeError, UserError
from ganforge.web.frames import Unpacker, packed
from ganforge.web.memory import limit_memory, resident

if TYPE_CHECKING:
    from ganforge.web.operations import Answer, Draw, Held

log = logging.getLogger("ganforge")

CHUNK = 1 << 16  # bytes read at a time


@dataclass(frozen=True)
class Settings:
    """What a worker process is started with.

    Attributes:
        models: name → run directory or model file.
        scratch: a folder for files on their way; the handle makes one and removes it.
        device: as for `ganforge sample`; None: the best available.
        precision: of samples and translations, as for `ganforge sample`.
        threads: of torch.
        together: samples of several requests that are computed in one pass, at most.
        memory: bytes with which the process is replaced, and which a request may take at most.
        plugins: files that register components. operations: modules that register more operations.
    """

    models: dict[str, str]
    scratch: str = ""
    device: str | None = None
    precision: str = "fp32"
    threads: int = 1
    together: int = 32
    memory: int = 4 << 30
    plugins: tuple[str, ...] = ()
    operations: tuple[str, ...] = ("ganforge.web.operations",)


def main(connection: socket.socket, settings: Settings) -> None:
    """Loads the models, answers requests, and returns when the other side closes the connection."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches both processes; the other one decides when to end
    sys.stdout = sys.stderr  # stdout belongs to the other process, which may have a document to print
    from ganforge.ui.notices import shown_on_stderr

    shown_on_stderr()
    child = Child(connection, settings)
    try:
        child.begin()
        child.serve()
    except (BrokenPipeError, ConnectionResetError):
        return


@dataclass
class Waiting:
    """A request that has arrived, with what its samples need once it is looked at."""

    fields: dict[str, Any]
    draw: Draw | None = None
    error: dict[str, str] | None = None
    looked_at: bool = False


@dataclass
class Child:
    """The loop of the worker process."""

    connection: socket.socket
    settings: Settings
    held: dict[str, Held] = field(default_factory=dict)
    waiting: deque[Waiting] = field(default_factory=deque)
    unpacker: Unpacker = field(default_factory=Unpacker)
    closed: bool = False
    computed: int | None = None
    """The request that is computed by itself; None once nobody waits for it."""

    def begin(self) -> None:
        """Loads and warms up all models, and says so, or what is wrong."""
        import torch

        from ganforge.core.device import pick_device
        from ganforge.registry import load_plugin

        torch.set_num_threads(self.settings.threads)
        for module in self.settings.operations:
            importlib.import_module(module)
        try:
            for file in self.settings.plugins:
                load_plugin(file)
            for name, path in self.settings.models.items():
                self.held[name] = self.loaded(name, path)
            if pick_device(self.settings.device).type == "cpu":  # drivers of GPUs reserve far more than they use
                limit_memory(self.settings.memory)
            if (used := resident()) > self.settings.memory:
                raise UserError(
                    f"the models take {used >> 20:,} MiB, more than the {self.settings.memory >> 20:,} MiB allowed: "
                    "raise the limit with --memory, or serve fewer of them",
                    code="worker.too_large",
                )
        except GanforgeError as error:
            self.send({"failed": error_of(error)})
            raise SystemExit(2) from None
        models = {name: one.facts for name, one in self.held.items()}
        self.send({"ready": models, "resident": resident()})

    def loaded(self, name: str, path: str) -> Held:
        from ganforge.web.operations import Held

        return Held.load(name, path, Path(self.settings.scratch), self.settings.device, self.settings.precision)

    def serve(self) -> None:
        """Answers requests until the connection is closed and all are answered, or the memory is used up."""
        while True:
            self.receive(wait=not self.waiting)
            if not self.waiting:
                if self.closed:
                    return
                continue  # what waited was left
            self.answer(self.group())
            if (used := resident()) > self.settings.memory:
                self.send({"leaving": used})
                return

    def receive(self, wait: bool) -> None:
        """Takes what has arrived; with `wait`, until there is something."""
        while not self.closed and select.select([self.connection], [], [], None if wait else 0)[0]:
            part = self.connection.recv(CHUNK)
            self.closed = not part
            for message in self.unpacker.feed(part):
                if "left" in message.fields:
                    self.leave(message.fields["left"])
                    continue
                self.waiting.append(Waiting(message.fields))
                wait = False

    def leave(self, number: int) -> None:
        """Forgets a request for which nobody waits."""
        self.waiting = deque(one for one in self.waiting if one.fields["id"] != number)
        if self.computed == number:
            self.computed = None

    def tell(self, share: float) -> None:
        """Says how far the request is that is computed by itself.

        Raises:
            UserError: nobody waits for it any more.
        """
        self.receive(wait=False)
        if self.computed is None or self.closed:
            raise UserError("nobody waits for this any more", code="worker.left")
        self.send({"progress": self.computed, "share": share})

    def group(self) -> list[Waiting]:
        """The oldest request, and those behind it that share its pass."""
        first = self.waiting.popleft()
        group = [first]
        if (draw := self.look_at(first)) is None:
            return group
        room = self.settings.together - draw.request.n
        kept: deque[Waiting] = deque()
        for other in self.waiting:
            asked = self.look_at(other) if room > 0 else None
            if asked is not None and asked.key == draw.key and asked.request.n <= room:
                group.append(other)
                room -= asked.request.n
            else:
                kept.append(other)
        self.waiting = kept
        return group

    def look_at(self, one: Waiting) -> Draw | None:
        """What a request draws, if it can share a pass; errors are kept for its answer."""
        if not one.looked_at and one.fields.get("op") not in ("load", "unload"):
            one.looked_at = True
            try:
                operation, held = self.asked(one.fields)
                one.draw = operation.draw(held, one.fields) if operation.draw else None
            except Exception as error:
                one.error = error_of(error)
        return one.draw

    def asked(self, fields: dict[str, Any]) -> tuple[Any, Any]:
        """The operation and the model that a request names."""
        from ganforge.web.operations import OPERATIONS

        name, model = fields.get("op"), fields.get("model")
        if name not in OPERATIONS:
            raise UserError(f"no operation {name!r}", code="worker.unknown_operation")
        if model not in self.held:
            raise UserError(f"no model {model!r} (there are: {', '.join(self.held)})", code="worker.unknown_model")
        return OPERATIONS[name], self.held[model]

    def run(self, fields: dict[str, Any]) -> Answer:
        """What a request that is computed by itself asks for."""
        from ganforge.web.operations import Answer

        name = fields["model"]
        if fields["op"] == "load":
            self.held.pop(name, None)  # or both would be in memory
            self.held[name] = self.loaded(name, fields["path"])
            return Answer(facts=self.held[name].facts)
        if fields["op"] == "unload":
            self.held.pop(name, None)
            return Answer()
        operation, held = self.asked(fields)
        self.computed, held.tell = fields["id"], self.tell
        try:
            return operation.run(held, fields)
        finally:
            self.computed = None

    def answer(self, group: list[Waiting]) -> None:
        """Computes a group and sends its answers."""
        now = time.monotonic()
        late = [one for one in group if one.fields.get("until", now) < now]
        for one in late:
            one.error = {"code": "worker.late", "message": "the answer would come after the deadline"}
        todo = [one for one in group if one.error is None]
        self.send({"begun": [one.fields["id"] for one in todo]})
        if todo:
            self.compute(todo)
        for one in group:
            if one.error is not None:
                self.send({"id": one.fields["id"], "error": one.error})

    def compute(self, group: list[Waiting]) -> None:
        """Sends the answers of a group that can share a pass, or of one request; keeps errors with the requests."""
        from ganforge.inference.together import generate_together

        begun = time.perf_counter()
        draws = [one.draw for one in group if one.draw is not None]
        try:
            samples = generate_together(draws[0].model.bundle, [d.request for d in draws]) if draws else []
        except Exception as error:
            for one in group:
                one.error = error_of(error)
            return
        for k, one in enumerate(group):
            try:
                made = self.run(one.fields) if one.draw is None else one.draw.finish(samples[k])
                message = answer_of(one.fields, made, time.perf_counter() - begun, len(group))
            except Exception as error:
                one.error = error_of(error)
                continue
            self.connection.sendall(message)

    def send(self, fields: dict[str, Any]) -> None:
        self.connection.sendall(packed(fields))


def answer_of(asked: dict[str, Any], made: Answer, seconds: float, together: int) -> bytes:
    """The message that answers a request."""
    facts = {"seconds": round(seconds, 6), "together": together, "resident": resident()}
    data = made.data
    if "into" in asked:
        Path(asked["into"]).write_bytes(data)
        data = b""
    return packed({"id": asked["id"], "type": made.type, "name": made.name, "facts": made.facts, **facts}, data)


def error_of(error: Exception) -> dict[str, str]:
    """An error as it is answered: of a user's mistake its sentence, else what sort of failure it was."""
    if isinstance(error, GanforgeError):
        return {"code": getattr(error, "code", "") or "worker.failed", "message": str(error)}
    from ganforge.core.device import is_out_of_memory

    if is_out_of_memory(error):
        message = "there is not enough memory for this request: ask for fewer or smaller samples"
        return {"code": "worker.out_of_memory", "message": message}
    log.error("a request failed", exc_info=error)
    return {"code": "worker.failed", "message": "an internal error; the terminal of the server says more"}
