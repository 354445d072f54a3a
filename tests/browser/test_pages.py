"""Every page in every language: complete, within its width, usable by keyboard, and alone with its server."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest

from browser.conftest import EVIL

PAGES = {
    "runs": ("runs", ".runs"),
    "run": ("runs/0002-wgan", ".chart svg"),
    "odd": (f"runs/{quote(f'0003-{EVIL}', safe='')}", ".chart svg"),
    "recipe": ("runs/0001-dcgan?tab=recipe", "pre"),
    "log": ("runs/0001-dcgan?tab=log", "table"),
    "files": ("runs/0001-dcgan?tab=files", "table"),
    "start": ("start?path=photos&recipe=demo", ".fields"),
    "compare": ("compare?run=0001-dcgan&run=0002-wgan", ".chart svg"),
    "reports": ("reports/0001-dcgan", "iframe"),
    "data": ("data", ".entries"),
    "inspected": ("data?path=people.csv", ".classes"),
}
"""Name → address, and what is there when the page is complete."""

VIEWS = [{"language": one, "width": w, "dark": w == 1200 and one == "zh"} for one in ("en", "zh") for w in (1200, 390)]
by_view = pytest.mark.parametrize("guest", VIEWS, indirect=True, ids=lambda v: f"{v['language']}-{v['width']}")

NAMELESS = """() => [...document.querySelectorAll('img')].filter(e => !e.hasAttribute('alt')).map(e => e.outerHTML)"""
CONTRAST = """() => {
  const linear = (c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => [r, g, b].map(c => linear(c / 255))
    .reduce((sum, c, k) => sum + c * [0.2126, 0.7152, 0.0722][k], 0);
  const parse = (text) => { const n = text.match(/[\\d.]+/g).map(Number); return n.length > 3 ? n : [...n, 1]; };
  const behind = (e) => {
    const own = parse(getComputedStyle(e).backgroundColor);
    return own[3] === 1 ? own : e.parentElement ? behind(e.parentElement) : [255, 255, 255, 1];
  };
  const found = [];
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own || !e.checkVisibility() || e.closest('svg, :disabled, option')) continue;
    const [a, b] = [light(parse(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) found.push(e.textContent.trim().slice(0, 40) + ' ' + ratio.toFixed(2));
  }
  return found;
}"""
REACHABLE = """() => [...document.querySelectorAll('a[href], button, input, select, summary, [tabindex="0"]')]
  .filter(e => e.checkVisibility() && !e.disabled && e.tabIndex >= 0 && !e.closest('[tabindex="-1"]:not(main)'))
  .map((e, k) => {
    e.dataset.stop = k;
    return e.tagName + ' ' + (e.textContent || e.getAttribute('aria-label') || '').slice(0, 40);
  })"""
CONTROLS = {
    "button",
    "link",
    "textbox",
    "searchbox",
    "combobox",
    "checkbox",
    "slider",
    "spinbutton",
    "tab",
    "img",
    "Iframe",
}


def opened(guest, site, name):
    page = guest.page
    address, complete = PAGES[name]
    page.goto(site.address(address))
    page.wait_for_selector(complete)
    page.wait_for_selector(".loading", state="detached")
    return page


@by_view
def test_each_page(guest, site, screenshots, request):
    view = request.node.callspec.id
    for name in PAGES:
        page = opened(guest, site, name)
        page.wait_for_timeout(300)
        page.screenshot(path=screenshots / f"{name}-{view}.png", full_page=True)
        assert page.evaluate("document.documentElement.lang") == {"en": "en", "zh": "zh-CN"}[view[:2]]
        assert page.evaluate("document.documentElement.scrollWidth") <= int(view[3:]), name
        assert page.locator("h1").count() == 1
        assert not re.search(
            r"\b(nav|ui|run|runs|chart|compare|data|start|player|states)\.\w+", page.inner_text("body")
        ), name
        assert page.evaluate(NAMELESS) == [], name
        assert page.evaluate(CONTRAST) == [], name
        assert page.title() != "1"  # what the name of a run would run
    assert guest.errors == []
    assert guest.hosts == {site.url.removeprefix("http://")}


@by_view
def test_every_control_has_a_name(guest, site):
    for name in PAGES:
        page = opened(guest, site, name)
        tree = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
        nodes = [node for node in tree if not node.get("ignored") and node.get("role", {}).get("value") in CONTROLS]
        nameless = [node for node in nodes if not node.get("name", {}).get("value")]
        decoration = [node for node in nameless if node["role"]["value"] == "img"]
        assert len(nodes) > 5
        assert [node["role"]["value"] for node in nameless if node not in decoration] == [], name


def test_every_control_is_reached_with_the_tab_key(guest, site):
    for name in PAGES:
        page = opened(guest, site, name)
        page.wait_for_timeout(300)  # until the page drawn before is gone
        expected = page.evaluate(REACHABLE)
        page.evaluate("document.activeElement.blur(); window.getSelection().removeAllRanges(); scrollTo(0, 0)")
        seen = set()
        for _ in range(len(expected) + 25):
            page.keyboard.press("Tab")
            stop = page.evaluate("document.activeElement?.dataset?.stop ?? null")
            seen.add(stop)
        missed = [what for k, what in enumerate(expected) if str(k) not in seen]
        assert missed == [], name


def test_names_from_data_stay_text(guest, site):
    page = opened(guest, site, "inspected")
    assert page.locator(".classes").inner_text().startswith("<img src=x onerror=alert(1)>")
    assert page.locator("img[src='x']").count() == 0
    page = opened(guest, site, "odd")
    assert page.locator("h1").inner_text() == f"0003-{EVIL}"
    assert page.locator("img[src='x']").count() == 0
    assert page.title() != "1"


def test_a_report_cannot_reach_the_page_around_it(guest, site):
    page = opened(guest, site, "reports")
    inside = page.frame_locator("iframe").locator("#p")
    inside.wait_for()
    assert inside.inner_text() == "closed"


def test_an_address_without_the_token_shows_nothing(browser, site):
    page = browser.new_page()
    assert page.goto(site.url).status == 401
    assert "runs" not in page.content()
    page.close()
