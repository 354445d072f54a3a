"""What `ganforge data inspect` says of films: lengths, rates, sizes and labels, from their headers."""

from __future__ import annotations

from collections import Counter

import numpy as np

from ganforge.core.dataset import Dataset
from ganforge.modalities.video.source import Films
from ganforge.signals import Inspection

SHOWN = 5


def inspection(dataset: Dataset) -> Inspection:
    """Packets are counted and not decoded, so damage within a film shows when training starts."""
    assert isinstance(dataset, Films)
    found = dataset.readable()
    frames = np.array([one.frames for one in found])
    unreadable = [dataset.describe(k) for k, one in enumerate(dataset.headers) if one is None]
    broken = [dataset.describe(k) for k, one in enumerate(dataset.headers) if one is not None and one.claimed]
    single = [dataset.describe(k) for k, one in enumerate(dataset.headers) if one is not None and one.frames == 1]
    numbers = np.zeros(0, np.int64) if dataset.labels is None else dataset.labels
    facts = {
        "name": dataset.name,
        "count": len(dataset),
        "frames": {
            "fewest": int(frames.min()),
            "median": int(np.median(frames)),
            "most": int(frames.max()),
            "total": int(frames.sum()),
        },
        "rates": _counts("none" if one.fps is None else f"{one.fps:.4g}" for one in found),
        "sizes": _counts(f"{one.height}×{one.width}" for one in found),
        "classes": {name: int((numbers == k).sum()) for k, name in enumerate(dataset.classes)},
        "unreadable": unreadable,
        "broken_off": broken,
        "reading": [line.text for line in dataset.reading()],
    }
    lengths = facts["frames"]
    shown = [
        f"{dataset.name}: {len(dataset):,} films, {lengths['total']:,} frames in all",
        *facts["reading"],
        f"lengths  {lengths['fewest']:,} to {lengths['most']:,} frames, median {lengths['median']:,}",
        "rates    " + _listed(facts["rates"], " a second"),
        "sizes    " + _listed(facts["sizes"], " px (height×width)"),
    ]
    if dataset.classes:
        shown.append("labels   " + ", ".join(f"{name} ({count:,})" for name, count in facts["classes"].items()))
    hints = []
    if unreadable:
        hints.append(f"{_named(unreadable)} cannot be read and will be left out")
    if broken:
        hints.append(f"{_named(broken)} break off before their end: the part before it is used")
    if single:
        hints.append(f"{_named(single)} hold a single frame and will be left out")
    if len(facts["rates"]) > 1:
        hints.append("Several rates: all become the most frequent one, by the times of the frames (signal.fps sets it)")
    if len(facts["sizes"]) > 1:
        hints.append(
            "Several sizes: all become one, by their middle (signal.fit=pad keeps all of each, with black bars)"
        )
    return Inspection(facts, lambda: shown, tuple(hints))


def _named(names: list[str]) -> str:
    return f"{len(names):,} ({', '.join(names[:SHOWN])}{' …' if len(names) > SHOWN else ''})"


def _counts(values) -> dict[str, int]:
    return {str(value): count for value, count in Counter(values).most_common()}


def _listed(counts: dict[str, int], unit: str) -> str:
    some = ", ".join(f"{value} ({count:,})" for value, count in list(counts.items())[:SHOWN])
    return some + (" …" if len(counts) > SHOWN else "") + unit
