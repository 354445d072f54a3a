"""A studio over a folder with small runs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ganforge.web.studio.app import application, rules_of
from ganforge.web.studio.children import Children
from ganforge.web.studio.context import Studio
from ganforge.web.studio.jobs import Jobs
from ganforge.web.studio.runs import Runs
from web.asking import TOKEN, Said, ask

RECIPE = """\
name: {recipe}
data:
  kind: digits
samples: {samples}
batch: 64
optimizers:
  G:
    lr: {lr}
"""
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)
FAKE = Path(__file__).with_name("fake_ganforge.py")


def write_run(
    root: Path, name: str, ticks: int = 3, recipe: str = "dcgan", lr: float = 0.1, end: str = "finished", **more: Any
) -> Path:
    """A run directory with a log of `ticks` ticks."""
    folder = root / name
    (folder / "previews").mkdir(parents=True)
    (folder / "recipe.yaml").write_text(RECIPE.format(recipe=recipe, samples=1000 * ticks, lr=lr))
    lines: list[dict[str, Any]] = [{"event": "start", "samples": 0, "t": 100.0, "device": "cpu"}]
    for k in range(1, ticks + 1):
        tick = {"samples": 1000 * k, "t": 100.0 + k, "seconds": float(k), "sps": 1000.0, "loss/D": 1 / k, "loss/G": k}
        lines.append({"event": "tick", **tick, "health": "healthy"})
    lines.append({"event": "checkpoint", "samples": 1000 * ticks, "t": 100.5 + ticks, "folder": "x"})
    if end:
        lines.append({"event": "end", "samples": 1000 * ticks, "t": 101.0 + ticks, "reason": end, "seconds": ticks})
    lines += more.get("events", [])
    (folder / "events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    for stem in ("000000000", "000001000", "latest"):
        (folder / "previews" / f"{stem}.png").write_bytes(PNG)
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


def fake_children() -> Children:
    """Children that answer as `child` does, without its seconds."""
    return Children((sys.executable, "-S", str(FAKE), "child"))


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    """A studio whose commands are those of `fake_ganforge`."""
    (tmp_path / "runs").mkdir()
    (tmp_path / "data" / "photos").mkdir(parents=True)
    made = Studio.of(tmp_path / "runs", tmp_path / "data")
    made.jobs = Jobs(made.runs.root, (sys.executable, "-S", str(FAKE)))
    made.runs = Runs(made.jobs)
    made.children = fake_children()
    yield made
    for child in made.jobs.children.values():
        child.kill()
        child.wait()


@pytest.fixture
def asking(studio: Studio) -> Callable[..., Said]:
    """Sends requests to the studio: `asking("/api/runs")`, `asking("/api/runs", {"recipe": "demo"})` for a POST."""
    app = application(studio, rules_of(studio, TOKEN, "127.0.0.1", 8000))

    def send(path: str, body: Any = None, **more: Any) -> Said:
        if body is None:
            return ask(app, path, **more)
        headers = {"content-type": "application/json", "origin": "http://127.0.0.1:8000"}
        return ask(app, path, "POST", json.dumps(body).encode(), **headers, **more)

    return send
