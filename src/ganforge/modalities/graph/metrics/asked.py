"""Whether generated graphs have the properties that they were asked to have.

    graph_asked[clustering] = mean over graphs of |clustering asked − clustering of the graph|

Beside it the same for values asked of other graphs: what a generator would reach that does not listen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from ganforge.core.condition_kinds import Number
from ganforge.metrics.asked_numbers import asked_number
from ganforge.metrics.base import Comparison, Meaning, Metric, Result
from ganforge.modalities.graph import properties
from ganforge.modalities.graph.encoding import graph_of
from ganforge.modalities.graph.metrics import sides


class GraphAsked(Metric, kind="graph_asked"):
    """The mean error of each property that was asked and can be computed."""

    signals: ClassVar[tuple[str, ...]] = ("graphs",)
    needs: ClassVar[frozenset[str]] = frozenset({"conditions"})
    values: ClassVar[Mapping[str, Meaning]] = {
        "graph_asked": Meaning("Mean difference between the property asked and that of the graph.", "lower", 0.0)
    }

    def compute(self, comparison: Comparison) -> list[Result]:
        sides.graphs(comparison, "fake", self.n)  # refuses too few
        samples = comparison.samples("fake", self.n)[: sides.MOST]
        made = [graph_of(sample, comparison.facts) for sample in samples]
        rows = [k for k, graph in enumerate(made) if graph.nodes]
        vectors, found = comparison.vectors("fake", self.n)[: sides.MOST][rows], []
        for one in comparison.conditions.each:
            if not isinstance(one, Number) or one.name not in properties.NAMES:
                continue
            got = np.array(properties.values([made[k] for k in rows], one.name))
            gap = asked_number(comparison, one, vectors, got)
            if gap.n >= sides.FEWEST:
                name = f"graph_asked{gap.n}[{one.name}]"
                found.append(Result(name, gap.error, comparison.protocol(self.n), gap.detail))
        return found
