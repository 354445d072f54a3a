"""Progress in a notebook: a table of numbers and the newest samples, in one place that is drawn again and again."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

from ganforge.core import html
from ganforge.recipes.callback import Listener, RunView
from ganforge.ui.progress import Progress, clock, scores_of

DRAW_EVERY = 2.0
"""Seconds between two drawings."""


def progress_here(run: RunView, minutes: float | None) -> Listener:
    """Progress as the place shows it best: a notebook, else a terminal or a log file."""
    return NotebookProgress(run, minutes) if in_notebook() else Progress(run, minutes)


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook, which shows HTML."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and getattr(shell, "kernel", None) is not None


class NotebookProgress(Progress):
    """What `Progress` shows, as HTML with the newest preview."""

    def __init__(self, run: RunView, minutes: float | None = None):
        super().__init__(run, minutes)
        self.handle: Any = None

    def on_start(self) -> None:
        from IPython.display import HTML, display

        self.begun = self.last_draw = time.monotonic()
        self.begun_at = self.run.samples
        self.handle = display(HTML(self.page(self.run.samples)), display_id=True)

    def on_step(self, before: int, after: int) -> None:
        if time.monotonic() - self.last_draw > DRAW_EVERY:
            self.draw(after)

    def on_event(self, event: Mapping[str, Any]) -> None:
        if event["event"] == "evaluate":
            self.scores = scores_of(event)
            self.draw(self.run.samples)

    def on_end(self) -> None:
        self.draw(self.run.samples)

    def draw(self, samples: int) -> None:
        """Shows how far the run is."""
        from IPython.display import HTML

        self.last_draw = time.monotonic()
        self.handle.update(HTML(self.page(samples)))

    def page(self, samples: int) -> str:
        """The HTML: a bar, how far it is, the last numbers, the newest samples."""
        left = self.left(samples)
        facts = {
            "run": self.run.folder,
            "samples": f"{samples:,} of {self.total:,}",
            "time left": "" if left is None else clock(left),
            "last": "  ".join(part.text for part in (*self.numbers, *self.scores)),
        }
        bar = f"<progress value='{samples}' max='{self.total}' style='width:256px'></progress>"
        return bar + html.table(facts) + html.newest_preview(self.run.folder)
