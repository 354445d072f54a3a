"""The progress of a training run: one line of a terminal that changes, a line each ten seconds elsewhere, or JSON."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TextIO

from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, Task
from rich.progress import Progress as Bar
from rich.text import Text

from ganforge.core.events import line_of, read_events
from ganforge.engine.build import reading
from ganforge.engine.preflight import forecast, per_second
from ganforge.recipes.callback import Listener, RunView
from ganforge.ui.console import say

log = logging.getLogger("ganforge")

LINE_EVERY = 10.0
"""Seconds between two lines of progress if the output is not a terminal, and between two updates of the losses."""
FIRST_LOSSES = 3.0
"""Seconds until the first losses are shown."""
MEASURED = 3.0
"""Seconds of training after the first step, from which the duration of the run is estimated."""
WITH_BAR = 100
"""Minimum width of the terminal, in columns, for a bar; in a narrower one the values matter more."""
BAR = 24
EXTRACTOR = re.compile(r"\[[^\]]*\]")
"""The extractor in the name of a metric, as in `fd5k[small@1a2b3c4d]`; omitted, so that the line stays short."""


class Part(NamedTuple):
    """A part of the line; if not all fit, those of the highest rank are left out first."""

    rank: int
    text: str


class Progress(Listener):
    """A bar with speed, remaining time, losses of all nets, D's accuracy and health; plain lines in a log file."""

    def __init__(self, run: RunView, minutes: float | None = None, console: Console | None = None):
        self.run = run
        self.console = console or Console(stderr=True, markup=False, highlight=False)
        self.total: int = run.recipe.samples
        self.minutes = minutes
        self.numbers: list[Part] = []
        self.scores: list[Part] = []  # values of the last evaluation
        self.refreshed = 0.0  # when the numbers were
        self.last_line = 0.0
        self.last_draw = 0.0
        self.begun = time.monotonic()
        self.begun_at = run.samples
        self.first_step: tuple[float, int] | None = None  # when the first step ended, and the samples seen then
        self.forecast_shown = False
        self.bar: Bar | None = None

    def on_start(self) -> None:
        self.begun = self.refreshed = self.last_line = time.monotonic()
        self.begun_at = self.run.samples
        for event in read_events(self.run.folder / "events.jsonl", "evaluate"):
            self.scores = scores_of(event)  # from before the resume
        begun = f"from {self.begun_at:,} " if self.begun_at else ""
        head = f"{self.run.recipe.name} {begun}to {self.total:,} samples in {self.run.folder} (Ctrl-C saves and stops)"
        say(head, self.console, "bold")
        for line in reading(self.run.dataset):
            if not line.left_out:  # what is left out is a warning, which is also shown without progress
                say(line.text, self.console)
        if self.console.is_terminal:
            self.bar = Bar(
                *([BarColumn(bar_width=BAR)] if self.console.width >= WITH_BAR else []),
                Line(self),
                console=self.console,
                transient=False,
                refresh_per_second=4,
            )
            self.task = self.bar.add_task("", total=1000, completed=round(1000 * self.share(self.run.samples)))
            self.bar.start()

    def on_step(self, before: int, after: int) -> None:
        now = time.monotonic()
        self._forecast(now, after)
        if now - self.refreshed > (LINE_EVERY if self.numbers else FIRST_LOSSES):
            self.refreshed = now
            speed = (after - self.begun_at) / max(now - self.begun, 1e-9)
            self.numbers = parts_of({"sps": speed, **self.run.recent()})
        if self.bar is not None:
            if now - self.last_draw > 0.2:
                self.last_draw = now
                self.bar.update(self.task, completed=round(1000 * self.share(after)))
        elif now - self.last_line > LINE_EVERY:
            self.last_line = now
            self._line(after)

    def on_tick(self, event: Mapping[str, Any]) -> None:
        self.numbers, self.refreshed = parts_of(event), time.monotonic()

    def on_event(self, event: Mapping[str, Any]) -> None:
        if event["event"] == "needs":
            say(event["message"], self.console)
        elif event["event"] == "evaluate":
            self.scores = scores_of(event)
            if self.bar is None:
                say(f"{event['samples']:,} samples: {describe_scores(event)}", self.console)
        elif event["event"] == "evaluating" and self.bar is not None:
            now = time.monotonic()
            if now - self.last_draw > 0.2:
                self.last_draw = now
                self.scores = [Part(1, f"{event['title']} {event['done']:,}/{event['total']:,}")]
                self.bar.update(self.task, completed=round(1000 * self.share(self.run.samples)))

    def on_end(self) -> None:
        if self.bar is not None:
            self.bar.update(self.task, completed=round(1000 * self.share(self.run.samples)))
            self.bar.stop()
        else:
            self._line(self.run.samples)

    def share(self, samples: int) -> float:
        """How much of the run is done, in [0, 1]: by samples or by minutes, whichever is further."""
        by_samples = samples / self.total
        if self.minutes is None:
            return min(by_samples, 1.0)
        return min(max(by_samples, (time.monotonic() - self.begun) / (60 * self.minutes)), 1.0)

    def line(self, samples: int) -> list[Part]:
        """The parts of the line, in their order."""
        left = self.left(samples)
        share = Part(0, f"{100 * self.share(samples):.0f}%")
        return [share, *([Part(1, f"{clock(left)} left")] if left else []), *self.numbers, *self.scores]

    def _line(self, samples: int) -> None:
        share, *parts = self.line(samples)
        seen = f"{samples:,}/{self.total:,} ({share.text})"
        self.console.print("  ".join([seen, *(part.text for part in parts)]), soft_wrap=True)

    def _forecast(self, now: float, samples: int) -> None:
        """Reports once, after the first few steps, how long the run will take. The first step includes the set-up."""
        if self.forecast_shown:
            return
        if self.first_step is None:
            self.first_step = now, samples
            if now - self.begun < LINE_EVERY:
                return
        start, at = self.first_step if samples > self.first_step[1] else (self.begun, self.begun_at)
        if now - start < MEASURED:
            return
        self.forecast_shown = True
        text, warn = forecast(self.run.recipe, (samples - at) / (now - start), self.minutes, self.run.device)
        if warn:
            log.warning("%s", text)
        else:
            say(text, self.console)

    def left(self, samples: int) -> float | None:
        """Seconds until training ends, by samples or by minutes, whichever comes first; None if not yet known."""
        elapsed = time.monotonic() - self.begun
        done = samples - self.begun_at
        ends = []
        if done > 0 and elapsed > 0.5:
            ends.append(max(self.total - samples, 0) * elapsed / done)
        if self.minutes is not None:
            ends.append(max(60 * self.minutes - elapsed, 0.0))
        return min(ends) if ends else None


