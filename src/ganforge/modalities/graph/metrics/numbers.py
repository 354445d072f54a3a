"""Distances of the numbers of generated and real graphs: weights, strengths, attributes, and what goes with the degree.

    W₁(X, Y) = ∫ |F_X − F_Y|                  over all edges, or nodes, of a side together
    strength of node i = Σ_j w_ij             the weighted degree, in both directions
    follows(X) = corr(X, degree)              of a weight: with the mean degree of its ends

    graph_weight = W₁(generated, test) / spread(test), graph_strength, graph_attribute[name] and of further numbers of
    edges graph_edge_attribute[name] alike; the spread is the standard deviation
    graph_follows[name] = |follows(generated) − follows(test)|
    graph_together[a, b] = |corr(a, b) generated − test| of two numbers of edges

Each beside the same of training to test graphs, or of halves of the real ones. What is shuffled among edges or nodes
keeps its distribution and loses strengths and correlations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import ClassVar, NamedTuple

import numpy as np

from ganforge.core.errors import UserError
from ganforge.core.language import phrase
from ganforge.metrics.base import Comparison, Meaning, Metric, Result
from ganforge.modalities.graph.encoding import names_of, planes_of
from ganforge.modalities.graph.graphs import Graph
from ganforge.modalities.graph.metrics import sides


def wasserstein(x: np.ndarray, y: np.ndarray) -> float:
    """W₁ between two samples of numbers, of any sizes of at least 1."""
    x, y = np.sort(x), np.sort(y)
    steps = np.sort(np.concatenate([x, y]))
    apart = np.searchsorted(x, steps[:-1], "right") / len(x) - np.searchsorted(y, steps[:-1], "right") / len(y)
    return float((np.abs(apart) * np.diff(steps)).sum())


def correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Pearson's; 0 if one does not vary."""
    x, y = x - x.mean(), y - y.mean()
    size = float(np.sqrt((x * x).sum() * (y * y).sum()))
    return float((x * y).sum()) / size if size > 1e-12 * max(1.0, len(x)) else 0.0


class Pooled(NamedTuple):
    """A number of all graphs of a side together, beside the degree of the node, or the mean degree of both ends."""

    values: np.ndarray
    degrees: np.ndarray

    @property
    def follows(self) -> float:
        return correlation(self.values, self.degrees)


def pooled(graphs: Sequence[Graph], edges: Sequence[str], attributes: Sequence[str]) -> dict[str, Pooled]:
    """By the name of the result: weights, strengths and attributes of a side.

    Args:
        edges: the names of the numbers of edges; the first is the weight.
    """
    degrees = [np.bincount(graph.edges.ravel(), minlength=graph.nodes).astype(float) for graph in graphs]
    found: dict[str, Pooled] = {}
    for k, name in enumerate(edges):
        weights = [graph.edge_numbers[name] for graph in graphs]
        ends = [of_node[graph.edges].mean(1) for of_node, graph in zip(degrees, graphs, strict=True)]
        label = f"graph_edge_attribute[{name}]" if k else "graph_weight"
        found[label] = Pooled(np.concatenate(weights), np.concatenate(ends))
        if k:
            continue
        strengths = [
            np.bincount(graph.edges.ravel(), np.repeat(values, 2), graph.nodes)
            for values, graph in zip(weights, graphs, strict=True)
        ]
        found["graph_strength"] = Pooled(np.concatenate(strengths), np.concatenate(degrees))
    for name in attributes:
        values = np.concatenate([graph.node_numbers[name] for graph in graphs])
        found[f"graph_attribute[{name}]"] = Pooled(values, np.concatenate(degrees))
    return found


class GraphNumbers(Metric, kind="graph_numbers"):
    """Distances of weights, weighted degrees and attributes, and whether they go with the degree as in the data."""

    signals: ClassVar[tuple[str, ...]] = ("graphs",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "graph_weight": Meaning("Distance of the weights of edges, in units of their spread.", "lower", 0.0),
        "graph_strength": Meaning("Distance of the weighted degrees, in units of their spread.", "lower", 0.0),
        "graph_edge_attribute": Meaning("Distance of a further number of edges, in units of its spread.", "lower", 0.0),
        "graph_attribute": Meaning("Distance of an attribute of nodes, in units of its spread.", "lower", 0.0),
        "graph_follows": Meaning("Difference in the correlation of a number with the degree.", "lower", 0.0),
        "graph_together": Meaning("Difference in the correlation of two numbers of edges.", "lower", 0.0),
    }

    def compute(self, comparison: Comparison) -> list[Result]:
        state = comparison.facts
        if not planes_of(state):
            raise UserError(
                "metric graph_numbers: these graphs have no weights and no attributes that are numbers",
                code="metric.not_for_samples",
            )
        edges, attributes = names_of(state)
        real, fake = sides.reals(comparison), sides.graphs(comparison, "fake", self.n)
        test, train, how = sides.trio(comparison, self.n)
        protocol = sides.protocol(comparison, self.n, **how)
        made, perfect, reference = (
            pooled(graphs, edges, attributes) for graphs in (fake, [real[k] for k in train], [real[k] for k in test])
        )
        found: list[Result] = []

        def add(name: str, value: float, floor: float) -> None:
            stem, of = name.partition("[")[::2]
            notes = [phrase("between real graphs: {floor:.4g}", floor=floor)]
            label = f"{stem}{len(fake)}[{of}" if of else f"{stem}[{len(fake)}]"
            found.append(Result(label, value, protocol, {"floor": floor, "notes": notes}))

        for name, known in reference.items():
            if not all(len(side[name].values) for side in (made, perfect, reference)):
                continue  # no edge on a side
            spread = float(known.values.std()) or 1.0
            add(name, *(wasserstein(side[name].values, known.values) / spread for side in (made, perfect)))
        for name, known in reference.items():
            stem, own = name.removesuffix("]").partition("[")[::2]
            label = {"graph_weight": "".join(edges[:1]), "graph_strength": "strength"}.get(stem, own)
            label += " of edges" if stem in ("graph_weight", "graph_edge_attribute") else ""
            add(f"graph_follows[{label}]", *(abs(side[name].follows - known.follows) for side in (made, perfect)))
        labels = ["graph_weight", *(f"graph_edge_attribute[{name}]" for name in edges[1:])]
        for (one, first), (other, second) in combinations(zip(edges, labels, strict=False), 2):
            known, *others = (correlation(side[first].values, side[second].values)
                              for side in (reference, made, perfect))  # fmt: skip
            add(f"graph_together[{one}, {other}]", *(abs(value - known) for value in others))
        return found
