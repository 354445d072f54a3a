"""How near completed volumes are to the real ones.

volume_iou     mean intersection over union of the cells inside, beside that of the visible part itself
completed_cd   mean Chamfer distance of the surfaces, in half sides of the grid, squared
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

from ganforge.core.language import phrase
from ganforge.metrics.base import Comparison, Meaning, Metric, Result, short_count
from ganforge.modalities.shape.geometry import generator, sample_surface
from ganforge.modalities.shape.metrics.distances import chamfer
from ganforge.modalities.shape.surface import mesh_of
from ganforge.modalities.shape.volume import solid

CHUNK, POINTS = 64, 512


def overlap(a: np.ndarray, b: np.ndarray, state: Mapping[str, Any]) -> np.ndarray:
    """IoU of pairs of decoded volumes; 1 of two empty ones."""
    inside = [np.stack([solid(one, state) < 0 for one in samples]).reshape(len(samples), -1) for samples in (a, b)]
    both, either = (inside[0] & inside[1]).sum(1), (inside[0] | inside[1]).sum(1)
    return np.where(either > 0, both / np.maximum(either, 1), 1.0)


def surface_points(sample: np.ndarray, state: Mapping[str, Any]) -> np.ndarray:
    """Points of a volume's surface, float32 [POINTS, 3], in half sides of the grid; of an empty one its middle."""
    field = solid(sample, state)
    mesh = mesh_of(field)
    if not len(mesh.faces):
        return np.zeros((POINTS, 3), np.float32)
    half = field.shape[0] / 2
    return ((sample_surface(mesh, POINTS, generator("completed")) - half + 0.5) / half).astype(np.float32)


def singles(parts: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Each sample of parts of any size, [1, ...]: sides come in parts of different sizes."""
    return (part[k : k + 1] for part in parts for k in range(len(part)))


class Completed(Metric, kind="completed"):
    """Overlap and surface distance of completed volumes to the real ones."""

    needs: ClassVar[frozenset[str]] = frozenset({"pairs"})
    signals: ClassVar[tuple[str, ...]] = ("volume",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "volume_iou": Meaning("Mean overlap (intersection over union) with the real volume.", "higher", 1),
        "completed_cd": Meaning("Mean Chamfer distance of the surface to that of the real volume.", "lower", 0),
    }

    def compute(self, comparison: Comparison) -> list[Result]:
        n, state = comparison.count("fake", self.n), comparison.facts
        sources = comparison.real.sources
        sides = [singles(comparison.batches(name, n, CHUNK)) for name in ("real", "fake")]
        sides += [singles(sources.parts(CHUNK, n))] if sources is not None else []
        found: dict[str, list[np.ndarray]] = {"iou": [], "cd": [], "source": []}
        for real, made, *source in zip(*sides, strict=True):
            found["iou"].append(overlap(real, made, state))
            found["cd"].append(chamfer(*(surface_points(one[0], state)[None] for one in (real, made))))
            found["source"] += [overlap(real, one, state) for one in source]
        iou, cd = np.concatenate(found["iou"]), np.concatenate(found["cd"])
        protocol, end = comparison.protocol(self.n), short_count(n)
        detail: dict[str, Any] = {"sd": float(iou.std() / len(iou) ** 0.5)}
        if found["source"]:
            of_source = float(np.concatenate(found["source"]).mean())
            detail |= {"source": of_source, "notes": [phrase("the visible part itself: {value:.4g}", value=of_source)]}
        return [
            Result(f"volume_iou{end}", float(iou.mean()), protocol, detail),
            Result(f"completed_cd{end}", float(cd.mean()), protocol | {"points": POINTS}),
        ]
