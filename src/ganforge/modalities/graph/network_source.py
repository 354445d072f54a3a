"""One network in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from ganforge.core.errors import UserError
from ganforge.data.base import DataSource
from ganforge.modalities.graph.graphs import Graph, Repairs, reciprocity, simple
from ganforge.modalities.graph.numbers import settled
from ganforge.modalities.graph.sets import NetworkSet
from ganforge.modalities.graph.source import read_file


class NetworkFile(DataSource, kind="network_file"):
    """One network in a file: an edge list, GraphML, GML, GEXF or an adjacency matrix; for more say than `data=FILE`
    gives. Weights and attributes are left out."""

    path: str
    """The file; edge lists may be compressed (.gz)."""
    directed: bool | None = None
    """Whether edges have a direction. By default as the file says; edge lists that do not say so are without."""
    split: Literal["train", "test", "all"] = "train"
    """Which edges to take: those to train on, those that are held back (test), or all."""
    holdout: float = Field(default=0.0, ge=0, lt=1)
    """The share of the edges that is held back to measure link prediction, at least a spanning tree stays; 0: none."""

    @property
    def held_back(self) -> float:
        return self.holdout

    def part(self, name: str) -> DataSource | None:
        return super().part(name) if self.holdout else None

    def open(self) -> NetworkSet:
        path = Path(self.path).expanduser()
        if not path.is_file():
            raise UserError(f"data.path={self.path}: no such file", code="data.not_found")
        repairs = Repairs()
        graphs = read_file(path, path.name, repairs, self.directed)
        if len(graphs) != 1:
            raise UserError(
                f"data {self.path}: it holds {len(graphs)} graphs, and one network is wanted. Use data.kind=graphs",
                code="graph.several_graphs",
            )
        graph = settled(graphs, repairs, self.path, "none", "none")[0]
        graph = self._with_directions(graph, repairs)
        for what, there in (("nodes", graph.node_types), ("edges", graph.edge_types)):
            if there is not None:
                repairs.dropped[f"types of {what}"] += 1
        if not len(graph.edges):
            raise UserError(f"data {self.path}: the network has no edges", code="data.empty")
        alone = graph.nodes - len(np.unique(graph.edges))
        if alone:
            repairs.notes.append(f"{alone:,} nodes without edges stay so")
        dataset = NetworkSet(self.path, Graph(graph.nodes, graph.edges, graph.directed))
        dataset.understood = repairs.sentences()
        return dataset.part(self.split, self.holdout)

    def _with_directions(self, graph: Graph, repairs: Repairs) -> Graph:
        """The graph, without directions if all of its edges go both ways and nobody asked for them."""
        if not graph.directed:
            if self.directed:
                raise UserError(
                    f"data {self.path}: data.directed=true, but the file says that edges have no direction. Leave "
                    "data.directed out, or write the network as a directed one",
                    code="graph.no_directions",
                )
            if self.directed is None and 0 < 2 * repairs.both_ways < len(graph.edges):
                repairs.notes.append(
                    "most edges are listed in one direction: if that means something, set data.kind=network_file "
                    f"data.path={self.path} data.directed=true"
                )
            return graph
        if self.directed is None and len(graph.edges) and reciprocity(graph) == 1:
            repairs.notes.append("all edges go both ways: read without directions (data.directed=true keeps them)")
            return simple(graph.nodes, graph.edges, Repairs())
        return graph
