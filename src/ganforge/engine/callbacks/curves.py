"""How a run went, as charts from its `events.jsonl`: for `curves.png`, and for reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ganforge.core.events import read_events
from ganforge.core.files import atomic_file
from ganforge.core.plot.charts import Chart, lines, tiled
from ganforge.engine.callbacks.guard import Guard
from ganforge.recipes.callback import Callback, Listener, RunView

ACROSS = 3


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
            events = list(read_events(self.run.folder / "events.jsonl"))
            drawings = [drawn for chart in charts(events) if (drawn := lines(chart, heading=True)) is not None]
            if drawings:
                with atomic_file(self.run.folder / "curves.png") as file:
                    tiled(drawings, ACROSS).image(1.5).save(file, "PNG")


def charts(events: Sequence[Mapping[str, Any]]) -> list[Chart]:
    """A chart for each group of numbers that the log has."""
    ticks = [event for event in events if event["event"] == "tick"]
    measured = [event for event in events if event["event"] == "evaluate"]
    found = [
        Chart(name.removeprefix("metric/"), "by real samples seen", {"": points(measured, name)})
        for name in names(measured, "metric/")
    ]
    losses = {name.removeprefix("loss/"): points(ticks, name) for name in names(ticks, "loss/") if name.count("/") == 1}
    right = {
        {"real": "real taken for real", "fake": "fake taken for fake"}.get(name[4:], name): points(ticks, name)
        for name in names(ticks, "acc/")
    }
    found += [
        Chart("losses", "means of each phase; they need not fall: two players pull at them", losses),
        Chart("what D gets right", "share of samples; ½ is guessing", right, bounds=(0.0, 1.0), level=0.5),
        Chart(
            "diversity of fakes",
            "against reals of the same batch; 1 is right",
            {"": points(ticks, "health/diversity")},
            level=1.0,
        ),
        Chart(
            "distance of fakes from reals",
            "energy distance of pooled samples; 0 is right",
            {"": points(ticks, "health/distance")},
        ),
        Chart("speed", "real samples seen per second", {"": points(ticks, "sps")}),
    ]
    return [chart for chart in found if any(chart.series.values())]


def names(events: Sequence[Mapping[str, Any]], prefix: str) -> list[str]:
    return list(dict.fromkeys(name for event in events for name in event if name.startswith(prefix)))


def points(events: Sequence[Mapping[str, Any]], name: str) -> list[tuple[float, float]]:
    return [(event["samples"], event[name]) for event in events if isinstance(event.get(name), (int, float))]
