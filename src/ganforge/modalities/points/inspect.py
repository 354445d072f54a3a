"""`ganforge data inspect` for vectors of numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ganforge.core.dataset import Dataset
from ganforge.core.types import Spec
from ganforge.recipes import fitting
from ganforge.signals import Inspection

FEW = 1_000
SHOWN = 20  # numbers of a vector, and labels


def inspection(dataset: Dataset, x: np.ndarray) -> Inspection:
    """Bounds, mean and standard deviation of every component of the vectors.

    Args:
        x: the inspected vectors, float64 [N, D].
    """
    fits = fitting.fitting(dataset, in_numbers)
    columns = [
        {"min": float(low), "max": float(high), "mean": float(mean), "std": float(std)}
        for low, high, mean, std in zip(x.min(0), x.max(0), x.mean(0), x.std(0), strict=True)
    ]
    counts = None if dataset.labels is None else np.bincount(dataset.labels, minlength=len(dataset.classes))
    hints = []
    if len(dataset) < FEW:
        hints.append(
            f"{len(dataset):,} vectors are few; with less than {FEW:,}, a GAN learns the distribution only coarsely"
        )
    facts = {
        "name": dataset.name,
        "count": len(dataset),
        "looked_at": len(x),
        "numbers": columns,
        "classes": {} if counts is None else dict(zip(dataset.classes, counts.tolist(), strict=True)),
        "recipes": fitting.to_plain(fits),
        "hints": hints,
    }
    return Inspection(facts, lambda: [*lines(facts), _table(columns), "", fitting.as_table(fits)], tuple(hints))


def in_numbers(spec: Spec) -> str:
    """vectors of 2 numbers."""
    return f"vectors of {spec.shape[0]} numbers"


def lines(facts: dict[str, Any]) -> list[str]:
    """The lines above the table."""
    part = "" if facts["looked_at"] == facts["count"] else f" ({facts['looked_at']:,} inspected)"
    told = [f"{facts['name']}: {facts['count']:,} vectors of {len(facts['numbers'])} numbers{part}"]
    if facts["classes"]:
        some = [f"{name} ({count:,})" for name, count in list(facts["classes"].items())[:SHOWN]]
        told.append(
            f"{len(facts['classes'])} labels: {', '.join(some)}" + (", ..." if len(facts["classes"]) > SHOWN else "")
        )
    return told


def _table(columns: list[dict[str, float]]):
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("number", "min", "max", "mean", "std"):
        table.add_column(heading, justify="right")
    for k, column in enumerate(columns[:SHOWN]):
        table.add_row(f"x{k}", *(f"{column[name]:.4g}" for name in ("min", "max", "mean", "std")))
    if len(columns) > SHOWN:
        table.add_row("...", "", "", "", "")
    return table
