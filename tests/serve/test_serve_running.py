"""The server on a port: signals, slow and lying clients, many clients; and the command."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ganforge.cli.serve import named
from ganforge.web import worker
from ganforge.web.asks import Sample
from ganforge.web.binding import hosts_of
from ganforge.web.child import Settings
from ganforge.web.serve import running
from ganforge.web.serve.app import Options, Server
from ganforge.web.worker import Worker
from processes import server
from refused import refused
from serve.conftest import OPERATIONS

SAMPLE = "/v1/models/digits/sample"


class Client:
    """A connection to the server, to which bytes are sent as a test wants."""

    def __init__(self, port: int):
        self.port = port

    async def __aenter__(self) -> Client:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()

    def send(self, head: str, body: bytes = b"", **headers: str) -> None:
        lines = [head, f"host: 127.0.0.1:{self.port}", *(f"{k.replace('_', '-')}: {v}" for k, v in headers.items())]
        self.writer.write("\r\n".join([*lines, "", ""]).encode() + body)

    async def answer(self) -> tuple[int, bytes]:
        """The status and the body of the next answer."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = next((int(line[15:]) for line in head.split("\r\n") if line.startswith("content-length:")), 0)
        return int(head.split()[1]), await self.reader.readexactly(length)

    async def get(self, path: str) -> tuple[int, bytes]:
        self.send(f"GET {path} HTTP/1.1")
        return await self.answer()


@pytest.fixture
def on_a_port(trained) -> Callable[..., None]:
    """Runs `use(port, worker)` while the server serves; it must end the server by a signal."""

    def run(use: Callable[[int, Worker], Awaitable[Any]], **options: Any) -> None:
        async def go() -> None:
            held = Worker(Settings({"digits": trained["digits"]}, operations=OPERATIONS), context=server())
            bound, ready = running.listening("127.0.0.1", 0), asyncio.Event()
            port = bound.getsockname()[1]
            served = Server(held, Options(hosts=hosts_of("127.0.0.1", port), log=None, **options))
            serving = asyncio.create_task(running.serve(served, bound, ready.set))
            await ready.wait()
            await use(port, held)
            await serving
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", port)

        asyncio.run(go())

    return run


@pytest.mark.slow
def test_many_clients_and_bad_ones(on_a_port, monkeypatch):
    monkeypatch.setattr(running, "PATIENCE", 0.3)

    async def use(port: int, held: Worker):
        async def draw(k: int) -> int:
            async with Client(port) as client:
                return (await client.get(f"{SAMPLE}?seed={k}"))[0]

        async with (
            Client(port) as silent,
            Client(port) as endless,
            Client(port) as stalled,
            Client(port) as long,
            Client(port) as short,
            Client(port) as chunked,
            Client(port) as noise,
        ):
            await asyncio.sleep(0.1)  # the server has accepted these; those to come are given time
            monkeypatch.setattr(running, "PATIENCE", 20.0)
            endless.writer.write(b"GET / HTTP/1.1\r\nx-a: ")
            stalled.send(f"POST {SAMPLE} HTTP/1.1", b"{", content_type="application/json", content_length="100")
            long.send(f"POST {SAMPLE} HTTP/1.1", b"{}" + b"x" * 500, content_type="application/json",
                      content_length="2")  # fmt: skip
            short.send(f"POST {SAMPLE} HTTP/1.1", content_type="application/json", content_length="99999999999")
            chunked.send(f"POST {SAMPLE} HTTP/1.1", content_type="application/json", transfer_encoding="chunked")
            chunked.writer.write(b"20000\r\n" + b" " * 0x20000 + b"\r\n")
            chunked.writer.write(b"40000\r\n" + b" " * 0x40000 + b"\r\n")
            noise.writer.write(os.urandom(300) + b"\r\n\r\n")
            assert set(await asyncio.gather(*map(draw, range(40)))) == {200}
            assert (await stalled.answer())[0] == 408
            assert (await short.answer())[0] == 413
            assert (await chunked.answer())[0] == 413
            assert (await long.answer())[0] == 200
            assert (await noise.answer())[0] == 400
            async with Client(port) as kept:
                for k in range(3):
                    assert (await kept.get(f"{SAMPLE}?seed={k}"))[0] == 200
            async with asyncio.timeout(5):
                for client in (silent, endless, long):
                    assert await client.reader.read() == b""
        assert held.waiting == 0
        assert max(held.statistics.sizes) > 1
        # What is under way is answered before the end.
        waits = asyncio.create_task(held.ask("wait", "digits", {"seconds": 0.3}))
        async with Client(port) as client:
            client.send(f"GET {SAMPLE} HTTP/1.1")
            while held.waiting < 2:
                await asyncio.sleep(0.01)
            os.kill(os.getpid(), signal.SIGTERM)
            assert (await client.answer())[0] == 200
        await waits

    on_a_port(use, patience=0.2)


