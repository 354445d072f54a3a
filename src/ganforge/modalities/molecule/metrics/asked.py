"""Whether generated molecules have the properties that they were asked to have.

    asked_property[logP] = mean over valid molecules of |logP asked − logP of the molecule|

Beside it the same for values asked of other samples: what a generator would reach that does not listen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from ganforge.core.condition_kinds import Number
from ganforge.core.language import phrase
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
            wanted = one.decode(vectors[:, comparison.conditions.slices[one.name]])
            asked = np.array([np.nan if wanted[k] is None else wanted[k] for k in rows], float)
            got = sides.values(comparison, [str(made[k]) for k in rows], one.name)
            known = np.isfinite(asked)
            if known.sum() < sides.FEWEST:
                continue
            asked, got = asked[known], got[known]
            order = comparison.draws("asked").permutation(len(asked))
            floor = float(np.abs(asked[order] - got).mean())
            name = f"asked_property{short_count(len(asked))}[{one.name}]"
            notes = [phrase("without listening: {floor:.3g}", floor=floor)]
            detail = {"floor": floor, "notes": notes}
            found.append(Result(name, float(np.abs(asked - got).mean()), comparison.protocol(self.n), detail))
        return found