class Line(ProgressColumn):
    """The parts of the line that fit in one row of the terminal."""

    def __init__(self, progress: Progress):
        super().__init__()
        self.progress = progress

    def render(self, task: Task) -> Text:
        width = self.progress.console.width
        room = width - (BAR + 1 if width >= WITH_BAR else 0) - 1
        parts = self.progress.line(self.progress.run.samples)
        short = [Part(rank, EXTRACTOR.sub("", text)) for rank, text in parts]
        return Text(fitted(short, room), no_wrap=True)


def fitted(parts: Sequence[Part], width: int) -> str:
    """Joins the parts to a line of at most `width` columns; parts that do not fit are left out."""
    kept = list(parts)
    while len(kept) > 1 and len("  ".join(part.text for part in kept)) > width:
        kept.remove(max(kept, key=lambda part: part.rank))
    return "  ".join(part.text for part in kept)


class ProgressJson(Listener):
    """Writes every tick, evaluation, checkpoint and other event as a line of JSON, with `of`, the number of samples of
    the run, and `left`, the remaining seconds."""

    def __init__(self, run: RunView, minutes: float | None, stream: TextIO):
        self.progress, self.run, self.stream = Progress(run, minutes), run, stream
        self.written = 0.0

    def on_start(self) -> None:
        self.progress.begun = self.written = time.monotonic()
        self.progress.begun_at = self.run.samples

    def on_tick(self, event: Mapping[str, Any]) -> None:
        left = self.progress.left(self.run.samples)
        rest = {"of": self.run.recipe.samples, "left": None if left is None else round(left, 1)}
        self._write({**event, **rest})

    def on_step(self, before: int, after: int) -> None:
        now = time.monotonic()
        if now - self.written > LINE_EVERY:  # the log may have no tick for long
            speed = (after - self.progress.begun_at) / (now - self.progress.begun)
            self.on_tick({"event": "progress", "samples": after, "sps": round(speed, 2), **self.run.recent()})

    def on_event(self, event: Mapping[str, Any]) -> None:
        self._write(event)

    def _write(self, event: Mapping[str, Any]) -> None:
        self.written = time.monotonic()
        self.stream.write(line_of(dict(event)))
        self.stream.flush()


def parts_of(event: Mapping[str, Any]) -> list[Part]:
    """The values of a tick: `1,234 samples/s`, `D 1.32`, `G 0.85`, `D accuracy: real 71% fake 80%`, `healthy`."""
    parts = [Part(5, per_second(event["sps"]))] if "sps" in event else []
    losses = [(name.removeprefix("loss/"), value) for name, value in event.items() if name.startswith("loss/")]
    parts += [Part(2, f"{name} {value:.3g}") for name, value in losses if "/" not in name]
    right = [f"{name} {100 * event[f'acc/{name}']:.0f}%" for name in ("real", "fake") if f"acc/{name}" in event]
    parts += [Part(6, f"D accuracy: {' '.join(right)}")] if right else []
    parts += [Part(4, event["health"])] if "health" in event else []
    parts += [Part(3, f"ε {event['epsilon']:.3g}")] if "epsilon" in event else []
    return parts


def describe(event: Mapping[str, Any]) -> str:
    """A tick in one line."""
    return "  ".join(part.text for part in parts_of(event))


def scores_of(event: Mapping[str, Any]) -> list[Part]:
    """The values of an evaluation; first the metric by which the best model is chosen."""
    texts = describe_scores(event).split("  ")
    return [Part(3 if k == 0 else 7, text) for k, text in enumerate(texts) if text]


def describe_scores(event: Mapping[str, Any]) -> str:
    """An evaluation in one line: `fd5k[small@1a2b3c4d] 3.21 (best so far)`."""
    named = [(name.removeprefix("metric/"), value) for name, value in event.items() if name.startswith("metric/")]
    parts = [f"{name} {value:.4g}" for name, value in named if value is not None]
    return "  ".join(parts) + (" (best so far)" if event.get("best") else "")


def clock(seconds: float) -> str:
    """Seconds as `0:07`, `12:30` or `2:05:00`; from four days on as `464 days`."""
    whole = round(seconds)
    if whole >= 4 * 86_400:
        return f"{whole / 86_400:,.0f} days"
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
