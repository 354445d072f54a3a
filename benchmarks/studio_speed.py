"""How fast `ganforge studio` follows a slider, what watching costs a training, and how fast a long run opens.

    python benchmarks/studio_speed.py                              # all; trains three small models first
    python benchmarks/studio_speed.py --only slider --models runs/0003-dcgan
    python benchmarks/studio_speed.py --drags 10 --pairs 2 --seconds 5 --bits 1k --events 2000 --openings 1

Needs the extras `studio` and `browser` and a Chromium (GANFORGE_CHROMIUM, else /usr/bin/chromium). The studio, its
browser and what it starts are processes of their own. Prints one JSON object for each of these:

    slider     for each model: milliseconds from a new value of the slider of the seed until the page has drawn the
               image of it (`median_ms`, `p90_ms`; the first 10 are left out)
    watching   a demo trains and the browser shows the page of the run; in turns, in the order A B B A, the studio and
               the browser go on or are stopped by a signal, as if there were none. `cost_percent`: 100 · (1 − ratio),
               with the ratio of samples a second while watched / while not, the median of the pairs, and its 95 %
               interval (bootstrap); `ratio`: of each pair the median, lowest and highest. `same_bits`: whether a run
               that was watched and one that was not, of the same seed, end with the same weights
    processor  a log of a run grows as that of a fast training does (10 ticks a second, a preview every 10 s), without a
               training: processor seconds a minute of the studio and of all processes of the browser while it shows an
               empty page, the page of the run, that page in a tab behind another one, and the list of the runs
    listing    a folder of 200 runs: seconds by the clock until the list has arrived for the first time (`answer_s`) and
               then until the page shows it (`page_s`), and processor seconds of the studio and of the browser for both
    opening    a run of so many log entries, each time in a studio that has just started: seconds until its data has
               arrived (`answer_s`) and until the page has drawn its curves (`page_s`), median and p90 of each;
               `resident_mib` of the studio afterwards
"""

from __future__ import annotations

import argparse
import bisect
import contextlib
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

TRAINED = {
    "demo": ["demo", "samples=5k"],
    "r3gan-small-32": ["r3gan-small", "data=sprites", "signal.size=32", "samples=1k"],
    "stylegan2-small-256": ["stylegan2-small", "data=sprites", "signal.size=256", "samples=8", "batch=4"],
}
WARM = 10
SETTLED, CAUGHT_UP = 10.0, 0.5
"""Seconds: until a page that was opened has drawn all, and until one that was stopped has drawn what it missed."""
DRAG = """async (seeds) => {
  const [slider, image] = [document.querySelector('.explorer input[type=range]'), document.querySelector('img.sample')];
  const waited = [];
  for (const seed of seeds) {
    const shown = new Promise((resolve) => image.addEventListener('load', resolve, { once: true }));
    const began = performance.now();
    slider.value = seed;
    slider.dispatchEvent(new Event('input'));
    await shown;
    await new Promise(requestAnimationFrame);
    waited.push(performance.now() - began);
  }
  return waited;
}"""


