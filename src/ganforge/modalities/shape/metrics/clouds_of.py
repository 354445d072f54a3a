"""Clouds of points of decoded samples, for metrics: of a volume, points drawn from its surface.

Each cloud is moved and scaled into the unit ball, whatever the signal's own normalization, as in the usual protocol per
shape; so distances are those of forms, not of sizes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ganforge.metrics.base import Comparison
from ganforge.modalities.shape.geometry import bounds, generator, sample_surface
from ganforge.modalities.shape.surface import mesh_of
from ganforge.modalities.shape.volume import solid

CHUNK = 64


def cloud_of(sample: np.ndarray, state: Mapping[str, Any], points: int) -> np.ndarray:
    """A decoded sample as float32 [points, 3] in the unit ball; an empty volume is a single place."""
    draws = generator("points of a sample", points)
    if "form" in state:
        mesh = mesh_of(solid(sample, state))
        found = sample_surface(mesh, points, draws) if len(mesh.faces) else np.zeros((points, 3))
    else:
        order = np.concatenate([draws.permutation(len(sample)) for _ in range(-(-points // len(sample)))])
        found = np.nan_to_num(sample[order[:points], :3].astype(np.float64), posinf=0.0, neginf=0.0)
    middle, radius = bounds(found)
    return ((found - middle) / max(radius, 1e-9)).astype(np.float32)


def clouds_of(comparison: Comparison, name: str, count: int, points: int) -> np.ndarray:
    """Samples of a side, spread evenly over it, as clouds float32 [count, points, 3]."""

    def gathered() -> np.ndarray:
        side = comparison.side(name)
        chosen = np.unique(np.linspace(0, side.n - 1, count).round().astype(int))
        parts = side.chosen(chosen, CHUNK)
        return np.stack([cloud_of(sample, comparison.facts, points) for part in parts for sample in part])

    return comparison.once(("clouds", id(comparison.side(name)), count, points), gathered)
