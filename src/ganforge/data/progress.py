"""A progress bar on stderr for work that takes longer than a moment."""

from __future__ import annotations

import time

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


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
