"""`ganforge data inspect` for pairs of images."""

from __future__ import annotations

from typing import Any

from ganforge.core.dataset import Dataset
from ganforge.modalities.image.inspect import as_table, inspect_dataset, with_recipes
from ganforge.modalities.pair import labelmaps
from ganforge.modalities.pair.sizes import LOOK, paired_sizes
from ganforge.signals import Inspection


def inspection(dataset: Dataset, limit: int | None) -> Inspection:
    """Both sides, first the sources."""
    report = inspect_dataset(dataset, limit)

    def shown() -> list[Any]:
        assert report.source is not None
        return [*pair_lines(dataset), as_table(report.source), "", as_table(report)]

    return with_recipes(dataset, report, shown)


def pair_lines(dataset: Dataset) -> list[str]:
    """Facts about the pairs, beside those about each side.

    Raises:
        UserError: sizes differ within pairs.
    """
    assert dataset.source is not None
    _, scale = paired_sizes(dataset, dataset.source)
    lines = [
        f"{len(dataset):,} pairs, "
        + (f"sources {scale} times smaller" if scale > 1 else "source and target of equal size")
    ]
    if labelmaps.look_like(dataset.source, LOOK):
        classes = labelmaps.found_in(dataset.source)
        lines.append(f"sources are label maps of {len(classes)} classes: {', '.join(map(str, classes))}")
    return [*lines, "first the sources, then the targets:", ""]
