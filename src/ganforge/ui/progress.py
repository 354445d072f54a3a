"""The progress of a training run on the terminal."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, Task, TextColumn
from rich.progress import Progress as Bar
from rich.text import Text

from ganforge.core.events import read_events
from ganforge.engine.build import reading
from ganforge.recipes.callback import Listener, RunView

LINE_EVERY = 10.0
"""Seconds between two lines of progress if the output is not a terminal."""


class Progress(Listener):
    """A bar with speed, remaining time, losses of all nets and D's accuracy; plain lines in a log file."""

    def __init__(self, run: RunView, minutes: float | None = None, console: Console | None = None):
        self.run = run
        self.console = console or Console(stderr=True, markup=False, highlight=False)
        self.total: int = run.recipe.samples
        self.minutes = minutes
        self.numbers = ""
        self.figures = ""  # values of the last evaluation
        self.rate = 0.0  # samples per second, of the last tick
        self.last_line = 0.0
        self.last_draw = 0.0
        self.begun = time.monotonic()
        self.begun_at = run.samples
        self.bar: Bar | None = None

    def on_start(self) -> None:
        self.begun = self.last_line = time.monotonic()
        self.begun_at = self.run.samples
        for event in read_events(self.run.folder / "events.jsonl", "evaluate"):
            self.figures = describe_figures(event)  # from before the resume
        begun = f"from {self.begun_at:,} " if self.begun_at else ""
        head = f"{self.run.recipe.name} {begun}to {self.total:,} samples in {self.run.folder} (Ctrl-C saves and stops)"
        self.console.print(head, style="bold", soft_wrap=True)
        for line in reading(self.run.dataset):
            if not line.left_out:  # what is left out is a warning, which is also shown without progress
                self.console.print(line.text, soft_wrap=True)
        if self.console.is_terminal:
            self.bar = Bar(
                *([BarColumn(bar_width=24)] if self.console.width >= 100 else []),  # the numbers matter more
                TextColumn("{task.percentage:3.0f}%"),
                TimeLeft(self),
                TextColumn("{task.fields[numbers]}"),
                console=self.console,
                transient=False,
                refresh_per_second=4,
            )
            self.task = self.bar.add_task("", total=self.total, completed=self.run.samples, numbers="")
            self.bar.start()

    def on_step(self, before: int, after: int) -> None:
        now = time.monotonic()
        if self.bar is not None:
            if now - self.last_draw > 0.2:
                self.last_draw = now
                self.bar.update(self.task, completed=after, numbers=self.shown)
        elif now - self.last_line > LINE_EVERY:
            self.last_line = now
            self._line(after)

    def on_tick(self, event: Mapping[str, Any]) -> None:
        self.rate = float(event.get("sps", 0.0))
        self.numbers = describe(event)

    def on_event(self, event: Mapping[str, Any]) -> None:
        if event["event"] == "evaluate":
            self.figures = describe_figures(event)
            if self.bar is None:
                self.console.print(f"{event['samples']:,} samples: {self.figures}", soft_wrap=True)
        elif event["event"] == "evaluating" and self.bar is not None:
            now = time.monotonic()
            if now - self.last_draw > 0.2:
                self.last_draw = now
                self.bar.update(self.task, numbers=f"{event['title']} {event['done']:,}/{event['total']:,}")

    def on_end(self) -> None:
        if self.bar is not None:
            self.bar.update(self.task, completed=self.run.samples, numbers=self.shown)
            self.bar.stop()
        else:
            self._line(self.run.samples)

    def _line(self, samples: int) -> None:
        share = 100 * samples / self.total
        left = self.left(samples)
        parts = [f"{samples:,}/{self.total:,} ({share:.0f}%)", f"{clock(left)} left" if left else "", self.shown]
        self.console.print("  ".join(p for p in parts if p), soft_wrap=True)

    @property
    def shown(self) -> str:
        """The values of the last tick and of the last evaluation."""
        return "  ".join(part for part in (self.numbers, self.figures) if part)

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


class TimeLeft(ProgressColumn):
    """The remaining time, by samples or by `--minutes`, as `3:05 left`."""

    def __init__(self, progress: Progress):
        super().__init__()
        self.progress = progress

    def render(self, task: Task) -> Text:
        left = self.progress.left(int(task.completed))
        return Text("" if left is None else f"{clock(left)} left", style="cyan")


def describe(event: Mapping[str, Any]) -> str:
    """A tick in one line: `1,234 samples/s  D 1.32  G 0.85  D accuracy: real 71% fake 80%  healthy`."""
    parts = [f"{event['sps']:,.0f} samples/s"] if "sps" in event else []
    losses = [(name.removeprefix("loss/"), value) for name, value in event.items() if name.startswith("loss/")]
    parts += [f"{name} {value:.3g}" for name, value in losses if "/" not in name]
    right = [f"{name} {100 * event[f'acc/{name}']:.0f}%" for name in ("real", "fake") if f"acc/{name}" in event]
    parts += [f"D accuracy: {' '.join(right)}"] if right else []
    parts += [event["health"]] if "health" in event else []
    parts += [f"ε {event['epsilon']:.3g}"] if "epsilon" in event else []
    return "  ".join(parts)


def describe_figures(event: Mapping[str, Any]) -> str:
    """An evaluation in one line: `fd5k[small@1a2b3c4d] 3.21 (best so far)`."""
    named = [(name.removeprefix("metric/"), value) for name, value in event.items() if name.startswith("metric/")]
    parts = [f"{name} {value:.4g}" for name, value in named if value is not None]
    return "  ".join(parts) + (" (best so far)" if event.get("best") else "")


def clock(seconds: float) -> str:
    """Seconds as `0:07`, `12:30` or `2:05:00`."""
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
