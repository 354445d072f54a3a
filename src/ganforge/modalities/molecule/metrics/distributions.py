"""How far the properties of generated molecules are from those of unseen real ones: Wasserstein-1 distances.

    property_distance[logP] = W1(logP of valid generated molecules, logP of unseen real ones)

in the units of each property. Beside it the floor: the same for as many molecules of the training data.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from pydantic import Field

from ganforge.core.language import phrase
from ganforge.metrics.base import Comparison, Meaning, Metric, Result
from ganforge.modalities.molecule.metrics import sides


class Properties(Metric, kind="molecule_properties"):
    """Distances of the distributions of logP, QED, SA and weight."""

    signals: ClassVar[tuple[str, ...]] = ("molecule",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "property_distance": Meaning(
            "How far values of the property have to be moved to be distributed as in real molecules.", "lower", 0.0
        )
    }
    most: int = Field(default=sides.MOST, ge=10)
    """Molecules of a side."""
    names: tuple[str, ...] = ("logP", "QED", "SA", "weight")
    """The properties."""

    def compute(self, comparison: Comparison) -> list[Result]:
        fake = sides.some(comparison, "fake", self.most, self.n)
        test, train = sides.parted(comparison, self.most)
        protocol = comparison.protocol(self.n) | {"n_valid": len(fake), "n_test": len(test)}
        found = []
        for name in self.names:
            made, real, learned = (sides.values(comparison, one, name) for one in (fake, test, train))
            floor = distance(learned, real)
            detail = {
                "floor": floor, "mean": float(made.mean()), "mean_of_real": float(real.mean()),
                "notes": [
                    phrase("training molecules: {floor:.3g}", floor=floor),
                    phrase("mean {made:.3g}, of real ones {real:.3g}", made=made.mean(), real=real.mean()),
                ],
            }  # fmt: skip
            found.append(Result(f"property_distance[{name}]", distance(made, real), protocol, detail))
        return found


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """W1 of two samples of numbers, of any sizes."""
    every = np.sort(np.concatenate([a, b]))
    shares = [np.searchsorted(np.sort(one), every[:-1], side="right") / len(one) for one in (a, b)]
    return float(np.sum(np.abs(shares[0] - shares[1]) * np.diff(every)))
