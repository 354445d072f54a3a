"""How a run went, as charts: from its `events.jsonl`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ganforge.evaluation.report.content import Chart


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
            {"diversity": points(ticks, "health/diversity")},
            level=1.0,
        ),
        Chart("distance of fakes from reals", "energy distance of pooled samples; 0 is right",
              {"distance": points(ticks, "health/distance")}),
    ]  # fmt: skip
    return [chart for chart in found if any(chart.series.values())]


def names(events: Sequence[Mapping[str, Any]], prefix: str) -> list[str]:
    return list(dict.fromkeys(name for event in events for name in event if name.startswith(prefix)))


def points(events: Sequence[Mapping[str, Any]], name: str) -> list[tuple[float, float]]:
    return [(event["samples"], event[name]) for event in events if isinstance(event.get(name), (int, float))]
