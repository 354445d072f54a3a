"""What `ganforge data inspect` says of shapes: kinds, sizes, units, parts, and what had to be repaired."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from ganforge.core.dataset import BadItem
from ganforge.modalities.shape.formats.parts import Grid, Points, Shape
from ganforge.modalities.shape.geometry import bounds
from ganforge.modalities.shape.source import ShapeSet
from ganforge.modalities.shape.surface import is_closed
from ganforge.modalities.shape.views import kinds
from ganforge.signals import Inspection

SHOWN = 5
MOST = 1_000
"""Shapes that are read, where nobody says otherwise."""
UNITS = 10
"""A radius this many times another's points to other units."""


def inspection(dataset: ShapeSet, limit: int | None = None) -> Inspection:
    """Reads the shapes, or as many as `limit`, spread evenly."""
    found: list[tuple[int, Shape]] = []
    unreadable = []
    chosen = np.unique(np.linspace(0, len(dataset) - 1, min(limit or MOST, len(dataset))).round().astype(int)).tolist()
    for k in chosen:
        try:
            found.append((k, dataset.shape(k)))
        except BadItem as error:
            unreadable.append(f"{error.where}: {error.why}")
    if not found:
        dataset.some(len(chosen))  # says why
    radii = np.array([bounds(shape[0])[1] for _, shape in found if not isinstance(shape, Grid)])
    grids = Counter("×".join(map(str, shape.values.shape)) for _, shape in found if isinstance(shape, Grid))
    counts = [len(shape[0]) for _, shape in found if isinstance(shape, Points)]
    open_meshes = [
        dataset.describe(k) for k, shape in found if not isinstance(shape, (Grid, Points)) and not is_closed(shape)
    ]
    numbers = np.zeros(0, np.int64) if dataset.labels is None else dataset.labels
    facts: dict[str, Any] = {
        "name": dataset.name,
        "count": len(dataset),
        "looked_at": len(chosen),
        "kinds": kinds(found),
        "grids": dict(grids.most_common()),
        "points": {"fewest": min(counts), "median": int(np.median(counts)), "most": max(counts)} if counts else {},
        "features": {
            what: sum(isinstance(shape, Points) and getattr(shape, what) is not None for _, shape in found)
            for what in ("normals", "colors")
        },
        "radii": {"smallest": float(radii.min()), "largest": float(radii.max())} if len(radii) else {},
        "open_meshes": len(open_meshes),
        "repairs": dict(dataset.repairs),
        "classes": {name: int((numbers == k).sum()) for k, name in enumerate(dataset.classes)},
        "unreadable": unreadable,
        "reading": [line.text for line in dataset.reading()],
    }
    part = "" if len(chosen) == len(dataset) else f" ({len(chosen):,} inspected)"
    shown = [f"{dataset.name}: {len(dataset):,} shapes{part}", *facts["reading"]]
    shown.append("kinds    " + ", ".join(f"{name} ({count:,})" for name, count in facts["kinds"].items()))
    if grids:
        shown.append("grids    " + ", ".join(f"{size} ({count:,})" for size, count in grids.most_common(SHOWN)))
    if counts:
        shown.append("points   {fewest:,} to {most:,}, median {median:,}".format(**facts["points"]))
    if len(radii):
        shown.append("radius   {smallest:.4g} to {largest:.4g}".format(**facts["radii"]))
    if dataset.classes:
        shown.append("labels   " + ", ".join(f"{name} ({count:,})" for name, count in facts["classes"].items()))
    return Inspection(facts, lambda: shown, tuple(_hints(facts, open_meshes)))


def _hints(facts: dict[str, Any], open_meshes: list[str]) -> list[str]:
    hints = []
    if facts["unreadable"]:
        hints.append(f"{_named(facts['unreadable'])} cannot be read and will be left out")
    hints += [f"{what}: in {count:,} shapes" for what, count in facts["repairs"].items()]
    if open_meshes:
        hints.append(
            f"{_named(open_meshes)} are no closed surfaces: what cannot be reached from outside is filled, and an open "
            "surface becomes a shell of one cell"
        )
    radii = facts["radii"]
    if radii and radii["largest"] > UNITS * radii["smallest"]:
        hints.append(
            f"Sizes from {radii['smallest']:.4g} to {radii['largest']:.4g}: other units, perhaps. Each shape is scaled "
            "by itself, unless signal.normalize=set"
        )
    if len(facts["grids"]) > 1:
        hints.append("Volumes of several sizes: all become one (signal.size), cubic, with empty cells at shorter sides")
    for what, count in facts["features"].items():
        if count:
            hints.append(f"The points of {count:,} clouds have {what}: signal.features={what} learns them")
    hints.append("If shapes lie on their side in previews: signal.up=y (or x) names the axis that points up")
    return hints


def _named(names: list[str]) -> str:
    return f"{len(names):,} ({', '.join(names[:SHOWN])}{' …' if len(names) > SHOWN else ''})"
