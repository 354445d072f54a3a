"""How near generated shapes are to real ones, by PointFlow's protocol (Yang et al. 2019), on points of their surfaces.

    nna_cd, nna_emd              1-NNA: 0.5 for shapes that cannot be told from real ones
    coverage_cd, coverage_emd    COV
    mmd_cd, mmd_emd              MMD
    occupancy_jsd                JSD

Each beside its floor: the same value of real shapes that the model was not trained on, or, without such, of one half of
the real ones against the other. CD is of squared distances, EMD of distances; published tables scale and normalize them
in other ways, and use 2,048 points.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from ganforge.core.errors import UserError
from ganforge.core.language import phrase
from ganforge.metrics.base import Comparison, Meaning, Metric, Result
from ganforge.modalities.shape.metrics import distances
from ganforge.modalities.shape.metrics.clouds_of import clouds_of

FEWEST = 4
DISTANCES = {"cd": distances.chamfer, "emd": distances.emd}


class Shapes(Metric, kind="shapes"):
    """1-NNA, coverage and minimum matching distance by Chamfer and earth mover's distance; the JSD of occupancies."""

    signals: ClassVar[tuple[str, ...]] = ("volume", "cloud")
    values: ClassVar[Mapping[str, Meaning]] = {
        "nna_cd": Meaning("How well a nearest neighbor (Chamfer) tells generated from real shapes.", "near", 0.5),
        "coverage_cd": Meaning("Share of real shapes that are the nearest one of a generated shape.", "higher", 1),
        "mmd_cd": Meaning("Mean Chamfer distance of real shapes to the nearest generated one.", "lower", 0),
        "nna_emd": Meaning("How well a nearest neighbor (EMD) tells generated from real shapes.", "near", 0.5),
        "coverage_emd": Meaning("The same as coverage_cd, by the earth mover's distance.", "higher", 1),
        "mmd_emd": Meaning("The same as mmd_cd, by the earth mover's distance.", "lower", 0),
        "occupancy_jsd": Meaning("How far the places where shapes have points differ, as a whole.", "lower", 0),
    }
    shapes: int = Field(default=120, ge=FEWEST)
    """Shapes of each side, for the Chamfer distance."""
    points: int = Field(default=512, ge=16)
    """Points of each shape, for the Chamfer distance."""
    emd_shapes: int = Field(default=24, ge=0)
    """Shapes of each side, for the earth mover's distance, which takes most of the time; 0 leaves it out."""
    emd_points: int = Field(default=128, ge=16)
    """Points of each shape, for the earth mover's distance."""

    def compute(self, comparison: Comparison) -> list[Result]:
        n = min(comparison.count("fake", self.n), comparison.real.n, self.shapes)
        if n < FEWEST:
            raise UserError(f"metric shapes: {n} shapes are too few; at least {FEWEST} are needed",
                            code="metric.too_few_samples")  # fmt: skip
        found = self._by(comparison, "cd", n, self.points)
        if self.emd_shapes:
            found += self._by(comparison, "emd", min(n, self.emd_shapes), self.emd_points)
        real, fake = (distances.occupancy(clouds_of(comparison, side, n, self.points)) for side in ("real", "fake"))
        other = self._other(comparison, n, self.points)
        reference = real
        if comparison.heldout is None:
            half, other = other[0::2], other[1::2]
            reference = distances.occupancy(half)
        floor = distances.divergence(reference, distances.occupancy(other))
        value = distances.divergence(real, fake)
        found.append(self._result(comparison, "occupancy_jsd", value, floor, n, self.points))
        return found

    def _by(self, comparison: Comparison, kind: str, n: int, points: int) -> list[Result]:
        def progress(done: int, total: int) -> None:
            comparison.progress(f"distances of shapes ({kind})", done, total)

        distance = DISTANCES[kind]
        real, fake = (clouds_of(comparison, side, n, points) for side in ("real", "fake"))
        inner = distances.among(distance, real, progress)
        values = _figures(
            inner, distances.among(distance, fake, progress), distances.across(distance, real, fake, progress)
        )
        other = self._other(comparison, n, points)
        if comparison.heldout is None:  # halves of the real ones, whose distances are known
            one, two = np.arange(0, len(real), 2), np.arange(1, len(real), 2)
            floors = _figures(inner[np.ix_(one, one)], inner[np.ix_(two, two)], inner[np.ix_(one, two)])
        else:
            floors = _figures(
                inner, distances.among(distance, other, progress), distances.across(distance, real, other, progress)
            )
        return [self._result(comparison, f"{name}_{kind}", values[name], floors[name], n, points) for name in values]

    def _other(self, comparison: Comparison, n: int, points: int) -> np.ndarray:
        """Other real shapes, for the floor: unseen ones, or without such those of the comparison themselves."""
        if comparison.heldout is None:
            return clouds_of(comparison, "real", n, points)
        return clouds_of(comparison, "heldout", min(n, comparison.heldout.n), points)

    def _result(self, comparison: Comparison, name: str, value: float, floor: float, n: int, points: int) -> Result:
        protocol: dict[str, Any] = comparison.protocol(n) | {"shapes": n, "points": points, "normalized": "unit ball"}
        note = phrase("one half of the real shapes against the other: {floor:.4g}", floor=floor)
        if comparison.heldout is not None:
            note = phrase("real shapes that the model was not trained on: {floor:.4g}", floor=floor)
        return Result(f"{name}[{n}x{points}]", value, protocol, {"floor": floor, "notes": [note]})


def _figures(real: np.ndarray, fake: np.ndarray, apart: np.ndarray) -> dict[str, float]:
    mmd, covered = distances.coverage(apart)
    return {"nna": distances.nearest_neighbor_accuracy(real, fake, apart), "coverage": covered, "mmd": mmd}
