"""What the metrics of graphs share: the graphs of each side, and what is counted of each."""

from __future__ import annotations

from typing import Any

import numpy as np

from ganforge.core.errors import UserError
from ganforge.metrics.base import Comparison
from ganforge.modalities.graph.encoding import graph_of
from ganforge.modalities.graph.graphs import Graph
from ganforge.modalities.graph.metrics import statistics

FEWEST = 4
MOST = 2_000
"""Graphs of a side."""
CLUSTERING_BINS, SPECTRUM_BINS = 100, 200


def graphs(comparison: Comparison, name: str, n: int | None = None) -> list[Graph]:
    """The graphs of a side; those without nodes are left out.

    Raises:
        UserError: there are too few.
    """

    def read() -> list[Graph]:
        count = min(MOST, comparison.count(name, n))
        samples = [sample for part in comparison.batches(name, count) for sample in part]
        return [graph for sample in samples if (graph := graph_of(sample, comparison.facts)).nodes]

    found = comparison.once(("graphs", name, n), read)
    if len(found) < FEWEST:
        raise UserError(
            f"{comparison.side(name).name}: {len(found)} graphs are too few; at least {FEWEST} are needed",
            code="metric.too_few_samples",
        )
    return found


def trio(comparison: Comparison, n: int | None) -> tuple[list[int], list[int], dict[str, str]]:
    """Which real graphs are the reference, and which stand for a perfect generator: positions in `real` ‖ `heldout`.

    With graphs that were held out these are the reference, and the training graphs the perfect generator; without, one
    half of the real ones each.
    """
    real = graphs(comparison, "real")
    if comparison.heldout is not None and comparison.heldout.n >= FEWEST:
        held = graphs(comparison, "heldout")
        return list(range(len(real), len(real) + len(held))), list(range(len(real))), {"floor": "train to test"}
    order = comparison.draws("graph halves").permutation(len(real)).tolist()
    half = len(real) // 2
    return order[:half], order[half:], {"floor": "half to half"}


def reals(comparison: Comparison) -> list[Graph]:
    """The real graphs ‖ those held out."""
    real = graphs(comparison, "real")
    held = comparison.heldout is not None and comparison.heldout.n >= FEWEST
    return real + graphs(comparison, "heldout") if held else real


def adjacency(graph: Graph) -> np.ndarray:
    """float64 [V, V] of zeros and ones, without directions."""
    found = np.zeros((graph.nodes, graph.nodes))
    found[graph.edges[:, 0], graph.edges[:, 1]] = 1
    return np.maximum(found, found.T)


def counted(found: list[Graph]) -> dict[str, list[np.ndarray]]:
    """Of each graph the distribution of degrees, of clustering and of the spectrum, and the mean orbit counts."""
    rows: dict[str, list[np.ndarray]] = {"degree": [], "clustering": [], "spectrum": [], "orbits": []}
    for graph in found:
        A = adjacency(graph)
        degrees = np.bincount(A.sum(1).astype(int))
        rows["degree"].append(degrees / graph.nodes)
        local = np.histogram(statistics.clustering(A), CLUSTERING_BINS, (0, 1))[0]
        rows["clustering"].append(local / graph.nodes)
        values = statistics.spectrum(A).clip(0, 2)
        rows["spectrum"].append(np.histogram(values, SPECTRUM_BINS, (-1e-5, 2))[0] / graph.nodes)
        rows["orbits"].append(statistics.orbits(A).mean(0))
    return rows


def padded(rows: list[np.ndarray]) -> np.ndarray:
    """Rows of unequal length with zeros at the end, [N, longest]."""
    found = np.zeros((len(rows), max(map(len, rows))))
    for place, row in zip(found, rows, strict=True):
        place[: len(row)] = row
    return found


def protocol(comparison: Comparison, n: int | None, **more: Any) -> dict[str, Any]:
    return comparison.protocol(n) | more
