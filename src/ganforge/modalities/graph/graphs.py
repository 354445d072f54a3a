"""A graph as it is read and written: numbered nodes, edges without loops or repetitions, types as words, and numbers.

V nodes, E edges.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
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
        node_numbers: float64 [V] by name, NaN where a node has none; of a set that is open none is missing.
        edge_numbers: float64 [E] by name, the weight first.
        typed_by: the attributes of nodes and of edges that the types are, as the file names them, if it does.
    """

    nodes: int
    edges: np.ndarray
    directed: bool = False
    node_types: tuple[str, ...] | None = None
    edge_types: tuple[str, ...] | None = None
    node_numbers: Mapping[str, np.ndarray] = field(default_factory=dict)
    edge_numbers: Mapping[str, np.ndarray] = field(default_factory=dict)
    typed_by: tuple[str, str] = ("", "")


@dataclass
class Repairs:
    """What was left out of graphs or assumed about them, as it adds up over files.

    Attributes:
        plain: whether a matrix of zeros and ones was read, of which nobody says that it has weights.
        words: a word that was found where numbers are, by "node" or "edge" and the name of the attribute.
    """

    loops: int = 0
    repeated: int = 0
    both_ways: int = 0
    empty: int = 0
    averaged: int = 0
    infinite: int = 0
    plain: bool = False
    words: dict[tuple[str, str], str] = field(default_factory=dict)
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
        if self.averaged:
            found.append(f"{self.averaged:,} edges are listed with several weights: their mean is kept")
        if self.infinite:
            found.append(f"{self.infinite:,} infinite numbers count as missing")
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
    node_numbers: Mapping[str, np.ndarray] | None = None,
    edge_numbers: Mapping[str, np.ndarray] | None = None,
    typed_by: tuple[str, str] = ("", ""),
) -> Graph:
    """A graph from edges as they are listed, int [E', 2]: without loops, each edge once. Of repeated edges the first
    one's type is kept, and the mean of their numbers."""
    keep = edges[:, 0] != edges[:, 1]
    repairs.loops += int(len(edges) - keep.sum())
    if not keep.all():
        edges = edges[keep]
    ends = (edges[:, 0], edges[:, 1]) if directed else (edges.min(1), edges.max(1))
    keys = ends[0] * np.int64(nodes) + ends[1]
    types, numbers = None, {}
    if edge_types is None and not edge_numbers:
        unique = distinct(keys)
    else:
        unique, first, places = np.unique(keys, return_index=True, return_inverse=True)
        if edge_types is not None:
            kept_types = [kind for kind, stays in zip(edge_types, keep.tolist(), strict=True) if stays]
            types = tuple(kept_types[k] for k in first.tolist())
        for name, values in (edge_numbers or {}).items():
            numbers[name], unequal = _means(values[keep], places, first)
            repairs.averaged += unequal
    extra = len(keys) - len(unique)
    if extra and not directed:  # each pair listed once in either direction, or truly repeated
        ordered = distinct(edges[:, 0] * np.int64(nodes) + edges[:, 1])
        repairs.both_ways += len(ordered) - len(unique)
        repairs.repeated += len(keys) - len(ordered)
    else:
        repairs.repeated += extra
    found = np.stack([unique // max(nodes, 1), unique % max(nodes, 1)], 1).astype(np.int64)
    kinds = None if node_types is None else tuple(node_types)
    return Graph(nodes, found, directed, kinds, types, dict(node_numbers or {}), numbers, typed_by)


def _means(values: np.ndarray, places: np.ndarray, first: np.ndarray) -> tuple[np.ndarray, int]:
    """The mean of the values at each place, NaN where none is there, and at how many places they are unequal."""
    if len(first) == len(values):
        return values[first], 0
    there = np.isfinite(values)
    count = np.bincount(places[there], minlength=len(first))
    sums = np.bincount(places[there], values[there], len(first))
    means = np.divide(sums, count, out=np.full(len(first), np.nan), where=count > 0)
    least, most = np.full(len(first), np.inf), np.full(len(first), -np.inf)
    np.minimum.at(least, places[there], values[there])
    np.maximum.at(most, places[there], values[there])
    equal = least >= most  # also where there is none
    means[equal & (count > 0)] = least[equal & (count > 0)]  # exactly, not but for rounding
    return means, int((~equal).sum())


def distinct(keys: np.ndarray) -> np.ndarray:
    """Sorted, each once; of millions of numbers several times quicker than `numpy.unique`."""
    ordered = np.sort(keys)
    new = np.ones(len(ordered), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=new[1:])
    return ordered[new]


def reciprocity(graph: Graph) -> float:
    """The share of the edges of a directed graph that also go the other way; 0 without edges."""
    if not len(graph.edges):
        return 0.0
    there = graph.edges[:, 0] * graph.nodes + graph.edges[:, 1]
    back = graph.edges[:, 1] * graph.nodes + graph.edges[:, 0]
    return float(np.isin(back, there).mean())


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