def test_the_client_of_the_docs(on_a_port):
    text = (Path(__file__).parents[2] / "docs" / "serve.md").read_text(encoding="utf-8")
    client: dict[str, Any] = {}
    exec(text.partition("```python\n")[2].partition("```")[0], client)

    async def use(port: int, held: Worker):
        model = f"http://127.0.0.1:{port}/v1/models/digits"
        image = await asyncio.to_thread(client["sample"], model, seed=7, label="1", exact=True)
        assert image == (await held.ask("sample", "digits", Sample(seed=7, label="1", exact=True))).data
        with pytest.raises(RuntimeError, match="unknown label 'x'"):
            await asyncio.to_thread(client["sample"], model, label="x")
        made = await asyncio.to_thread(client["sample_as_job"], model, n=9, format="npy")
        assert np.load(io.BytesIO(made)).shape == (9, 8, 8, 1)
        with pytest.raises(RuntimeError, match="unknown label 'x'"):
            await asyncio.to_thread(client["sample_as_job"], model, label="x")
        os.kill(os.getpid(), signal.SIGTERM)

    on_a_port(use)


def test_the_command_checks_before_it_serves(ganforge, trained, monkeypatch, tmp_path):
    monkeypatch.setattr(worker, "START", server)
    said = ganforge("serve", f"faces={trained['digits']}", trained["people"], "--check", "--json")
    assert [(one["name"], one["signal"]) for one in json.loads(said.out)["models"]] == [
        ("faces", "image"),
        ("people", "table"),
    ]
    for words, code in (
        ([tmp_path / "none", "--check"], "model.not_found"),
        ([trained["digits"], "--check", "--memory", "1"], "worker.too_large"),
        ([trained["digits"], "--host", "0.0.0.0", "--port", "0"], "web.no_token"),
        ([trained["digits"], "--host", "256.0.0.1", "--token", "t"], "serve.cannot_listen"),
        ([trained["digits"], trained["digits"]], "serve.name_taken"),
        ([f"a/b={trained['digits']}"], "serve.invalid_name"),
        ([trained["digits"], "--queue", "0"], "cli.out_of_range"),
        ([trained["digits"], "--token", "a", "--token-file", tmp_path / "t"], "serve.token_twice"),
    ):
        said = ganforge("serve", *words, "--json")
        assert (said.status, json.loads(said.out)["error"]["code"]) == (2, code), said.err


def test_names_of_models(trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "adult.safetensors").write_bytes(b"")
    (tmp_path / "a=b").mkdir()
    run = trained["digits"]
    assert named([run, f"{run}/model.safetensors".replace("digits", "people"), "adult.safetensors", "x=a=b"]) == {
        "digits": run,
        "people": f"{run}/model.safetensors".replace("digits", "people"),
        "adult": "adult.safetensors",
        "x": "a=b",
    }
    with refused("serve.invalid_name", "a=b"):
        named(["a=b"])  # the folder of that name


def test_the_web_process_imports_no_torch():
    code = """
import sys
import ganforge.web.serve.app, ganforge.web.serve.running, ganforge.web.child, ganforge.web.worker
print(sorted({"torch", "numpy", "PIL", "pandas"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
