"""The models of the studio, which worker processes hold: started when first needed, one for what is dragged and one for
what takes long. The web process itself computes nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import shutil
import tempfile
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ganforge.core.errors import UserError
from ganforge.web.child import Settings
from ganforge.web.confined import confined
from ganforge.web.refused import Refused
from ganforge.web.replies import Reply, WorkerError
from ganforge.web.studio.asking import Place
from ganforge.web.studio.runs import Runs, scanned
from ganforge.web.worker import Worker

OPERATIONS = (
    "ganforge.web.operations",
    *(f"ganforge.web.studio.{name}" for name in ("operations", "abilities", "dragging", "file_uses")),
)
MEMORY = 3 << 30
"""Bytes with which a worker is replaced."""
QUICK, LONG, LOADING = 60.0, 600.0, 120.0
"""Seconds that an answer may take, and the start of a worker or the loading of a model."""
IDLE = 15 * 60.0
"""Seconds without a request after which a worker ends."""
BETWEEN = 30.0
"""Seconds between two looks for such workers, at most."""
KEPT, KEPT_BYTES = 32, 256 << 20
"""Projections, directions and media that are kept for the pages, and bytes of media."""
STATUS = {
    "worker.busy": 503,
    "worker.died": 503,
    "worker.stopping": 503,
    "worker.late": 504,
    "worker.slow_start": 504,
    "worker.slow_model": 504,
    "worker.failed": 500,
    "worker.unknown_model": 503,
}
"""The HTTP status of what a worker refuses; of all else 422, since another request would be answered."""


class Latest:
    """Of the requests of each view at most one is computed and one waits: a newer one takes the place of the latter."""

    def __init__(self) -> None:
        self.newest: dict[str, int] = {}
        self.locks: dict[str, asyncio.Lock] = {}
        self.numbers = itertools.count(1)

    @contextlib.asynccontextmanager
    async def turn(self, view: str) -> AsyncIterator[None]:
        """Waits for the turn of a request.

        Raises:
            Refused: a newer one has come.
        """
        if not view:
            yield
            return
        mine = self.newest[view] = next(self.numbers)
        lock = self.locks.setdefault(view, asyncio.Lock())
        async with lock:
            if self.newest[view] != mine:
                raise Refused("a newer request of this view has come", code="studio.superseded", status=409)
            try:
                yield
            finally:
                if self.newest[view] == mine:
                    del self.newest[view], self.locks[view]


class Kept:
    """The last few values of a kind, by number: at most `most`, and at most `nbytes` of data in all."""

    def __init__(self, most: int = KEPT, nbytes: int = KEPT_BYTES):
        self.most, self.nbytes = most, nbytes
        self.values: OrderedDict[int, Any] = OrderedDict()
        self.numbers = itertools.count(1)

    def add(self, value: Any) -> int:
        number = next(self.numbers)
        self.values[number] = value
        while len(self.values) > self.most or (len(self.values) > 1 and self.size() > self.nbytes):
            self.values.popitem(last=False)
        return number

    def size(self) -> int:
        return sum(len(getattr(value, "data", b"")) for value in self.values.values())

    def get(self, number: int) -> Any:
        """The value of a number.

        Raises:
            Refused: it is not kept any more, or never was.
        """
        if number not in self.values:
            raise Refused("this is not kept any more: make it again", code="studio.forgotten", status=404)
        return self.values[number]


@dataclass(frozen=True)
class Projection:
    """A sample that was projected, or whose points were moved: of which weights, and its point."""

    model: str
    codes: Mapping[str, Any]


@dataclass(frozen=True)
class Medium:
    """Something to show: its bytes and MIME type, and whether it is a page that runs scripts of its own."""

    data: bytes
    type: str
    runs: bool


@dataclass
class Models:
    """Asks workers for what models make.

    Attributes:
        context: how worker processes are started; None: as new ones.
        idle: seconds without a request after which a worker ends, so that its memory is free; 0: never.
        used: when each worker was asked last. holders: requests that have a folder of it.
        directions: (model, hash of its file, method) → the content of a file of directions.
    """

    context: Any = None
    idle: float = IDLE
    latest: Latest = field(default_factory=Latest)
    projections: Kept = field(default_factory=Kept)
    media: Kept = field(default_factory=lambda: Kept(2 * KEPT))
    directions: OrderedDict[tuple[str, str, str], bytes] = field(default_factory=OrderedDict)
    abilities: dict[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    workers: dict[bool, Worker] = field(default_factory=dict)
    used: dict[bool, float] = field(default_factory=dict)
    holders: int = 0
    sweeper: asyncio.Task[None] | None = None
    starting: asyncio.Lock = field(default_factory=asyncio.Lock)
    loading: dict[bool, asyncio.Lock] = field(default_factory=lambda: {long: asyncio.Lock() for long in (False, True)})

    async def worker(self, long: bool) -> Worker:
        """A running worker: the one for what takes long, or the other."""
        async with self.starting:
            if long not in self.workers:
                settings = Settings({}, threads=1, memory=MEMORY, operations=OPERATIONS)
                worker = Worker(settings, context=self.context)
                try:
                    await worker.start(LOADING)
                except UserError as error:
                    raise refused(error) from None
                self.workers[long] = worker
            self.used[long] = time.monotonic()
            if self.sweeper is None and self.idle:
                self.sweeper = asyncio.create_task(self.sweep())
            return self.workers[long]

    async def sweep(self) -> None:
        """Ends workers that nobody has asked for a while, until there are none; the next request starts one again."""
        while self.workers:
            await asyncio.sleep(min(self.idle / 4, BETWEEN))
            async with self.starting:
                for long, worker in list(self.workers.items()):
                    busy = worker.pending or (long and self.holders)
                    if not busy and time.monotonic() - self.used[long] > self.idle:
                        del self.workers[long]
                        await worker.stop()
        self.sweeper = None

    async def stop(self) -> None:
        """Ends the processes."""
        if self.sweeper is not None:
            self.sweeper.cancel()
            self.sweeper = None
        for worker in self.workers.values():
            await worker.stop()
        self.workers.clear()

    @contextlib.asynccontextmanager
    async def folder(self) -> AsyncIterator[Path]:
        """A folder for the files of one request to the worker for what takes long; removed afterwards."""
        worker = await self.worker(True)
        self.holders += 1
        folder = Path(await asyncio.to_thread(tempfile.mkdtemp, dir=worker.scratch))
        try:
            yield folder
        finally:
            self.holders -= 1
            await asyncio.to_thread(shutil.rmtree, folder, True)

    async def facts(self, name: str, path: Path, long: bool = False) -> Mapping[str, Any]:
        """What is known of a model, which is loaded if it is not yet.

        Raises:
            Refused: it cannot be loaded.
        """
        worker = await self.worker(long)
        async with self.loading[long]:
            try:
                return await worker.load(name, path, LOADING)
            except UserError as error:
                if error.code == "worker.late":
                    text = f"{name}: not loaded within {LOADING:g} s: it is large, or what was asked before takes long"
                    raise Refused(text, code="worker.slow_model", status=504) from None
                raise refused(error) from None

    async def ask(
        self, operation: str, name: str, path: Path, fields: Mapping[str, Any], view: str = "", long: bool = False
    ) -> Reply:
        """The answer of a worker.

        Args:
            view: the part of a page that asks; see `Latest`. long: whether this may take long.

        Raises:
            Refused: the model cannot be loaded or refuses, or the worker is busy.
        """
        async with self.latest.turn(view):
            await self.facts(name, path, long)
            worker = await self.worker(long)
            try:
                return await worker.ask(operation, name, fields, LONG if long else QUICK)
            except UserError as error:
                raise refused(error) from None
            finally:
                self.used[long] = time.monotonic()

    async def able(self, name: str, path: Path) -> Mapping[str, Any]:
        """What the page Explore can show of a model."""
        facts = await self.facts(name, path)
        key = (name, facts["sha256"])
        if key not in self.abilities:
            self.abilities[key] = (await self.ask("abilities", name, path, {})).facts
        return self.abilities[key]

    async def found(self, name: str, path: Path, method: str) -> dict[str, Any]:
        """Directions of a model, which are sought if they are not known yet."""
        return json.loads(await self.directions_file(name, path, method))

    async def directions_file(self, name: str, path: Path, method: str) -> bytes:
        key = (name, (await self.facts(name, path))["sha256"], method)
        if key not in self.directions:
            fields = {"method": method, "layers": None}
            self.directions[key] = (await self.ask("directions", name, path, fields, long=True)).data
            while len(self.directions) > KEPT:
                self.directions.popitem(last=False)
        return self.directions[key]

    async def place(self, name: str, path: Path, ask: Place) -> dict[str, Any]:
        """A place as a worker takes it: with the vectors of its moves and the point of its projection.

        Raises:
            Refused: there is no such direction, or the projection is one of another model.
        """
        fields = ask.model_dump(exclude={"view", "moves", "projected"})
        codes = None
        if ask.projected is not None:
            projection: Projection = self.projections.get(ask.projected)
            if projection.model != (await self.facts(name, path))["sha256"]:
                raise Refused(
                    "this was projected with other weights: project it again", code="studio.forgotten", status=404
                )
            codes, fields["to"] = projection.codes, None
        shifts = [await self.shift(name, path, move.method, move.name, move.amount) for move in ask.moves]
        return {**fields, "n": 1, "codes": codes, "shifts": shifts}

    async def shift(self, name: str, path: Path, method: str, direction: str, amount: float) -> dict[str, Any]:
        """A move along a direction: {"vector", "layers"}."""
        found = await self.found(name, path, method)
        row = next((row for row in found["directions"] if row["name"] == direction), None)
        if row is None:
            raise Refused(f"there is no direction {direction!r}", code="direction.unknown", status=422)
        return {"vector": [amount * row["sigma"] * v for v in row["vector"]], "layers": found["layers"]}


def refused(error: UserError) -> Refused:
    """What a worker refuses, as an answer."""
    after = error.retry_after if isinstance(error, WorkerError) else None
    status = 501 if error.code.startswith("extra.") else STATUS.get(error.code, 422)
    return Refused(str(error), code=error.code, status=status, retry_after=after)


def model_path(runs: Runs, name: str) -> Path:
    """The run directory or model file of that name below the folder of the runs.

    Raises:
        Refused: there is none.
    """
    path = confined(runs.root, name)
    if path.is_file() and path.suffix == ".safetensors":
        return path
    if runs.jobs.holds(path) and (path / "model.safetensors").is_file():
        return path
    raise Refused(f"{name}: there is no model of that name", code="studio.no_model", status=404)


def listing(runs: Runs) -> list[dict[str, Any]]:
    """All models: runs that have one, the newest first, then model files beside them."""
    rows = [
        {"name": row["name"], "recipe": row["recipe"], "state": row["state"]} for row in runs.rows() if row["model"]
    ]
    files = sorted(entry.name for entry in scanned(runs.root) if entry.name.endswith(".safetensors"))
    return rows + [{"name": name, "recipe": "", "state": ""} for name in files if not name.startswith(".")]
