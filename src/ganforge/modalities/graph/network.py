"""One network as a signal: models are trained on its edges or on walks along them, and make whole networks.

A network that a model makes has the nodes of the one that it was trained on, and as many edges, with directions if that
one has some.

N networks, E edges.  x [N, 1, 2, E]: the numbers of the two nodes of each edge; decoded int32 [N, E, 2]. Items of
training are single edges, in both directions unless the network is directed: prepared int32 [2], encoded float [2].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from torch import Tensor

from ganforge.core import media
from ganforge.core.choice import Choice, Machine
from ganforge.core.commands import command
from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.core.language import phrase
from ganforge.core.media import Media
from ganforge.core.rng import Rng
from ganforge.core.types import Spec
from ganforge.modalities.graph import choose, drawing, findings, inspect
from ganforge.modalities.graph.example import write_network
from ganforge.modalities.graph.graphs import Graph
from ganforge.modalities.graph.output import LARGE, DrawnGraphs, formats, one_a_file
from ganforge.modalities.graph.sets import NetworkSet
from ganforge.signals import (
    Card,
    Exporter,
    Gallery,
    Inspection,
    Nearest,
    Noun,
    Rule,
    Steps,
    Usage,
    Writer,
    save_array,
)


class Whole:
    """The network of a data set as one sample, for evaluation."""

    def __init__(self, edges: np.ndarray):
        self.edges = edges

    def __len__(self) -> int:
        return 1

    def take(self, rows: np.ndarray) -> np.ndarray:
        """int32 [1, E, 2], whatever rows are asked for."""
        return self.edges[None].astype(np.int32)


def graph_of(sample: np.ndarray, state: Mapping[str, Any]) -> Graph:
    """A decoded network [E, 2] as a graph."""
    return Graph(state["nodes"], sample.astype(np.int64), state.get("directed", False))


def write_sparse(graph: Graph, path: Path) -> None:
    """Writes the adjacency matrix as scipy writes a sparse one (coo): uint8, both entries of an edge without
    directions."""
    edges = graph.edges if graph.directed else np.concatenate([graph.edges, graph.edges[:, ::-1]])
    with path.open("wb") as file:
        np.savez_compressed(
            file, allow_pickle=False, row=edges[:, 0].astype(np.int32), col=edges[:, 1].astype(np.int32),
            format=np.array(b"coo"), shape=np.array([graph.nodes] * 2), data=np.ones(len(edges), np.uint8),
        )  # fmt: skip


class Network(DrawnGraphs, kind="network"):
    """One network, such as who knows whom."""

    noun: ClassVar[Noun] = Noun("network", "networks", "a network")
    array_name: ClassVar[str] = "networks"
    metrics: ClassVar[tuple[str, ...]] = ("network", "edge_overlap", "link_auc")
    exporters: ClassVar[Mapping[str, Exporter]] = {".npy": save_array}
    file_formats: ClassVar[Mapping[str, Writer]] = {
        **formats(graph_of),
        "npz": one_a_file(".npz", graph_of, write_sparse),
    }
    graph_of = staticmethod(graph_of)
    usual: ClassVar[str] = "edges"
    side: ClassVar[int] = LARGE * drawing.SIDE
    gallery: ClassVar[Gallery | None] = Gallery(most=2, columns=1)
    n_generated: ClassVar[int] = 20
    rules: ClassVar[Sequence[Rule]] = findings.NETWORK_RULES
    one_record: ClassVar[str] = (
        "the network is one record. To hide single edges or nodes is another guarantee, which is not offered; many "
        "graphs are many records"
    )

    @property
    def data_statistics(self) -> str:
        return phrase("how many nodes and edges the network has, and with directions how many edges leave each node")

    def default_metrics(
        self, spec: Spec, *, translates: bool, paired: bool, sizes: Sequence[tuple[int, ...]] = ()
    ) -> Sequence[str]:
        first, *rest = self.metrics
        return (first, "network_degrees", *rest) if spec.state.get("directed") else self.metrics

    @classmethod
    def example(cls, folder: Path, n: int = 64) -> str:
        return write_network(folder, n)

    @classmethod
    def inspect(cls, dataset: Dataset, limit: int | None = None) -> Inspection:
        return inspect.of_network(network_of(dataset))

    @classmethod
    def recommend(cls, dataset: Dataset, machine: Machine) -> Choice:
        return choose.for_network(network_of(dataset), machine)

    @classmethod
    def common(cls, sets: Sequence[Dataset], fields: Mapping[str, Any]) -> Self:
        directed = [network_of(dataset).graph.directed for dataset in sets]
        if directed[0] != directed[1]:
            raise UserError(
                f"{sets[0].name} and {sets[1].name}: one of the networks is directed, the other is not. Set "
                "data.directed=false, or true",
                code="graph.directions_differ",
            )
        return cls()

    def spec(self, dataset: Dataset, nearest: Nearest) -> Spec:
        network = network_of(dataset)
        graph = network.graph
        alone = np.setdiff1d(np.arange(graph.nodes), graph.edges)
        state: dict[str, Any] = {"nodes": graph.nodes, "alone": alone.tolist()}
        if graph.directed:
            state["directed"] = True
            state["out_degrees"] = np.bincount(graph.edges[:, 0], minlength=graph.nodes).tolist()
            state["unreached"] = np.setdiff1d(np.arange(graph.nodes), graph.edges[:, 1]).tolist()
        return Spec((1, 2, len(graph.edges)), state=state)

    def stored(self, spec: Spec) -> tuple[int, ...]:
        return (2,)

    def prepare(self, item: np.ndarray, spec: Spec) -> np.ndarray:
        return item

    def prepare_all(self, dataset: Dataset, spec: Spec) -> np.ndarray:
        return network_of(dataset).items

    def encode(self, stored: Tensor, spec: Spec, rng: Rng) -> Tensor:
        return stored.float()  # whole numbers are exact up to 16 million

    def decode(self, x: Tensor, spec: Spec) -> np.ndarray:
        """[N, 1, 2, E] → int32 [N, E, 2], sorted; without directions the smaller node of an edge comes first."""
        edges = x.detach().cpu()[:, 0].transpose(1, 2).round().numpy().astype(np.int32)
        edges = edges if spec.state.get("directed") else np.sort(edges, axis=2)
        return np.stack([one[np.lexsort((one[:, 1], one[:, 0]))] for one in edges])

    def raw_samples(self, dataset: Dataset) -> Whole:
        return Whole(network_of(dataset).graph.edges)

    def batch_size(self, spec: Spec) -> int:
        return max(1, min(64, 20_000_000 // spec.shape[2]))

    def describe(self, spec: Spec) -> str:
        counts = {"nodes": spec.state["nodes"], "edges": spec.shape[2]}
        if spec.state.get("directed"):
            return phrase("a network of {nodes:,} nodes and {edges:,} directed edges", **counts)
        return phrase("a network of {nodes:,} nodes and {edges:,} edges", **counts)

    def card(self, spec: Spec) -> Card:
        counts = {"nodes": spec.state["nodes"], "edges": spec.shape[2]}
        directed = spec.state.get("directed")
        return Card(
            phrase("networks of {nodes:,} nodes and {edges:,} directed edges", **counts) if directed
            else phrase("networks of {nodes:,} nodes and {edges:,} edges", **counts),
            (phrase("Node k of a generated network stands in the place of node k of the training network."),),
            missing=(), copied=("edge_overlap",),
        )  # fmt: skip

    def usage(self, file: str, spec: Spec) -> Usage:
        return Usage(
            f'model = gf.load("{file}")\nedges = model.sample(1)[0]  # int32 [E, 2]',
            command("sample", file, "-n", 1, "--out", "new/", "--format", "graphml"),
        )

    def next_steps(self, folder: Path, spec: Spec) -> Steps:
        return [("make one", command("sample", folder, "-n", 1, "--out", "new/", "--format", "graphml"))]

    def render(self, samples: np.ndarray, spec: Spec, columns: int = 8) -> list[Media]:
        return [media.png(self.sheet(samples, spec, min(columns, len(samples))))] if len(samples) else []


def network_of(dataset: Dataset) -> NetworkSet:
    """The network of a data set.

    Raises:
        UserError: it holds something else.
    """
    if isinstance(dataset, NetworkSet):
        return dataset
    raise UserError(
        f"data {dataset.name}: these recipes need one network: an edge list, or a .graphml, .gml or .gexf file "
        "(data.signal=network)",
        code="data.no_network",
    )
