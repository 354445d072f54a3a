"""Which generated graphs are isomorphic to a training graph, and how many are all different.

Graphs are sorted by a hash that is equal for isomorphic ones (Weisfeiler & Leman 1968: each node's label becomes that
of its neighborhood, a few times over); those with equal hashes are then compared in full.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from zlib import crc32

import numpy as np

from ganforge.core.language import phrase
from ganforge.metrics.base import Comparison, Meaning, Metric, Result
from ganforge.modalities.graph.files.written import to_networkx
from ganforge.modalities.graph.graphs import Graph
from ganforge.modalities.graph.metrics import sides

ROUNDS = 4


def hashed(graph: Graph) -> int:
    """A hash of a graph with its types, whatever the order of its nodes."""
    labels = [crc32(word.encode()) for word in graph.node_types or ("",) * graph.nodes]
    near: list[list[tuple[int, int]]] = [[] for _ in range(graph.nodes)]
    for (a, b), word in zip(graph.edges.tolist(), graph.edge_types or ("",) * len(graph.edges), strict=True):
        bond = crc32(word.encode())
        near[a].append((b, bond))
        near[b].append((a, bond ^ 1 if graph.directed else bond))
    for _ in range(ROUNDS):
        labels = [
            crc32(repr((own, sorted((bond, labels[other]) for other, bond in around))).encode())
            for own, around in zip(labels, near, strict=True)
        ]
    return crc32(repr((graph.nodes, len(graph.edges), sorted(labels))).encode())


def isomorphic(one: Graph, other: Graph) -> bool:
    """Whether two graphs are the same but for the order of nodes, with equal types."""
    import networkx as nx

    def same(a: dict[str, Any], b: dict[str, Any]) -> bool:
        return a.get("kind") == b.get("kind")

    return nx.is_isomorphic(to_networkx(one), to_networkx(other), node_match=same, edge_match=same)


class Known:
    """Finds graphs among a set, by hash and then in full."""

    def __init__(self, graphs: Sequence[Graph] = ()):
        self.by_hash: dict[int, list[Graph]] = {}
        for graph in graphs:
            self.add(graph)

    def add(self, graph: Graph) -> None:
        self.by_hash.setdefault(hashed(graph), []).append(graph)

    def holds(self, graph: Graph) -> bool:
        return any(isomorphic(graph, other) for other in self.by_hash.get(hashed(graph), []))


class GraphCopies(Metric, kind="graph_copies"):
    """Generated graphs that are isomorphic to training graphs, and those that are isomorphic to each other."""

    signals: ClassVar[tuple[str, ...]] = ("graphs",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "graph_copies": Meaning("Share of the graphs that are isomorphic to a training graph.", "lower", 0),
        "graph_distinct": Meaning("Share of the graphs that are not isomorphic to an earlier one.", "higher", 1),
    }

    def compute(self, comparison: Comparison) -> list[Result]:
        real, fake = sides.graphs(comparison, "real"), sides.graphs(comparison, "fake", self.n)
        train, seen, fresh = Known(real), Known(), []
        copied = [train.holds(graph) for graph in fake]
        for graph in fake:
            fresh.append(not seen.holds(graph))
            seen.add(graph)
        detail: dict[str, Any] = {"notes": []}
        if comparison.heldout is not None:
            detail["of_heldout"] = float(np.mean([train.holds(one) for one in sides.graphs(comparison, "heldout")]))
            detail["notes"].append(phrase("of unseen real graphs {share:.2%}", share=detail["of_heldout"]))
        sizes = Counter(graph.nodes for graph, copy in zip(fake, copied, strict=True) if copy)
        detail["largest_copy"] = max(sizes, default=0)
        protocol = sides.protocol(comparison, self.n)
        return [
            Result(f"graph_copies[{len(fake)}]", float(np.mean(copied)), protocol, detail),
            Result(f"graph_distinct[{len(fake)}]", float(np.mean(fresh)), protocol),
        ]
