"""How many requests a second `ganforge serve` answers when requests share passes through the nets, and when not.

    python benchmarks/serve_speed.py                               # trains a demo and an r3gan-small of 32 px first
    python benchmarks/serve_speed.py runs/0003-dcgan --clients 1 16 64 --pairs 10

Two servers hold the same model, one with `--together 32`, one with `--together 1`. They are loaded in turns of a few
seconds, in the order A B B A, by clients on loopback that each ask for one PNG, wait for it and ask again. Ratios are
those within a pair, so that other work on the machine affects both sides. Prints one JSON object a model:

    clients → shared, alone   requests a second, the median over turns; and the median and the 95th percentile of the
                              milliseconds of a request
              ratio           the median of shared / alone over pairs, its lowest and its highest
              batch           requests a pass on average where they share
    resident_mib              memory of the process that computes, where requests share
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

TRAINED = {
    "demo": ["demo", "samples=5k"],
    "r3gan-small-32": ["r3gan-small", "data=sprites", "signal.size=32", "samples=1k"],
}


@contextmanager
def server(model: Path, together: int) -> Iterator[int]:
    """The port of a server of its own."""
    command = [sys.executable, "-m", "ganforge", "serve", f"m={model}", "--port", "0", "--json", "--device", "cpu"]
    command += ["--together", str(together), "--queue", "1000", "--quiet"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        text = ""
        while not text.endswith("}\n"):
            line = process.stdout.readline()
            if not line:
                raise SystemExit(f"the server of {model} does not start")
            text += line
        yield int(json.loads(text)["url"].rpartition(":")[2])
    finally:
        process.terminate()
        process.wait()


async def client(port: int, seeds: Iterator[int], end: float, took: list[float]) -> None:
    """Asks for one sample after the other until the time is over."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while (begun := time.perf_counter()) < end:
        path = f"/v1/models/m/sample?seed={next(seeds)}"
        writer.write(f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        length = re.search(rb"content-length: (\d+)", head)
        assert length is not None
        await reader.readexactly(int(length[1]))
        took.append(time.perf_counter() - begun)
    writer.close()


async def turn(port: int, clients: int, seconds: float, seeds: Iterator[int]) -> tuple[float, list[float]]:
    """Requests a second of one turn, and the seconds of each."""
    took: list[float] = []
    begun = time.perf_counter()
    await asyncio.gather(*(client(port, seeds, begun + seconds, took) for _ in range(clients)))
    return len(took) / (time.perf_counter() - begun), took


def metric(port: int, name: str) -> float:
    with urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        found = re.search(rf"^{name} (\S+)$", answer.read().decode(), re.MULTILINE)
    return float(found[1]) if found else 0.0


def of_side(turns: list[tuple[float, list[float]]]) -> dict[str, float]:
    took = sorted(one * 1000 for _, each in turns for one in each)
    return {
        "per_second": round(statistics.median(rate for rate, _ in turns), 1),
        "median_ms": round(statistics.median(took), 2),
        "p95_ms": round(took[int(0.95 * (len(took) - 1))], 2),
    }


def measured(model: Path, clients: list[int], pairs: int, seconds: float) -> dict[str, Any]:
    seeds = iter(range(10**9))
    with server(model, 32) as shared, server(model, 1) as alone:
        found: dict[str, Any] = {}
        for port in (shared, alone):
            asyncio.run(turn(port, 4, 1.0, seeds))  # warms up
        for count in clients:
            sides: dict[int, list[tuple[float, list[float]]]] = {shared: [], alone: []}
            sums = [metric(shared, f"ganforge_pass_requests_{what}") for what in ("sum", "count")]
            for k in range(pairs):
                for port in (shared, alone) if k % 2 == 0 else (alone, shared):
                    sides[port].append(asyncio.run(turn(port, count, seconds, seeds)))
            ratios = [a[0] / b[0] for a, b in zip(sides[shared], sides[alone], strict=True)]
            after = [metric(shared, f"ganforge_pass_requests_{what}") for what in ("sum", "count")]
            found[str(count)] = {
                "shared": of_side(sides[shared]),
                "alone": of_side(sides[alone]),
                "ratio": [round(x, 2) for x in (statistics.median(ratios), min(ratios), max(ratios))],
                "batch": round((after[0] - sums[0]) / max(1, after[1] - sums[1]), 1),
            }
        found["resident_mib"] = round(metric(shared, "ganforge_worker_resident_bytes") / 2**20)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", type=Path, help="run directories or model files")
    parser.add_argument("--clients", nargs="+", type=int, default=[1, 16])
    parser.add_argument("--pairs", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=3.0, help="of a turn")
    words = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        models = {path.name: path for path in words.models}
        if not models:
            for name, recipe in TRAINED.items():
                models[name] = Path(folder) / name
                train = [sys.executable, "-m", "ganforge", "train", *recipe, "callbacks=[]", "-q"]
                subprocess.run([*train, "--run-dir", str(models[name])], check=True)
        for name, path in models.items():
            print(json.dumps({"model": name} | measured(path, words.clients, words.pairs, words.seconds)), flush=True)


if __name__ == "__main__":
    main()
