"""What `ganforge data inspect` says of sounds: lengths, rates, channels and labels, from the headers of the files."""

from __future__ import annotations

from collections import Counter

import numpy as np

from ganforge.core.dataset import Dataset
from ganforge.modalities.audio.clips import Clips
from ganforge.modalities.audio.source import SoundFiles
from ganforge.signals import Inspection

SHOWN = 5


def inspection(dataset: Dataset, clips: Clips) -> Inspection:
    """From all headers and some clips: silence and damage in others show when training starts."""
    assert isinstance(dataset, SoundFiles)
    clips.preflight()
    found = dataset.readable()
    seconds = np.array([one.frames / one.rate for one in found])
    unreadable = [dataset.describe(k) for k, one in enumerate(dataset.headers) if one is None]
    lengths = {
        "shortest": round(float(seconds.min()), 3),
        "median": round(float(np.median(seconds)), 3),
        "longest": round(float(seconds.max()), 3),
        "total": round(float(seconds.sum()), 3),
    }
    numbers = np.zeros(0, np.int64) if dataset.labels is None else dataset.labels
    facts = {
        "name": dataset.name,
        "count": len(dataset),
        "seconds": lengths,
        "rates": _counts(one.rate for one in found),
        "channels": _counts(one.channels for one in found),
        "classes": {name: int((numbers == k).sum()) for k, name in enumerate(dataset.classes)},
        "unreadable": unreadable,
        "reading": [line.text for line in clips.reading()],
    }
    rates = ", ".join(f"{int(rate):,} Hz ({count:,})" for rate, count in facts["rates"].items())
    channels = ", ".join(f"{many} ({count:,})" for many, count in facts["channels"].items())
    shown = [
        f"{dataset.name}: {len(dataset):,} sounds, {lengths['total']:,.1f} s in all",
        *facts["reading"],
        f"lengths   {lengths['shortest']:.2f} to {lengths['longest']:.2f} s, median {lengths['median']:.2f} s",
        f"rates     {rates}",
        f"channels  {channels}",
    ]
    if dataset.classes:
        shown.append("labels    " + ", ".join(f"{name} ({count:,})" for name, count in facts["classes"].items()))
    hints = []
    if unreadable:
        named = ", ".join(unreadable[:SHOWN]) + (" …" if len(unreadable) > SHOWN else "")
        hints.append(f"{len(unreadable):,} cannot be read and will be left out: {named}")
    return Inspection(facts, lambda: shown, tuple(hints))


def _counts(values) -> dict[str, int]:
    return {str(value): count for value, count in Counter(values).most_common()}
