"""A studio that really listens, and Debian's Chromium: `make test-browser`. Screenshots go to GANFORGE_SCREENSHOTS."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import uvicorn

from ganforge.web.studio.app import application, bound, rules_of
from ganforge.web.studio.context import Studio
from ganforge.web.studio.jobs import Jobs
from ganforge.web.studio.runs import Runs
from web.asking import TOKEN
from web.conftest import FAKE, PNG, fake_children, write_run

CHROMIUM = os.environ.get("GANFORGE_CHROMIUM", "/usr/bin/chromium")
SECONDS = 60_000  # ms; machines of tests are slow
EVIL = '<img src=x onerror="document.title=1">'
REPORT = """<!doctype html><title>report</title><p id=p>open</p><script>
try { parent.document.body; } catch { document.getElementById("p").textContent = "closed"; }
</script>"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


class Site(NamedTuple):
    """A studio that listens at an address."""

    studio: Studio
    url: str

    def address(self, page: str) -> str:
        return f"{self.url}/#/{page}"


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    if not Path(CHROMIUM).exists():
        pytest.skip(f"{CHROMIUM} is not installed; `make test-browser` installs it on Debian")
    with playwright.sync_playwright() as started:
        found = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@contextlib.contextmanager
def serving(studio: Studio) -> Iterator[Site]:
    """Serves a studio from a thread."""
    listening = bound("127.0.0.1", None)
    port = listening.getsockname()[1]
    app = application(studio, rules_of(studio, TOKEN, "127.0.0.1", port))
    config = uvicorn.Config(app, loop="asyncio", lifespan="off", log_level="critical", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield Site(studio, f"http://127.0.0.1:{port}")
    server.should_exit = True
    thread.join()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A studio with runs of all states and odd names, whose commands are fakes."""
    runs, data = tmp_path / "runs", tmp_path / "data"
    (data / "photos").mkdir(parents=True)
    (data / "photos" / "0.png").write_bytes(PNG)
    (data / "people.csv").write_text("a,b\n1,2\n")
    trouble = {"event": "health", "samples": 39_000, "t": 140.0, "state": "collapsing"}
    why = "diversity of fakes is 0.1 times that of reals, energy distance 0.3 (ideal: 0)"
    advice = ["lower optimizers.G.lr", "add a gradient penalty; use a larger batch"]
    metric = [{"event": "evaluate", "samples": 20_000 * k, "t": 120.0 + k, "metric/fd5k": 9.0 / k} for k in (1, 2)]
    write_run(runs, "0001-dcgan", 40, events=metric)
    write_run(
        runs, "0002-wgan", 40, "wgan", lr=0.2, end="interrupted", events=[{**trouble, "why": why, "advice": advice}]
    )
    write_run(runs, f"0003-{EVIL}", 5, EVIL, end="")
    failed = [{"event": "failed", "samples": 2000, "t": 200.0, "message": f"the loss is not finite {EVIL}"}]
    write_run(runs, "0004-failed", 2, end="", events=failed)
    for name, value in (("0001-dcgan", 3.2), ("0002-wgan", 4.1)):
        folder = runs / name / "evaluation"
        folder.mkdir()
        (folder / "report.html").write_text(REPORT)
        results = [{"run": name, "name": "fd5k", "value": value, "protocol": {"n": 5000}}]
        (folder / "report.json").write_text(json.dumps({"ganforge": "0", "results": results}))
    studio = Studio.of(runs, data)
    studio.jobs = Jobs(studio.runs.root, (sys.executable, "-S", str(FAKE)))
    studio.runs = Runs(studio.jobs)
    studio.children = fake_children()
    with serving(studio) as found:
        yield found
    for child in studio.jobs.children.values():
        child.kill()
        child.wait()


class Guest(NamedTuple):
    """A page of a browser that is signed in. errors: what its console says; hosts: of all its requests."""

    page: Any
    errors: list[str]
    hosts: set[str]


@pytest.fixture
def guest(browser: Any, site: Site, request: pytest.FixtureRequest) -> Iterator[Guest]:
    """`indirect` parameters: {"language": "zh", "width": 390, "dark": True}."""
    wanted = {"language": "en", "width": 1200, "dark": False, **getattr(request, "param", {})}
    context = browser.new_context(
        viewport={"width": wanted["width"], "height": 900},
        locale={"en": "en-US", "zh": "zh-CN"}[wanted["language"]],
        color_scheme="dark" if wanted["dark"] else "light",
    )
    context.set_default_timeout(SECONDS)
    page, errors, hosts = context.new_page(), [], set()
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda asked: hosts.add(asked.url.split("/")[2]) if asked.url.startswith("http") else None)
    page.goto(f"{site.url}/?token={TOKEN}")
    assert TOKEN not in page.url
    yield Guest(page, errors, hosts)
    context.close()


@pytest.fixture(scope="session")
def screenshots() -> Path:
    """Where screenshots go."""
    folder = Path(os.environ.get("GANFORGE_SCREENSHOTS", "dist/screenshots"))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
