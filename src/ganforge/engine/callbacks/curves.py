"""Training curves from `events.jsonl`, for `curves.png` and for reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ganforge.core.events import read_events
from ganforge.core.files import atomic_file
from ganforge.core.language import phrase
from ganforge.core.plot.charts import Chart, lines, tiled
from ganforge.engine.callbacks.guard import Guard
from ganforge.recipes.callback import Callback, Listener, RunView

ACROSS = 3
ACCURACIES = {"real": phrase("real samples"), "fake": phrase("fakes")}


class Curves(Callback, kind="curves"):
    """Plots losses, D's accuracy, health measurements and speed to `curves.png`, at every checkpoint and at the end."""

    def build(self, run: RunView) -> Listener:
        return CurveWriter(run)


class CurveWriter(Listener):
    """Reads `events.jsonl`, which includes what was logged before a resume."""

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
    """A chart for each group of values in the log."""
    ticks = [event for event in events if event["event"] == "tick"]
    measured = [event for event in events if event["event"] == "evaluate"]
    found = [
        Chart(name.removeprefix("metric/"), "", {"": points(measured, name)}, axis=name.removeprefix("metric/"))
        for name in names(measured, "metric/")
    ]
    losses = {name.removeprefix("loss/"): points(ticks, name) for name in names(ticks, "loss/") if name.count("/") == 1}
    accuracy = {ACCURACIES.get(name[4:], name): points(ticks, name) for name in names(ticks, "acc/")}
    found += [
        Chart(
            phrase("losses"),
            phrase("mean of each phase; GAN losses need not decrease"),
            losses,
            axis=phrase("loss"),
        ),
        Chart(
            phrase("D's accuracy"),
            phrase("share of samples classified correctly; ½ is chance"),
            accuracy,
            bounds=(0.0, 1.0),
            level=0.5,
            axis=phrase("share"),
        ),
        Chart(
            phrase("diversity of fakes"),
            phrase("relative to reals of the same batch; ideal: 1"),
            {"": points(ticks, "health/diversity")},
            level=1.0,
            axis=phrase("diversity"),
        ),
        Chart(
            phrase("distance of fakes from reals"),
            phrase("energy distance of pooled samples; ideal: 0"),
            {"": points(ticks, "health/distance")},
            axis=phrase("distance"),
        ),
        Chart(
            phrase("speed"),
            phrase("real samples seen per second"),
            {"": points(ticks, "sps")},
            axis=phrase("samples per second"),
        ),
    ]
    return [chart for chart in found if any(chart.series.values())]


def names(events: Sequence[Mapping[str, Any]], prefix: str) -> list[str]:
    return list(dict.fromkeys(name for event in events for name in event if name.startswith(prefix)))


def points(events: Sequence[Mapping[str, Any]], name: str) -> list[tuple[float, float]]:
    return [(event["samples"], event[name]) for event in events if isinstance(event.get(name), (int, float))]
