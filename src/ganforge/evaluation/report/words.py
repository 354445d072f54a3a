"""What the values of all registered metrics mean, by their names: `fd5k[small@1a2b3c4d]` is an `fd`."""

from __future__ import annotations

from ganforge.metrics import meaning
from ganforge.metrics.base import Meaning, Metric
from ganforge.registry import load_all


def meanings() -> dict[str, Meaning]:
    """Of every value, by the stem of its name. One that no metric describes is shown without words."""
    load_all()
    return {stem: meant for metric in Metric.kinds.values() for stem, meant in metric.values.items()}


def stem_of(name: str) -> str:
    """`fd` of `fd5k[small@1a2b3c4d]`, `ssim` of `ssim_y[...]`."""
    return meaning.stem_of(name, meanings())


def meaning_of(name: str) -> Meaning:
    """What a value of that name means; empty for one that no metric describes."""
    return meanings().get(stem_of(name), Meaning(""))
