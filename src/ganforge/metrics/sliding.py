"""The Fréchet distance within a condition that is a number: whether fakes fit each value, not only all of them.

Ding et al. 2021, "CcGAN: Continuous Conditional Generative Adversarial Networks for Image Generation" (sliding FID):

    SFID = mean over centers c of  FD({real: |v − c| ≤ r}, {fake: |v asked − c| ≤ r})

The centers are spread evenly over the range of the condition (around the circle for an angle). r is half of the
distance between centers, so that every sample counts; intervals with too few samples are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from ganforge.core.condition_kinds import Angle, Condition, Number
from ganforge.core.errors import UserError
from ganforge.core.language import phrase
from ganforge.metrics.base import Comparison, Meaning, Metric, Result, short_count
from ganforge.metrics.frechet import frechet_distance
from ganforge.metrics.statistics import moments

FEWEST = 20
"""Samples of each side in an interval, at least."""


class SlidingFrechet(Metric, kind="sfid"):
    """Fréchet distance within intervals of each condition that is a number, averaged (SFID of CcGAN)."""

    needs: ClassVar[frozenset[str]] = frozenset({"features", "conditions"})
    values: ClassVar[Mapping[str, Meaning]] = {
        "sfid": Meaning("Mean distance of fakes and reals within intervals of a condition.", "lower", 0),
    }
    intervals: int = Field(default=10, ge=2)
    """Number of intervals of each condition."""

    def compute(self, comparison: Comparison) -> list[Result]:
        n = comparison.count("fake", self.n)
        numbers = [one for one in comparison.conditions.each if isinstance(one, (Number, Angle))]
        if not numbers:
            raise UserError(
                "metric 'sfid': none of the conditions is a number or an angle. Leave it out of the metrics",
                code="metric.no_numbers",
            )
        found = []
        for one in numbers:
            distances = self._distances(comparison, one, n)
            if not distances:
                continue
            protocol = comparison.protocol(n, features=True) | {"intervals": self.intervals}
            notes = []
            if len(distances) < self.intervals:
                notes = [phrase("{count} intervals have too few samples", count=self.intervals - len(distances))]
            detail: dict[str, Any] = {"per_interval": distances} | ({"notes": notes} if notes else {})
            name = f"sfid{short_count(n)}[{one.name}]"
            found.append(Result(name, float(np.mean(list(distances.values()))), protocol, detail))
        if not found:
            raise UserError(
                f"metric 'sfid': no interval has {FEWEST} samples of both sides. Use more samples, or fewer intervals",
                code="metric.too_few_samples",
            )
        return found

    def _distances(self, comparison: Comparison, one: Condition, n: int) -> dict[str, float]:
        """The distance in each interval that has enough samples, by its bounds."""
        place = comparison.conditions.slices[one.name]
        low, high = (one.low, one.high) if isinstance(one, Number) else (0.0, one.period)  # type: ignore[union-attr]
        edges = np.linspace(low, high, self.intervals + 1)
        sides = []
        for side, count in (("real", comparison.count("real")), ("fake", n)):
            values = [np.nan if v is None else v for v in one.decode(comparison.vectors(side, count)[:, place])]
            bins = np.digitize(np.array(values, np.float64), edges[1:-1])
            sides.append((comparison.features(side, count), np.where(np.isnan(np.array(values, np.float64)), -1, bins)))
        found = {}
        for k in range(self.intervals):
            parts = [features[bins == k] for features, bins in sides]
            if min(map(len, parts)) >= FEWEST:
                name = f"{edges[k]:.4g} to {edges[k + 1]:.4g}"
                found[name] = frechet_distance(moments(parts[0]), moments(parts[1]))
        return found
