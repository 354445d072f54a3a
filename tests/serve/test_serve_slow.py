"""The real command as a process of its own: memory over many requests, and what happens when processes are killed.

GANFORGE_SOAK is the number of requests of the long test, 100,000 by default.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from serve.test_serve_running import Client

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
    pytest.mark.timeout(3 * 3600),
]
QUERIES = ("seed={}", "seed={}&label=1", "seed={}&n=3&format=npz", "seed={}&exact=true", "seed={}&label=no", "n=0{}x")
STATUS = {"seed={}&label=no": 422, "n=0{}x": 422}


class Running(NamedTuple):
    port: int
    process: subprocess.Popen[str]

    def worker(self) -> int:
        """The process that computes: the child that has loaded torch."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return next(int(pid) for pid in children if has_torch(int(pid)))


def has_torch(pid: int) -> bool:
    return "libtorch" in Path(f"/proc/{pid}/maps").read_text()


def resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextlib.contextmanager
def served(model: str, *words: str) -> Iterator[Running]:
    command = [sys.executable, "-m", "ganforge", "serve", f"digits={model}", "--port", "0", "--json", "--quiet", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    text = ""
    while not text.endswith("}\n"):
        text += process.stdout.readline()
    try:
        yield Running(int(json.loads(text)["url"].rpartition(":")[2]), process)
    finally:
        process.kill()
        process.wait()


async def load(port: int, requests: int, clients: int = 16) -> None:
    """Sends requests of all sorts and checks the status of each."""
    numbers = iter(range(requests))

    async def one() -> None:
        async with Client(port) as client:
            for k in numbers:
                query = QUERIES[k % len(QUERIES)]
                status, _ = await client.get(f"/v1/models/digits/sample?{query.format(k)}")
                assert status == STATUS.get(query, 200), query

    await asyncio.gather(*(one() for _ in range(clients)))


def growth(running: Running, requests: int) -> dict[str, float]:
    """How much more memory both processes hold after `requests`, as a share of what they held after 1,000."""
    asyncio.run(load(running.port, 1_000))
    before = {"web": resident(running.process.pid), "worker": resident(running.worker())}
    asyncio.run(load(running.port, requests))
    after = {"web": resident(running.process.pid), "worker": resident(running.worker())}
    return {name: after[name] / before[name] - 1 for name in before}


def test_the_web_process_is_small_and_memory_does_not_grow(trained):
    with served(trained["digits"]) as running:
        assert not has_torch(running.process.pid)
        assert resident(running.process.pid) < 80 << 20
        assert max(growth(running, 10_000).values()) < 0.05


def test_soak(trained):
    with served(trained["digits"]) as running:
        assert max(growth(running, int(os.environ.get("GANFORGE_SOAK", "100000"))).values()) < 0.05


def test_killed_processes(trained):
    async def until_ready(port: int) -> None:
        async with asyncio.timeout(60), Client(port) as client:
            while (await client.get("/readyz"))[0] != 200:
                await asyncio.sleep(0.1)

    with served(trained["digits"]) as running:
        first = running.worker()
        os.kill(first, signal.SIGKILL)
        time.sleep(0.5)
        asyncio.run(until_ready(running.port))
        asyncio.run(load(running.port, 100))
        second = running.worker()
        assert second != first
        os.kill(running.process.pid, signal.SIGKILL)
        for _ in range(100):
            if not Path(f"/proc/{second}").exists():
                break
            time.sleep(0.1)
        assert not Path(f"/proc/{second}").exists(), "the worker ends with the web process"


def test_a_signal_ends_the_server_well_while_it_is_busy(trained):
    with served(trained["digits"]) as running:

        async def busy() -> None:
            under_way = asyncio.create_task(load(running.port, 10**6))
            await asyncio.sleep(1 + random.random())
            running.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):  # the next request of a client
                await under_way

        asyncio.run(busy())
        assert running.process.wait(20) == 0


def test_a_signal_ends_a_job_and_its_process(trained):
    with served(trained["digits"]) as running:

        async def begin() -> None:
            async with asyncio.timeout(250), Client(running.port) as client:
                body = json.dumps({"n": 100_000, "format": "npz"}).encode()
                client.send("POST /v1/models/digits/jobs/sample HTTP/1.1", body, content_type="application/json",
                            content_length=str(len(body)))  # fmt: skip
                status, said = await client.answer()
                assert status == 202
                while json.loads(said)["state"] != "running":
                    _, said = await client.get(f"/v1/jobs/{json.loads(said)['id']}")
                    await asyncio.sleep(0.05)
                assert (await client.get("/v1/models/digits/sample?seed=1"))[0] == 200

        asyncio.run(begin())
        children = Path(f"/proc/{running.process.pid}/task/{running.process.pid}/children").read_text().split()
        workers = [pid for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        assert len(workers) == 2
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(30) == 0
        assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]
