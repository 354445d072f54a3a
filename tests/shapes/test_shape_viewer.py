"""The page that turns shapes, in a real browser: it draws, turns with a drag, enlarges with the wheel, and loads
nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import numpy as np
import pytest

from ganforge.modalities.shape import viewer

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs a browser: chromium, or CHROMIUM=PATH")
INK = """() => {
  const c = document.querySelector("canvas"), p = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;"""
DRAWN = INK + " let n = 0; for (let k = 0; k < p.length; k += 4) n += p[k] < 240; return n; }"
PIXELS = INK + " return Array.from(p.filter((v, k) => k % 4 == 0)); }"


@pytest.fixture(scope="module")
def browser() -> Iterator:
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.mark.slow
def test_shapes_are_drawn_and_turned_in_a_sandboxed_frame(browser, tmp_path):
    points = np.random.default_rng(0).normal(size=(800, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True) * 2
    flat = points * [1, 1, 0.1]
    page = viewer.page([(points, points * 2), (flat, None)], 2)
    (tmp_path / "viewer.html").write_bytes(page.data)
    frame = '<iframe sandbox="allow-scripts" style="width:640px;height:330px;border:0" src="viewer.html"></iframe>'
    (tmp_path / "report.html").write_text(frame, encoding="utf-8")
    asked, wrong = [], []
    with browser.new_page() as tab:
        tab.on("request", lambda request: asked.append(request.url))
        tab.on("pageerror", lambda error: wrong.append(str(error)))
        tab.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        tab.goto((tmp_path / "report.html").as_uri())
        inner = tab.frames[1]
        inner.wait_for_selector("canvas")
        before, drawn = inner.evaluate(PIXELS), inner.evaluate(DRAWN)
        assert drawn > 1_000, "both shapes are there"
        tab.mouse.move(400, 100)
        tab.mouse.down()
        tab.mouse.move(480, 160, steps=4)
        tab.mouse.up()
        turned = inner.evaluate(PIXELS)
        assert turned != before, "a drag turns them"
        tab.mouse.move(200, 150)
        assert inner.evaluate(PIXELS) == turned, "only while a button is held"
        tab.mouse.wheel(0, -300)
        tab.wait_for_function("() => true")
        assert inner.evaluate(DRAWN) > drawn, "the wheel enlarges them"
    assert not wrong
    assert {url.rpartition("/")[2] for url in asked} == {"report.html", "viewer.html"}, "nothing else is loaded"
