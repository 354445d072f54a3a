"""A model of images, one of rows and one that translates, and a worker that starts in milliseconds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ganforge.cli.main import main
from ganforge.web.binding import hosts_of
from ganforge.web.child import Settings
from ganforge.web.replies import Statistics
from ganforge.web.serve.app import Options, Server
from ganforge.web.worker import Worker
from processes import server
from serve.asking import Ask
from web.asking import TOKEN, Said, asked

OPERATIONS = ("ganforge.web.operations", "serve.slow_operations")
PEOPLE = Path(__file__).parents[1] / "golden" / "people.csv"


@pytest.fixture(autouse=True)
def kernels_of_the_worker() -> Iterator[None]:
    """The worker computes its convolutions with oneDNN, and what is compared with it bit for bit does too."""
    before = torch.backends.mkldnn.enabled
    torch.backends.mkldnn.enabled = True
    yield
    torch.backends.mkldnn.enabled = before


@pytest.fixture(scope="session")
def trained(tmp_path_factory) -> dict[str, str]:
    """Name → run directory of `digits` (8 px, two classes), `people` (a table) and `denoise` (16 px)."""
    folder = tmp_path_factory.mktemp("serve")
    draws = np.random.default_rng(0)
    np.savez(folder / "shades.npz", images=draws.integers(0, 255, (40, 8, 8), np.uint8), labels=np.arange(40) % 2)
    (folder / "photos").mkdir()
    for k in range(8):
        Image.fromarray(draws.integers(0, 255, (16, 16, 3), np.uint8)).save(folder / "photos" / f"{k}.png")
    small = ["task.generator.channels=8", "task.discriminator.channels=8"]
    for name, words in {
        "digits": ["cdcgan", f"data={folder / 'shades.npz'}", "samples=32", "batch=16", *small],
        "people": ["tvae", f"data={PEOPLE}", "samples=40", "batch=20"],
        "denoise": ["denoise-small", f"data={folder / 'photos'}", "samples=8", "batch=4", "signal.size=16"],
    }.items():
        with pytest.raises(SystemExit) as ended:
            main(["train", *words, "callbacks=[]", "--run-dir", str(folder / name), "-q"])
        assert ended.value.code in (0, None)
    return {name: str(folder / name) for name in ("digits", "people", "denoise")}


@pytest.fixture(scope="session")
def shared(trained) -> Iterator[tuple[asyncio.AbstractEventLoop, Worker]]:
    """A worker of all three models, which most tests use one after the other, and the event loop that it lives in."""
    loop = asyncio.new_event_loop()
    held = Worker(Settings(trained, operations=OPERATIONS), context=server())
    loop.run_until_complete(held.start())
    yield loop, held
    loop.run_until_complete(held.stop())
    loop.close()


@pytest.fixture
def with_worker(shared, monkeypatch) -> Callable[..., Any]:
    """Runs `use(worker)` with the shared worker, whose statistics start at zero: `with_worker(use, most_waiting=2)`."""
    loop, held = shared

    def run(use: Callable[[Worker], Coroutine[Any, Any, Any]], most_waiting: int = 64) -> Any:
        monkeypatch.setattr(held, "most_waiting", most_waiting)
        resident, held.statistics = held.statistics.resident, Statistics()
        held.statistics.resident = resident
        return loop.run_until_complete(use(held))

    return run


@pytest.fixture
def with_server(with_worker) -> Callable[..., Any]:
    """Runs `use(ask, server)` against the application, without a network."""

    def run(use: Callable[[Ask, Server], Awaitable[Any]], most_waiting: int = 64, **options: Any) -> Any:
        more = {"token": TOKEN, "hosts": hosts_of("127.0.0.1", 8000), "log": None}

        async def go(worker: Worker) -> Any:
            server = Server(worker, Options(**(more | options)))
            app = server.app()

            def ask(path: str, **fields: Any) -> Awaitable[Said]:
                return asked(app, path, **fields)

            return await use(ask, server)

        return with_worker(go, most_waiting)

    return run
