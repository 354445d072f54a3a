"""The run's curves as one image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ganforge.core.events import read_events
from ganforge.core.files import atomic_file
from ganforge.engine.callbacks.guard import Guard
from ganforge.recipes.callback import Callback, Listener, RunView


class Curves(Callback, kind="curves"):
    """Draws `curves.png` from the log at every checkpoint and at the end: losses, what D gets right, speed."""

    def build(self, run: RunView) -> Listener:
        return CurveWriter(run)


class CurveWriter(Listener):
    """Reads `events.jsonl`, which also holds what was logged before a resume."""

    def __init__(self, run: RunView):
        self.run = run
        self.guard = Guard(run, "curves.png")

    def on_checkpoint(self, folder: Path) -> None:
        self._write()

    def on_end(self) -> None:
        self._write()

    def _write(self) -> None:
        with self.guard():
            ticks = list(read_events(self.run.folder / "events.jsonl", "tick"))
            if ticks:
                with atomic_file(self.run.folder / "curves.png") as file:
                    draw(ticks, file, self.run.folder.name)


def draw(ticks: list[dict[str, Any]], path: Path, title: str) -> None:
    """Writes the curves of a log's ticks as a PNG: a panel for each group of numbers that the log has."""
    # Without pyplot: it keeps global state and picks a backend, and a training process should have neither.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import EngFormatter

    names = list(dict.fromkeys(k for tick in ticks for k, value in tick.items() if isinstance(value, (int, float))))
    groups = [
        ("losses", "mean loss", [n for n in names if n.startswith("loss/")]),
        ("what D gets right", "share of samples", [n for n in names if n.startswith("acc/")]),
        ("speed", "samples per second", [n for n in names if n == "sps"]),
    ]
    groups = [group for group in groups if group[2]]
    figure = Figure(figsize=(5 * len(groups), 3.6), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    for axes, (heading, unit, members) in zip(figure.subplots(1, len(groups), squeeze=False)[0], groups, strict=True):
        for name in members:
            points = [(tick["samples"], tick[name]) for tick in ticks if isinstance(tick.get(name), (int, float))]
            label = name.removeprefix("loss/").removeprefix("acc/")
            axes.plot(*zip(*points, strict=True), label=label, lw=1.4, marker="." if len(points) < 20 else None)
        axes.set(title=heading, xlabel="real samples seen", ylabel=unit)
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        axes.grid(alpha=0.25)
        if heading == "what D gets right":
            axes.set_ylim(-0.02, 1.02)
            axes.axhline(0.5, color="gray", lw=0.8, ls=":")  # where D can only guess
        if heading == "speed":
            axes.set_ylim(bottom=0)
        else:
            axes.legend(frameon=False)
    figure.savefig(path, format="png")
