"""Whether generated molecules have the properties that they were asked to have.

    asked_property[logP] = mean over valid molecules of |logP asked − logP of the molecule|

Beside it the same for values asked of other samples: what a generator would reach that does not listen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from ganforge.core.condition_kinds import Number
from ganforge.metrics.asked_numbers import asked_number
from ganforge.metrics.base import Comparison, Meaning, Metric, Result, short_count
from ganforge.modalities.molecule import properties
from ganforge.modalities.molecule.metrics import sides


class Asked(Metric, kind="molecule_asked"):
    """The mean error of each property that was asked and can be computed."""

    signals: ClassVar[tuple[str, ...]] = ("molecule",)
    needs: ClassVar[frozenset[str]] = frozenset({"conditions"})
    values: ClassVar[Mapping[str, Meaning]] = {
        "asked_property": Meaning("Mean difference between the property asked and that of the molecule.", "lower", 0.0)
    }

    def compute(self, comparison: Comparison) -> list[Result]:
        made = sides.whole(comparison, "fake", self.n)
        sides.valid(comparison, "fake", self.n)  # refuses too few
        rows = [k for k, one in enumerate(made) if one is not None][: sides.MOST]
        vectors, found = comparison.vectors("fake", self.n), []
        for one in comparison.conditions.each:
            if not isinstance(one, Number) or one.name not in properties.NAMES:
                continue
            got = sides.values(comparison, [str(made[k]) for k in rows], one.name)
            gap = asked_number(comparison, one, vectors[rows], got)
            if gap.n >= sides.FEWEST:
                name = f"asked_property{short_count(gap.n)}[{one.name}]"
                found.append(Result(name, gap.error, comparison.protocol(self.n), gap.detail))
        return found
