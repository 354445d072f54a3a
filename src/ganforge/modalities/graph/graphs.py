"""A graph as it is read and written: numbered nodes, edges without loops or repetitions, and types as words.

V nodes, E edges.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Graph:
    """A simple graph.

    Attributes:
        nodes: V; nodes are 0 ... V−1.
        edges: int64 [E, 2], each once, sorted; without directions the smaller node comes first.
        directed: whether (i, j) and (j, i) are two edges.
        node_types: a word for each node, or None.
        edge_types: a word for each edge, or None.
    """

    nodes: int
    edges: np.ndarray
    directed: bool = False
    node_types: tuple[str, ...] | None = None
    edge_types: tuple[str, ...] | None = None


@dataclass
class Repairs:
    """What was left out of graphs or assumed about them, as it adds up over files."""

    loops: int = 0
    repeated: int = 0
    both_ways: int = 0
    empty: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    def sentences(self) -> tuple[str, ...]:
        """For `Dataset.understood`."""
        found = list(dict.fromkeys(self.notes))
        if self.both_ways:
            found.append(f"{self.both_ways:,} edges are listed in both directions and count once")
        if self.repeated:
            found.append(f"{self.repeated:,} repeated edges left out")
        if self.loops:
            found.append(f"{self.loops:,} edges from a node to itself left out")
        if self.empty:
            found.append(f"{self.empty:,} graphs without nodes left out")
        found += [f"{name} left out" for name in self.dropped]
        return tuple(found)


def simple(
    nodes: int,
    edges: np.ndarray,
    repairs: Repairs,
    *,
    directed: bool = False,
    node_types: Sequence[str] | None = None,
    edge_types: Sequence[str] | None = None,
) -> Graph:
    """A graph from edges as they are listed, int [E', 2]: without loops, each edge once. Of repeated edges the first
    one's type is kept."""
    keep = edges[:, 0] != edges[:, 1]
    repairs.loops += int(len(edges) - keep.sum())
    if not keep.all():
        edges = edges[keep]
    ends = (edges[:, 0], edges[:, 1]) if directed else (edges.min(1), edges.max(1))
    keys = ends[0] * np.int64(nodes) + ends[1]
    if edge_types is None:
        unique = distinct(keys)
        types = None
    else:
        unique, first = np.unique(keys, return_index=True)
        kept_types = [kind for kind, stays in zip(edge_types, keep.tolist(), strict=True) if stays]
        types = tuple(kept_types[k] for k in first.tolist())
    extra = len(keys) - len(unique)
    if extra and not directed:  # each pair listed once in either direction, or truly repeated
        ordered = distinct(edges[:, 0] * np.int64(nodes) + edges[:, 1])
        repairs.both_ways += len(ordered) - len(unique)
        repairs.repeated += len(keys) - len(ordered)
    else:
        repairs.repeated += extra
    found = np.stack([unique // max(nodes, 1), unique % max(nodes, 1)], 1).astype(np.int64)
    return Graph(nodes, found, directed, None if node_types is None else tuple(node_types), types)


def distinct(keys: np.ndarray) -> np.ndarray:
    """Sorted, each once; of millions of numbers several times quicker than `numpy.unique`."""
    ordered = np.sort(keys)
    new = np.ones(len(ordered), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=new[1:])
    return ordered[new]


def largest_core(graph: Graph) -> int:
    """The largest k for which some nodes have k neighbors each among themselves, whatever the directions.

    If a node of least degree is taken away again and again, none has more than k neighbors left. In the reverse order,
    each node has at most k edges to earlier ones.
    """
    linked = np.zeros((graph.nodes, graph.nodes), bool)
    linked[graph.edges[:, 0], graph.edges[:, 1]] = linked[graph.edges[:, 1], graph.edges[:, 0]] = True
    degrees, found = linked.sum(1), 0
    for _ in range(graph.nodes):
        node = int(degrees.argmin())
        found = max(found, int(degrees[node]))
        degrees = degrees - linked[node]
        degrees[node] = graph.nodes * graph.nodes  # taken away
    return found
