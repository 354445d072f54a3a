"""A progress bar on stderr for work that takes longer than a moment."""

from __future__ import annotations

import time

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)


class Bar:
    """`with Bar("reading", total) as bar: bar.advance(1)`; shown only on a terminal and only after `delay` seconds."""

    def __init__(self, title: str, total: int | None, unit: str = "count", delay: float = 2.0):
        amount = DownloadColumn() if unit == "bytes" else MofNCompleteColumn()
        console = Console(stderr=True)
        self.progress = Progress(
            TextColumn("{task.description}"), BarColumn(), amount, TimeRemainingColumn(),
            console=console, transient=True, disable=not console.is_terminal,
        )  # fmt: skip
        self.task = self.progress.add_task(title, total=total)
        self.show_at = time.monotonic() + delay
        self.shown = False

    def __enter__(self) -> Bar:
        return self

    def advance(self, amount: int) -> None:
        self.progress.advance(self.task, amount)
        if not self.shown and time.monotonic() >= self.show_at:
            self.progress.start()
            self.shown = True

    def restart(self, done: int) -> None:
        """Sets the bar to `done`: a broken download goes on from there."""
        self.progress.update(self.task, completed=done)

    def __exit__(self, *error: object) -> None:
        if self.shown:
            self.progress.stop()


class Stages:
    """Bars for work of several stages, some within others: `with Stages() as told: told("features", 256, 60000)`.

    Shown only on a terminal and only after `delay` seconds. A stage that is done goes away.
    """

    def __init__(self, delay: float = 2.0, quiet: bool = False):
        console = Console(stderr=True, markup=False)
        self.progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
            console=console, transient=True, disable=quiet or not console.is_terminal,
        )  # fmt: skip
        self.tasks: dict[str, TaskID] = {}
        self.show_at = time.monotonic() + delay
        self.shown = False

    def __enter__(self) -> Stages:
        return self

    def __call__(self, title: str, done: int, total: int) -> None:
        if title not in self.tasks:
            self.tasks[title] = self.progress.add_task(title, total=total)
        self.progress.update(self.tasks[title], completed=done)
        if done >= total:
            self.progress.remove_task(self.tasks.pop(title))
        if not self.shown and time.monotonic() >= self.show_at:
            self.progress.start()
            self.shown = True

    def __exit__(self, *error: object) -> None:
        if self.shown:
            self.progress.stop()
