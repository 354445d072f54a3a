"""Properties of graphs that can be computed from them and asked for, by name.

degree       neighbors of a node, on average
clustering   share of the pairs of neighbors of a node that are neighbors themselves, mean over the nodes
triangles    three nodes that are all neighbors of each other, number in the graph

Directions do not count.  V nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ganforge.modalities.graph.graphs import Graph
from ganforge.modalities.graph.metrics.sides import adjacency
from ganforge.modalities.graph.metrics.statistics import clustering

OF_MATRIX: dict[str, Callable[[np.ndarray], float]] = {
    "degree": lambda A: float(A.sum() / len(A)),
    "clustering": lambda A: float(clustering(A).mean()),
    "triangles": lambda A: float(((A @ A) * A).sum() / 6),
}
"""A function of the adjacency matrix [V, V] for each name."""
NAMES = tuple(OF_MATRIX)


def values(graphs: Sequence[Graph], name: str) -> list[float]:
    """The property of each graph."""
    return [OF_MATRIX[name](adjacency(graph)) for graph in graphs]
