"""Whether generated volumes are solids: in one part, within their grid, and not empty.

    one_part       share of volumes whose occupied cells all belong to one connected part (cells that touch by faces)
    largest_part   mean share of the occupied cells that are in the largest part
    watertight     share of volumes whose mesh is closed where the grid ends are left open: the surface does not run
                   into the border of the grid
    empty          share of volumes without an occupied cell

Each beside the value of real volumes. Meshes that are written are always closed, since the border of the grid is closed
off.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from ganforge.core.language import phrase
from ganforge.metrics.base import Comparison, Meaning, Metric, Result, short_count
from ganforge.modalities.shape.geometry import parts
from ganforge.modalities.shape.volume import solid

CHUNK = 64


def solid_facts(samples: np.ndarray, state: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Of decoded volumes, a number each."""
    found: dict[str, list[float]] = {"one_part": [], "largest_part": [], "watertight": [], "empty": []}
    for sample in samples:
        inside = solid(sample, state) < 0
        sizes = parts(inside)
        border = inside.copy()
        border[1:-1, 1:-1, 1:-1] = False
        found["empty"].append(float(not len(sizes)))
        found["one_part"].append(float(len(sizes) == 1))
        found["largest_part"].append(sizes[0] / sizes.sum() if len(sizes) else 0.0)
        found["watertight"].append(float(len(sizes) > 0 and not border.any()))
    return {name: np.array(values) for name, values in found.items()}


class Solids(Metric, kind="solids"):
    """Whether volumes are in one part, closed within their grid, and not empty."""

    signals: ClassVar[tuple[str, ...]] = ("volume",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "one_part": Meaning("Share of volumes that are in one part.", "higher", 1),
        "largest_part": Meaning("Mean share of a volume's cells that are in its largest part.", "higher", 1),
        "watertight": Meaning("Share of volumes whose surface closes before the border of the grid.", "higher", 1),
        "empty": Meaning("Share of volumes without any cell inside.", "lower", 0),
    }

    def compute(self, comparison: Comparison) -> list[Result]:
        n = comparison.count("fake", self.n)
        real, fake = self._facts(comparison, "real", None), self._facts(comparison, "fake", self.n)
        protocol, found = comparison.protocol(self.n), []
        for name, values in fake.items():
            of_real = float(real[name].mean())
            detail = {"real": of_real, "notes": [phrase("real volumes: {value:.4g}", value=of_real)]}
            found.append(Result(f"{name}{short_count(n)}", float(values.mean()), protocol, detail))
        return found

    def _facts(self, comparison: Comparison, name: str, n: int | None) -> dict[str, np.ndarray]:
        found = [solid_facts(part, comparison.facts) for part in comparison.batches(name, n, CHUNK)]
        return {key: np.concatenate([one[key] for one in found]) for key in found[0]}