class Studio(NamedTuple):
    """A studio that listens."""

    url: str
    pid: int

    def page(self, address: str) -> str:
        return f"{self.url.partition('?')[0]}#/{address}"

    def resident_mib(self) -> int:
        text = Path(f"/proc/{self.pid}/statm").read_text(encoding="utf-8")
        return int(text.split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20


@contextlib.contextmanager
def studio(runs: Path) -> Iterator[Studio]:
    command = [sys.executable, "-m", "ganforge", "studio", "--runs", str(runs), "--data", str(runs.parent)]
    process = subprocess.Popen([*command, "--no-browser", "--json"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        text = ""
        while not text.endswith("}\n"):
            line = process.stdout.readline()
            if not line:
                raise SystemExit("the studio does not start")
            text += line
        yield Studio(json.loads(text)["url"], process.pid)
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def signed_in(browser: Any, of: Studio, first: str = "") -> Iterator[Any]:
    """A page of a browser that has the cookie of a studio, at the list of the runs or at another address."""
    context = browser.new_context(viewport={"width": 1200, "height": 900}, locale="en-US")
    page = context.new_page()
    page.set_default_timeout(600_000)
    if first:  # the cookie without the page
        page.request.get(of.url)
        page.goto(of.url.partition("/?")[0] + first)
    else:
        page.goto(of.url)
    yield page
    context.close()


def train(*words: str, folder: Path) -> list[str]:
    return [sys.executable, "-m", "ganforge", "train", *words, "-q", "--run-dir", str(folder)]


def spread(values: Sequence[float]) -> list[float]:
    """Median, lowest and highest."""
    return [round(x, 4) for x in (statistics.median(values), min(values), max(values))]


def p90(values: Sequence[float]) -> float:
    return sorted(values)[int(0.9 * (len(values) - 1))]


def slider(browser: Any, runs: Path, drags: int) -> Iterator[dict[str, Any]]:
    with studio(runs) as of, signed_in(browser, of) as page:
        for path in sorted(runs.glob("*/model.safetensors")):
            name = path.parent.name
            page.goto(of.page(f"explore?model={name}"))
            page.wait_for_selector("img.sample[src^='blob:']")
            waited = page.evaluate(DRAG, [*range(1, drags + WARM + 1)])[WARM:]
            yield {
                "slider": name, "median_ms": round(statistics.median(waited), 1), "p90_ms": round(p90(waited), 1),
                "drags": len(waited),
            }  # fmt: skip


def ticks_of(folder: Path) -> list[tuple[float, int]]:
    """The ticks of a run: the clock in seconds, and the samples seen until then."""
    if not (folder / "events.jsonl").exists():
        return []
    lines = (folder / "events.jsonl").read_text(encoding="utf-8").splitlines()
    return [(event["t"], event["samples"]) for line in lines if (event := json.loads(line))["event"] == "tick"]


@contextlib.contextmanager
def stopped(pids: Sequence[int]) -> Iterator[None]:
    """Processes use no processor time, and go on afterwards."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def watching(browser: Any, runs: Path, pairs: int, seconds: float, samples: str) -> dict[str, Any]:
    folder = runs / "watched"
    command = train("demo", "samples=100m", "log_every=500", "checkpoint_every=10m", folder=folder)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    stretches: list[tuple[bool, float, float]] = []
    try:
        while not ticks_of(folder):
            if process.poll() is not None:
                raise SystemExit("the training does not start")
            time.sleep(0.2)
        with studio(runs) as of, signed_in(browser, of) as page:
            page.goto(of.page("runs/watched"))
            page.wait_for_selector(".chart svg")
            time.sleep(SETTLED)
            watchers = [of.pid, *descendants(os.getpid(), "chrom")]
            for k in range(pairs):
                for watched in (False, True) if k % 2 == 0 else (True, False):
                    with stopped([] if watched else watchers):
                        time.sleep(CAUGHT_UP)
                        begun = time.time()
                        time.sleep(seconds)
                        stretches.append((watched, begun, time.time()))
    finally:
        process.terminate()
        process.wait()
    rates: dict[bool, list[float]] = {True: [], False: []}
    for (watched, _, _), rate in zip(stretches, rates_in(ticks_of(folder), stretches), strict=True):
        rates[watched].append(rate)
    ratios = [seen / alone for seen, alone in zip(rates[True], rates[False], strict=True)]
    return {
        "watching": "demo", "cost_percent": round(100 * (1 - statistics.median(ratios)), 2),
        "interval": [round(100 * (1 - ratio), 2) for ratio in reversed(bootstrapped(ratios))],
        "ratio": spread(ratios), "pairs": pairs, "seconds": seconds, "same_bits": same_bits(browser, runs, samples),
    }  # fmt: skip


def rates_in(ticks: Sequence[tuple[float, int]], stretches: Sequence[tuple[bool, float, float]]) -> Iterator[float]:
    """Samples a second between the first and the last tick of each stretch."""
    times = [t for t, _ in ticks]
    for _, begun, ended in stretches:
        within = ticks[bisect.bisect_left(times, begun) : bisect.bisect_right(times, ended)]
        if len(within) < 2:
            raise SystemExit(f"fewer than two ticks in {ended - begun:.1f} s; make --seconds longer")
        (first, before), (last, after) = within[0], within[-1]
        yield (after - before) / (last - first)


def bootstrapped(values: Sequence[float], times: int = 2_000) -> tuple[float, float]:
    """The 95 % interval of the median."""
    draw = random.Random(0)
    medians = sorted(statistics.median(draw.choices(values, k=len(values))) for _ in range(times))
    return medians[int(0.025 * times)], medians[int(0.975 * times) - 1]


def same_bits(browser: Any, runs: Path, samples: str) -> bool:
    """Whether a watched run and an unwatched one of the same seed end with the same weights."""
    found = []
    with studio(runs) as of:
        for name in ("alone", "seen"):
            process = subprocess.Popen(train("demo", f"samples={samples}", "log_every=500", folder=runs / name))
            if name == "seen":
                with signed_in(browser, of) as page:
                    page.goto(of.page("runs"))
                    page.get_by_role("link", name="seen").first.click()
                    process.wait()
            process.wait()
            found.append(tensors_of(runs / name / "model.safetensors"))
    return found[0] == found[1]


def tensors_of(file: Path) -> dict[str, bytes]:
    """The tensors of a model file by name; its metadata names the run."""
    from safetensors.numpy import load_file

    return {name: array.tobytes() for name, array in load_file(file).items()}


def write_long_run(folder: Path, events: int) -> None:
    """A run with so many log entries, of the size that those of a GAN have."""
    folder.mkdir(parents=True)
    (folder / "recipe.yaml").write_text(f"name: demo\ndata: {{kind: digits}}\nsamples: {events * 64}\nbatch: 64\n")
    names = [
        f"{part}/{net}" for part in ("loss", "logits", "rate", "norm", "acc") for net in ("D", "G", "real", "fake")
    ]
    with (folder / "events.jsonl").open("w", encoding="utf-8") as file:
        file.write(json.dumps({"event": "start", "samples": 0, "t": 0.0, "device": "cpu"}) + "\n")
        for k in range(1, events):
            values = {name: round((k * (n + 3) % 1009) / 1009, 6) for n, name in enumerate(names)}
            tick = {"event": "tick", "samples": 64 * k, "t": 0.1 * k, "seconds": 0.1 * k, "sps": 640.0}
            file.write(json.dumps(tick | values | {"health": "healthy"}) + "\n")


def opening(browser: Any, root: Path, events: int, openings: int) -> dict[str, Any]:
    runs = root / "long"
    write_long_run(runs / "long", events)
    answers, pages, resident = [], [], []
    for _ in range(openings):
        with studio(runs) as of, signed_in(browser, of) as page:
            page.goto("about:blank")
            page.goto(of.page("data"))  # the list of the runs would read the log already
            begun = time.perf_counter()
            got = page.evaluate("fetch('/api/runs/long').then(async (answer) => (await answer.text(), answer.status))")
            answers.append(time.perf_counter() - begun)
            assert got == 200, got
        with studio(runs) as of, signed_in(browser, of) as page:
            page.goto(of.page("data"))
            begun = time.perf_counter()
            page.goto(of.page("runs/long"))
            page.wait_for_selector(".chart svg")
            pages.append(time.perf_counter() - begun)
            resident.append(of.resident_mib())
    size = (runs / "long" / "events.jsonl").stat().st_size
    seconds = {
        name: {"median": round(statistics.median(each), 2), "p90": round(p90(each), 2)}
        for name, each in (("answer_s", answers), ("page_s", pages))
    }
    return {"opening": events, "megabytes": size >> 20, **seconds, "resident_mib": max(resident), "openings": openings}


def processor(browser: Any, runs: Path, seconds: float) -> dict[str, Any]:
    """What watching costs the studio and the browser, whatever else the machine does."""
    folder = runs / "0001-watched"
    write_long_run(folder, 3_000)
    (folder / "previews").mkdir()
    (folder / "studio.log").write_text("", encoding="utf-8")
    found = {}
    with studio(runs) as of, signed_in(browser, of) as page, growing(folder):
        for name, address in (
            ("empty", ""),
            ("run", "runs/0001-watched"),
            ("behind", "runs/0001-watched"),
            ("list", "runs"),
        ):
            page.goto(of.page(address) if address else "about:blank")
            if address:
                page.wait_for_selector(".runs" if name == "list" else ".chart svg")
            if name == "behind":  # headless browsers show all tabs, so the page is told what a hidden one is told
                page.evaluate("""() => {
                  Object.defineProperty(document, 'hidden', { get: () => true });
                  document.dispatchEvent(new Event('visibilitychange'));
                }""")
            time.sleep(3.0)
            before = {"studio": spent([of.pid]), "browser": spent(descendants(os.getpid(), "chrom"))}
            time.sleep(seconds)
            after = {"studio": spent([of.pid]), "browser": spent(descendants(os.getpid(), "chrom"))}
            found[name] = {part: round((after[part] - before[part]) * 60 / seconds, 2) for part in before}
    return {"processor": "seconds a minute", **found}


@contextlib.contextmanager
def growing(folder: Path) -> Iterator[None]:
    """Writes ticks and previews from a thread, as a training does."""
    import threading

    from PIL import Image

    ended = threading.Event()

    def write() -> None:
        k = 3_000
        while not ended.wait(0.1):
            k += 1
            values = {
                f"{part}/{net}": random.random() for part in ("loss", "acc", "logit") for net in ("D", "G", "real")
            }
            tick = {"event": "tick", "samples": 64 * k, "t": time.time(), "seconds": 0.1 * k, "sps": 640.0, **values}
            with (folder / "events.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(tick | {"health": "healthy"}) + "\n")
            if k % 100 == 0:
                image = Image.effect_noise((256, 256), k % 90)
                for name in (f"{64 * k:09d}.png", "latest.png"):
                    image.save(folder / "previews" / name)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def spent(pids: Sequence[int]) -> float:
    """Processor seconds of processes, user and system."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            total += sum(
                map(int, Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[11:13])
            )
    return total / os.sysconf("SC_CLK_TCK")


def descendants(pid: int, name: str) -> list[int]:
    """Processes below a process whose program has such a name."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            head, _, rest = path.read_text(encoding="utf-8").rpartition(")")
            parents[int(path.parent.name)] = (int(rest.split()[1]), head.partition("(")[2])
    found, level = [], {pid}
    while level:
        level = {one for one, (parent, _) in parents.items() if parent in level}
        found += [one for one in level if name in parents[one][1]]
    return found


def listing(browser: Any, runs: Path, count: int, times: int) -> dict[str, Any]:
    for k in range(count):
        write_long_run(runs / f"{k + 1:04d}-demo", 200)
    answers, pages, spents = [], [], []
    for _ in range(times):
        with studio(runs) as of, signed_in(browser, of, "/static/icon.svg") as page:
            before = [spent([of.pid]), spent(descendants(os.getpid(), "chrom"))]
            begun = time.perf_counter()
            page.evaluate("fetch('/api/runs').then(async (answer) => (await answer.text(), answer.status))")
            answers.append(time.perf_counter() - begun)
            begun = time.perf_counter()
            page.goto(of.page("runs"))
            page.wait_for_selector(".runs li")
            pages.append(time.perf_counter() - begun)
            time.sleep(0.5)  # the images are drawn
            after = [spent([of.pid]), spent(descendants(os.getpid(), "chrom"))]
            spents.append([b - a for a, b in zip(before, after, strict=True)])
    of_studio, of_browser = (spread(each) for each in zip(*spents, strict=True))
    return {
        "listing": count, "answer_s": spread(answers), "page_s": spread(pages), "studio_cpu_s": of_studio,
        "browser_cpu_s": of_browser,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=["slider", "watching", "processor", "listing", "opening"])
    parser.add_argument("--models", nargs="*", type=Path, default=[], help="run directories; default: trains three")
    parser.add_argument("--drags", type=int, default=200, help="values of the slider, for each model")
    parser.add_argument("--pairs", type=int, default=200, help="of stretches with and without the page")
    parser.add_argument("--seconds", type=float, help="of a stretch (default: 4 of watching, 20 of processor)")
    parser.add_argument("--bits", default="20k", help="samples of the two runs whose weights are compared")
    parser.add_argument("--events", type=int, default=1_000_000, help="log entries of the run that is opened")
    parser.add_argument("--openings", type=int, default=5)
    words = parser.parse_args()
    from playwright.sync_api import sync_playwright

    chromium = os.environ.get("GANFORGE_CHROMIUM", "/usr/bin/chromium")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as started:
        root = Path(folder)
        runs = root / "runs"
        runs.mkdir()
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        if words.only in (None, "slider"):
            for path in words.models:
                shutil.copytree(path, runs / path.name, ignore=shutil.ignore_patterns("checkpoints", "previews"))
            for name, recipe in ({} if words.models else TRAINED).items():
                subprocess.run([*train(*recipe, "callbacks=[]", folder=runs / name)], check=True)
            for found in slider(browser, runs, words.drags):
                print(json.dumps(found), flush=True)
        if words.only in (None, "watching"):
            found = watching(browser, root / "watching", words.pairs, words.seconds or 4.0, words.bits)
            print(json.dumps(found), flush=True)
        if words.only in (None, "processor"):
            print(json.dumps(processor(browser, root / "processor", words.seconds or 20.0)), flush=True)
        if words.only in (None, "listing"):
            print(json.dumps(listing(browser, root / "listing", 200, words.openings)), flush=True)
        if words.only in (None, "opening"):
            print(json.dumps(opening(browser, root, words.events, words.openings)), flush=True)
        browser.close()


if __name__ == "__main__":
    main()
