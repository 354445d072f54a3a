"""Data sets of graphs: many graphs, or one network whose items are its edges."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.core.rng import seed_of
from ganforge.modalities.graph.encoding import coded
from ganforge.modalities.graph.graphs import Graph

MOST_LABELS = 100


class GraphSet(Dataset):
    """Many graphs in memory. Item k is graph k, coded as uint8 [V, V], or float32 [1 + P, V, V] if there are numbers
    (`encoding`).

    Attributes:
        graphs: none is without nodes; all have numbers of the same names.
        node_kinds, edge_kinds: the words that types of nodes and edges are, sorted; one empty word without types.
        directed: whether the edges of any have a direction.
        edge_attributes: the names of the edge attributes that are numbers, the weight first.
        attributes: the names of the node attributes that are numbers.
    """

    signal = "graphs"

    def __init__(
        self, name: str, graphs: Sequence[Graph], labels: np.ndarray | None = None, classes: Sequence[str] = ()
    ):
        self.name, self.graphs, self.labels, self.classes = name, list(graphs), labels, tuple(classes)
        self.skipped = []
        self.node_kinds = tuple(sorted({word for graph in self.graphs for word in graph.node_types or ("",)}))
        self.edge_kinds = tuple(sorted({word for graph in self.graphs for word in graph.edge_types or ("",)}))
        if any(graph.edge_types is not None for graph in self.graphs):
            self.edge_kinds = tuple(kind for kind in self.edge_kinds if kind) or ("",)
        self.directed = any(graph.directed for graph in self.graphs)
        first = self.graphs[:1]
        self.edge_attributes = tuple(name for graph in first for name in graph.edge_numbers)
        self.attributes = tuple(name for graph in first for name in graph.node_numbers)
        words = "".join(content_of(graph) + numbers_of(graph) for graph in self.graphs)
        self.digest = hashlib.sha256(words.encode()).hexdigest()[:16]

    def __len__(self) -> int:
        return len(self.graphs)

    def read(self, index: int) -> np.ndarray:
        graph = self.graphs[index]
        return coded(graph, graph.nodes, self.node_kinds, self.edge_kinds)

    def shapes(self) -> dict[tuple[tuple[int, ...], str], int]:
        return {((max((graph.nodes for graph in self.graphs), default=0),), "graph"): len(self)}

    def describe(self, index: int) -> str:
        return f"{self.name}[{index}] ({self.graphs[index].nodes} nodes, {len(self.graphs[index].edges)} edges)"

    def part(self, split: str, holdout: float) -> GraphSet:
        """The graphs to train on (train), those held back (test), or all. Each is drawn by its content without numbers,
        so that equal graphs are on one side.

        Raises:
            UserError: none is in this part.
        """
        if split == "all" or (split == "train" and not holdout):
            return self
        back = np.array([seed_of("held back", content_of(graph)) / 2**63 < holdout for graph in self.graphs])
        rows = np.flatnonzero(back if split == "test" else ~back)
        if not len(rows):
            raise UserError(
                f"data {self.name}: none of its {len(self):,} graphs are {'held back' if split == 'test' else 'left'}. "
                "Set data.holdout=0.1",
                code="data.split_not_found",
            )
        part = self.some(rows)
        if split == "train" and back.any():
            said = f"{back.sum():,} of {len(back):,} are held back for evaluation (data.holdout=0: none)"
            part.understood = (*part.understood, said)
        return part

    def with_numbers(self, edges: Sequence[str], attributes: Sequence[str]) -> list[Graph]:
        """The graphs with these numbers of edges and of nodes alone, in this order.

        Raises:
            UserError: they lack one.
        """
        if (tuple(edges), tuple(attributes)) == (self.edge_attributes, self.attributes):
            return self.graphs
        lacking = [name for name in attributes if name not in self.attributes]
        lacking += [f"{name} of edges" for name in edges if name not in self.edge_attributes]
        if lacking:
            raise UserError(
                f"data {self.name}: the model knows numbers that these graphs lack: {', '.join(lacking)}. Choose them "
                "by data.kind=graphs data.path=PATH data.weights=[NAME, ...] data.attributes=[NAME, ...], or add them",
                code="graph.numbers_differ",
            )
        return [
            replace(
                graph,
                node_numbers={name: graph.node_numbers[name] for name in attributes},
                edge_numbers={name: graph.edge_numbers[name] for name in edges},
            )
            for graph in self.graphs
        ]

    def some(self, rows: np.ndarray) -> GraphSet:
        """The graphs at these positions, with the types of all."""
        labels = None if self.labels is None else self.labels[rows]
        part = GraphSet(self.name, [self.graphs[k] for k in rows.tolist()], labels, self.classes)
        part.node_kinds, part.edge_kinds, part.directed = self.node_kinds, self.edge_kinds, self.directed
        part.skipped, part.understood, part.left_out = self.skipped, self.understood, self.left_out
        part.no_labels, part.conditions = self.no_labels, self.conditions
        part.vectors = None if self.vectors is None else self.vectors[rows]
        return part


class NetworkSet(Dataset):
    """One network. Its items are its edges, int32 [2]: as they are if it is directed, else in both directions.

    Attributes:
        graph: the network that a model is trained on, without types and numbers.
        held: edges that were held back, int64 [H, 2].
    """

    signal = "network"

    def __init__(self, name: str, graph: Graph, held: np.ndarray | None = None):
        self.name, self.graph = name, graph
        self.held = np.zeros((0, 2), np.int64) if held is None else held
        self.skipped = []
        self.digest = hashlib.sha256(content_of(graph).encode() + self.held.tobytes()).hexdigest()[:16]

    def __len__(self) -> int:
        return len(self.graph.edges) * (1 if self.graph.directed else 2)

    @property
    def items(self) -> np.ndarray:
        """int32 [2 E, 2], or [E, 2] with directions."""
        edges = self.graph.edges.astype(np.int32)
        return edges if self.graph.directed else np.concatenate([edges, edges[:, ::-1]])

    def read(self, index: int) -> np.ndarray:
        count = len(self.graph.edges)
        edge = self.graph.edges[index % count]
        return (edge if index < count else edge[::-1]).astype(np.int32)

    def shapes(self) -> dict[tuple[tuple[int, ...], str], int]:
        return {((2,), "edge"): len(self)}

    def describe(self, index: int) -> str:
        return f"{self.name}, edge {index}"

    def part(self, split: str, holdout: float) -> NetworkSet:
        """The network without the edges that are held back (train), those alone (test), or all of it.

        Of every component a spanning tree stays, so that nothing falls apart.

        Raises:
            UserError: no edge can be held back.
        """
        if split == "all" or not holdout:
            return self
        edges = self.graph.edges
        free = np.flatnonzero(~_in_tree(self.graph))
        order = np.random.default_rng(seed_of("held back", len(edges))).permutation(free)
        chosen = np.sort(order[: round(holdout * len(edges))])
        if not len(chosen):
            raise UserError(
                f"data {self.name}: no edge can be held back without a part of the network falling off. Set "
                "data.holdout=0",
                code="data.split_not_found",
            )
        stays = np.ones(len(edges), bool)
        stays[chosen] = False
        taken = edges[chosen] if split == "test" else edges[stays]
        part = NetworkSet(self.name, Graph(self.graph.nodes, taken, self.graph.directed), edges[chosen])
        said = f"{len(chosen):,} of {len(edges):,} edges are held back for link prediction (data.holdout=0: none)"
        part.understood = (*self.understood, said)
        return part


def _in_tree(graph: Graph) -> np.ndarray:
    """Which edges are in a spanning forest, whatever their directions, bool [E]: the first that join two parts."""
    parent = list(range(graph.nodes))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    joins = np.zeros(len(graph.edges), bool)
    for k, (a, b) in enumerate(graph.edges.tolist()):
        one, other = root(a), root(b)
        if one != other:
            parent[one] = other
            joins[k] = True
    return joins


def content_of(graph: Graph) -> str:
    """A hash of a graph as it is numbered, without weights and attributes."""
    words = repr((graph.nodes, graph.directed, graph.node_types, graph.edge_types)).encode()
    return hashlib.blake2b(words + graph.edges.tobytes(), digest_size=12).hexdigest()


def numbers_of(graph: Graph) -> str:
    """A hash of the weights and attributes of a graph; empty if it has none."""
    numbers = {**{("node", k): v for k, v in graph.node_numbers.items()},
               **{("edge", k): v for k, v in graph.edge_numbers.items()}}  # fmt: skip
    content = b"".join(repr(name).encode() + values.tobytes() for name, values in numbers.items())
    return hashlib.blake2b(content, digest_size=12).hexdigest() if numbers else ""


def labeled(names: Sequence[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Labels int64 [N] and classes of one word a graph; numbers in the order of their values."""
    whole = all(name.lstrip("-").isdigit() for name in names)
    classes = sorted(set(names), key=int) if whole else sorted(set(names))
    number = {name: k for k, name in enumerate(classes)}
    return np.array([number[name] for name in names], np.int64), tuple(classes)
