"""Progress bars on stderr, shown only on a terminal and after a delay."""

from __future__ import annotations

import time
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)


class Delayed:
    """Base of the progress bars: they appear after `delay` seconds, only on a terminal, and disappear at the end."""

    def __init__(self, amount: ProgressColumn, delay: float, quiet: bool = False):
        console = Console(stderr=True, markup=False)
        self.progress = Progress(
            TextColumn("{task.description}", markup=False), BarColumn(), amount, TimeRemainingColumn(),
            console=console, transient=True, disable=quiet or not console.is_terminal,
        )  # fmt: skip
        self.show_at = time.monotonic() + delay
        self.shown = False

    def show_when_due(self) -> None:
        if not self.shown and time.monotonic() >= self.show_at:
            self.progress.start()
            self.shown = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self.shown:
            self.progress.stop()


class Bar(Delayed):
    """`with Bar("reading", total) as bar: bar.advance(1)`."""

    def __init__(self, title: str, total: int | None, unit: str = "count", delay: float = 2.0):
        super().__init__(DownloadColumn() if unit == "bytes" else MofNCompleteColumn(), delay)
        self.task = self.progress.add_task(title, total=total)

    def advance(self, amount: int) -> None:
        self.progress.advance(self.task, amount)
        self.show_when_due()

    def restart(self, done: int) -> None:
        """Sets the bar to `done`, where an interrupted download resumes."""
        self.progress.update(self.task, completed=done)


LINES_EVERY = 30.0
"""Seconds between two lines of progress where stderr is no terminal."""


class Stages(Delayed):
    """Bars for nested stages of work: `with Stages() as progress: progress("features", 256, 60000)`.

    A finished stage disappears. In a pipe or a file, a line every half a minute reports the progress.
    """

    def __init__(self, delay: float = 2.0, quiet: bool = False):
        super().__init__(MofNCompleteColumn(), delay, quiet)
        self.tasks: dict[str, TaskID] = {}
        self.prints = not quiet and not self.progress.console.is_terminal
        self.next_line = time.monotonic() + LINES_EVERY

    def __call__(self, title: str, done: int, total: int) -> None:
        if self.prints and time.monotonic() >= self.next_line:
            self.next_line = time.monotonic() + LINES_EVERY
            self.progress.console.print(f"{title}: {done:,} of {total:,}", soft_wrap=True)
        if title not in self.tasks:
            self.tasks[title] = self.progress.add_task(title, total=total)
        self.progress.update(self.tasks[title], completed=done)
        if done >= total:
            self.progress.remove_task(self.tasks.pop(title))
        self.show_when_due()
