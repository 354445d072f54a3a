"""Work that takes longer than a request may: asked for now, fetched later.

    add → waiting → running → done or failed → forgotten 10 minutes later; `remove` cancels and forgets at any time

One job is computed at a time, by a worker process of its own, which starts with the first job and ends with the last,
so that short requests never wait for one.
"""

from __future__ import annotations

import asyncio
import logging
import math
import secrets
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ganforge.core.errors import UserError
from ganforge.web.refused import Refused, without
from ganforge.web.worker import Worker

log = logging.getLogger("ganforge")

KEPT_SECONDS = 600.0
"""How long a job is kept after its end, with its result."""
MOST_KEPT, MOST_BYTES = 256, 1 << 30
"""Jobs that are known at a time, and bytes of their results: with more, no new ones are taken until some are forgotten
or removed."""
RESULT = "result"


@dataclass
class Job:
    """A job, from its start until it is forgotten.

    Attributes:
        asked: fields of the request, with the paths of uploaded files in `folder`, where the result lies too.
        state: "waiting", "running", "done" or "failed".
        progress: the share that is done, in [0, 1]; None where the operation does not say.
        created, ended: Unix time in seconds.
        type, name, nbytes: MIME type of the result, a name for it, its bytes.
    """

    id: str
    model: str
    operation: str
    asked: Mapping[str, Any]
    folder: Path
    state: str = "waiting"
    progress: float | None = None
    created: float = field(default_factory=time.time)
    ended: float | None = None
    error: UserError | None = None
    type: str = ""
    name: str = ""
    nbytes: int = 0
    task: asyncio.Task[None] | None = None

    @property
    def over(self) -> bool:
        return self.state in ("done", "failed")

    @property
    def left(self) -> float:
        """Seconds until it is forgotten."""
        return math.inf if self.ended is None else max(0.0, self.ended + KEPT_SECONDS - time.time())

    def tell(self, share: float) -> None:
        self.progress = share

    def to_plain(self) -> dict[str, Any]:
        """What a client is told."""
        facts: dict[str, Any] = {"id": self.id, "model": self.model, "operation": self.operation, "state": self.state}
        facts |= {"progress": self.progress, "created": round(self.created, 3)}
        if self.ended is not None:
            facts |= {"ended": round(self.ended, 3), "kept_seconds": math.floor(self.left)}
        if self.state == "done":
            facts["result"] = {"type": self.type, "name": self.name, "bytes": self.nbytes}
        if self.error is not None:
            facts["error"] = {"code": self.error.code, "message": without(str(self.error), [self.folder])}
        return facts


class Jobs:
    """All jobs of a server.

    Args:
        serving: the worker of short requests: models, limits and the folder for files are as there.
        most: unfinished jobs at a time; 0: none are taken.
        deadline: seconds that a job may be computed.
    """

    def __init__(self, serving: Worker, most: int, deadline: float):
        self.serving, self.most, self.deadline = serving, most, deadline
        self.known: dict[str, Job] = {}
        self.worker: Worker | None = None
        self.turn = asyncio.Lock()

    def __len__(self) -> int:
        """Unfinished jobs."""
        return sum(not job.over for job in self.known.values())

    @property
    def nbytes(self) -> int:
        """Bytes of all results."""
        return sum(job.nbytes for job in self.known.values())

    def check(self) -> None:
        """Raises `Refused` where no more jobs are taken."""
        if not self.most:
            raise Refused("this server takes no jobs (--jobs 0)", code="serve.no_jobs", status=404)
        if len(self) >= self.most:
            raise Refused(
                f"{len(self)} jobs are unfinished, as many as are taken: try again later",
                code="serve.many_jobs",
                status=503,
                retry_after=30,
            )
        if len(self.known) >= MOST_KEPT or self.nbytes >= MOST_BYTES:
            soon = min(job.left for job in self.known.values())
            raise Refused(
                "results of other jobs take all the room that there is for them: DELETE some, or try again later",
                code="serve.kept_jobs",
                status=503,
                retry_after=math.ceil(min(soon, KEPT_SECONDS)),
            )

    def add(self, model: str, operation: str, asked: Mapping[str, Any], folder: Path) -> Job:
        """Begins a job. The folder holds its files, and is removed with it.

        Raises:
            Refused: no more jobs are taken.
        """
        self.check()
        job = Job(secrets.token_urlsafe(16), model, operation, asked, folder)
        self.known[job.id] = job
        job.task = asyncio.create_task(self.run(job))
        return job

    def get(self, number: str) -> Job:
        """The job of an id.

        Raises:
            Refused: there is none.
        """
        if number not in self.known:
            raise Refused(
                f"there is no such job, or it ended more than {KEPT_SECONDS / 60:g} minutes ago",
                code="serve.unknown_job",
                status=404,
            )
        return self.known[number]

    def result(self, number: str) -> tuple[Path, Job]:
        """The file of a job that is done.

        Raises:
            Refused: it is not done yet.
            UserError: it failed, and why.
        """
        job = self.get(number)
        if job.error is not None:
            raise job.error
        if job.state != "done":
            raise Refused(f"this job is {job.state}", code="serve.job_not_done", status=409, retry_after=1)
        return job.folder / RESULT, job

    async def remove(self, number: str) -> None:
        """Cancels a job that is not done, and forgets it with its files."""
        job = self.get(number)
        if job.task is not None and not job.task.done():
            job.task.cancel()
            await asyncio.wait([job.task])
        await self.forget(job)

    async def stop(self) -> None:
        """Cancels and forgets all jobs, and ends their worker."""
        while self.known:
            await self.remove(next(iter(self.known)))

    async def forget(self, job: Job) -> None:
        if self.known.pop(job.id, None) is None:
            return
        await asyncio.to_thread(shutil.rmtree, job.folder, True)
        if not self.known and self.worker is not None:
            worker, self.worker = self.worker, None
            await worker.stop()

    async def run(self, job: Job) -> None:
        """Computes a job in its turn, and forgets it when its time is over."""
        try:
            async with self.turn:
                job.state = "running"
                await self.compute(job)
            job.state = "done"
        except UserError as error:
            job.state, job.error = "failed", error
        except Exception as error:
            log.error("a job failed", exc_info=error)
            message = "an internal error; the terminal of the server says more"
            job.state, job.error = "failed", UserError(message, code="web.internal")
        job.ended = time.time()
        await asyncio.sleep(KEPT_SECONDS)
        await self.forget(job)

    async def compute(self, job: Job) -> None:
        if self.worker is None:
            worker = Worker(replace(self.serving.settings), context=self.serving.context)
            await worker.start()
            self.worker = worker
        file = job.folder / RESULT
        asked = {**job.asked, "into": str(file)}
        reply = await self.worker.ask(job.operation, job.model, asked, self.deadline, job.tell)
        job.type, job.name, job.nbytes = reply.type, reply.name, file.stat().st_size
