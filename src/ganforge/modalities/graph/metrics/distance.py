"""Fréchet distance of what random graph nets see, without downloaded weights.

    h_i ← MLP(h_i + Σ_j A_ij h_j),   three layers of 35;   features = sums over the nodes after each layer

Thompson et al. 2022: nets with random orthogonal weights (GIN, Xu et al. 2019) tell generated from real graphs as well
as trained ones; the mean of ten of them. Features are divided by one number, their mean deviation among the real
graphs; nodes enter with their type and log(1 + degree).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from ganforge.core.language import phrase
from ganforge.core.rng import seed_of
from ganforge.metrics.base import Comparison, Meaning, Metric, Result
from ganforge.metrics.frechet import frechet_distance
from ganforge.metrics.statistics import moments
from ganforge.modalities.graph.graphs import Graph
from ganforge.modalities.graph.metrics import sides

LAYERS, WIDTH = 3, 35


class GraphDistance(Metric, kind="graph_fd"):
    """Fréchet distance of features of random graph nets."""

    signals: ClassVar[tuple[str, ...]] = ("graphs",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "graph_fd": Meaning("Distance of the distributions of features of whole graphs.", "lower", 0.0)
    }
    repeats: int = Field(default=10, ge=1)
    """Random nets whose values are averaged."""

    def compute(self, comparison: Comparison) -> list[Result]:
        real, fake = sides.reals(comparison), sides.graphs(comparison, "fake", self.n)
        test, train, how = sides.trio(comparison, self.n)
        size = min(len(test), len(fake))
        values, floors = [], []
        for k in range(self.repeats):
            weights = random_weights(len(comparison.facts["node_kinds"]), seed_of("random gin", k))
            known = features(real, comparison.facts, weights)
            scale = max(float(np.sqrt(known[train].var(0).mean())), 1e-9)
            reference = moments(known[train] / scale)
            values.append(
                frechet_distance(reference, moments(features(fake[:size], comparison.facts, weights) / scale))
            )
            floors.append(frechet_distance(reference, moments(known[test[:size]] / scale)))
        value, floor = float(np.mean(values)), float(np.mean(floors))
        protocol = sides.protocol(comparison, self.n, nets=f"{self.repeats} random GIN {LAYERS}x{WIDTH}", **how)
        notes = [phrase("as many unseen real graphs: {floor:.4g}", floor=floor)]
        return [Result(f"graph_fd[{size}]", value, protocol, {"floor": floor, "notes": notes})]


def random_weights(kinds: int, seed: int) -> list[np.ndarray]:
    """Two matrices a layer, with orthogonal rows or columns."""
    rng = np.random.Generator(np.random.PCG64(seed))
    found = []
    for before in (kinds + 1, WIDTH, WIDTH):
        for shape in ((before, WIDTH), (WIDTH, WIDTH)):
            q, _ = np.linalg.qr(rng.normal(size=(max(shape), min(shape))))
            found.append(q if shape[0] >= shape[1] else q.T)
    return found


def features(found: Sequence[Graph], state: Mapping[str, Any], weights: list[np.ndarray]) -> np.ndarray:
    """float64 [N, LAYERS · WIDTH]."""
    kinds, rows = list(state["node_kinds"]), []
    for graph in found:
        A = sides.adjacency(graph)
        h = np.zeros((graph.nodes, len(kinds) + 1))
        h[range(graph.nodes), [kinds.index(word) for word in graph.node_types or kinds[:1] * graph.nodes]] = 1
        h[:, -1] = np.log1p(A.sum(1))
        sums = []
        for first, second in zip(weights[::2], weights[1::2], strict=True):
            h = np.maximum((h + A @ h) @ first, 0) @ second
            h = np.maximum(h, 0)
            sums.append(h.sum(0))
        rows.append(np.concatenate(sums))
    return np.stack(rows)
