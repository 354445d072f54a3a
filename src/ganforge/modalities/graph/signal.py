"""Many graphs as a signal: nodes and edges with types, of up to some number of nodes.

N graphs, V most nodes, B types of edges, T types of nodes, P planes of numbers, if there are weights or attributes.
coded uint8 [N, V, V] or float32 [N, 1 + P, V, V], x [N, B + T + P, V, V] (`encoding`).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from pydantic import Field
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
from ganforge.modalities.graph import choose, encoding, findings, inspect, scale
from ganforge.modalities.graph.example import write_graphs
from ganforge.modalities.graph.files import tu
from ganforge.modalities.graph.graphs import largest_core
from ganforge.modalities.graph.numbers import WEIGHT
from ganforge.modalities.graph.output import DrawnGraphs, formats
from ganforge.modalities.graph.sets import GraphSet
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

log = logging.getLogger("ganforge")
MOST_KINDS = 64
USUAL_CORES = 0.95
"""Share of the graphs whose largest core a generator provides for."""


def write_tu(samples: np.ndarray, path: Path, spec: Spec) -> None:
    """The exporter of `.zip`: the files of a TU set."""
    state = spec.state
    tu.write_zip([encoding.graph_of(one, state) for one in samples], path, state["node_kinds"], state["edge_kinds"])


def write_matrices(samples: np.ndarray, path: Path, spec: Spec) -> None:
    """The exporter of `.npz`: `adjacency` uint8 [N, V, V], 1 + the type of the edge; `sizes`; if there are any:
    `node_types`, `edge_types` (words), `weights` float32 [N, V, V], `attributes` [N, V, A], `attribute_names`. Numbers
    of edges that are not `weight` alone are `edge_attributes` [N, V, V, A], `edge_attribute_names`."""
    state = spec.state
    codes = samples if samples.ndim == 3 else samples[:, 0].astype(np.uint8)
    nodes = np.diagonal(codes, axis1=1, axis2=2).astype(np.int64)
    more: dict[str, np.ndarray] = {}
    if list(state["node_kinds"]) != [""]:
        more["node_types"] = np.array(["", *state["node_kinds"]])[nodes]
    if list(state["edge_kinds"]) != [""]:
        more["edge_types"] = np.array(state["edge_kinds"])
    apart = 1 - np.eye(codes.shape[1], dtype=np.uint8)
    of_edges, named = encoding.names_of(state)
    if of_edges == (WEIGHT,):
        more["weights"] = samples[:, 1] * apart
    elif of_edges:
        more["edge_attributes"] = (samples[:, 1 : 1 + len(of_edges)] * apart).transpose(0, 2, 3, 1)
        more["edge_attribute_names"] = np.array(of_edges)
    if named:
        more["attributes"] = np.diagonal(samples[:, 1 : 1 + len(named)], axis1=2, axis2=3).transpose(0, 2, 1)
        more["attribute_names"] = np.array(named)
    with path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, adjacency=codes * apart, sizes=(nodes > 0).sum(1), **more)


class Graphs(DrawnGraphs, kind="graphs"):
    """Many graphs, with or without types of nodes and edges."""

    noun: ClassVar[Noun] = Noun("graph", "graphs", "a set of graphs")
    array_name: ClassVar[str] = "graphs"
    metrics: ClassVar[tuple[str, ...]] = ("graph_mmd", "graph_fd", "graph_copies")
    exporters: ClassVar[Mapping[str, Exporter]] = {".npz": write_matrices, ".npy": save_array, ".zip": write_tu}
    file_formats: ClassVar[Mapping[str, Writer]] = formats(encoding.graph_of)
    graph_of = staticmethod(encoding.graph_of)
    usual: ClassVar[str] = "graphml"
    gallery: ClassVar[Gallery | None] = Gallery(most=40, columns=8)
    n_generated: ClassVar[int] = 0
    rules: ClassVar[Sequence[Rule]] = findings.RULES
    privacy_hint: ClassVar[str] = "Graphs have no private recipe"

    nodes: int = Field(default=48, ge=2, le=256)
    """The most nodes of a graph; larger ones are left out."""

    @property
    def data_statistics(self) -> str:
        return phrase(
            "how many nodes and edges its graphs have, the names of their types, and the quantiles of their numbers"
        )

    def default_metrics(
        self, spec: Spec, *, translates: bool, paired: bool, sizes: Sequence[tuple[int, ...]] = ()
    ) -> Sequence[str]:
        numbers = ("graph_numbers",) if encoding.planes_of(spec.state) else ()
        return (*self.metrics, *numbers, *(("graph_asked",) if spec.conditions else ()))

    @classmethod
    def example(cls, folder: Path, n: int = 64) -> str:
        return write_graphs(folder, n)

    @classmethod
    def inspect(cls, dataset: Dataset, limit: int | None = None) -> Inspection:
        return inspect.of_graphs(graphs_of(dataset))

    @classmethod
    def recommend(cls, dataset: Dataset, machine: Machine) -> Choice:
        return choose.for_graphs(graphs_of(dataset), machine)

    @classmethod
    def common(cls, sets: Sequence[Dataset], fields: Mapping[str, Any]) -> Self:
        graphs = [graphs_of(dataset) for dataset in sets]
        for what, kinds in (("node", [one.node_kinds for one in graphs]), ("edge", [one.edge_kinds for one in graphs])):
            if kinds[0] != kinds[1]:
                raise UserError(
                    f"{sets[0].name} and {sets[1].name}: their types of {what}s differ "
                    f"({', '.join(kinds[0]) or 'none'}; {', '.join(kinds[1]) or 'none'})",
                    code="graph.types_differ",
                )
        named = [[*(f"{name} of edges" for name in one.edge_attributes), *one.attributes] for one in graphs]
        if named[0] != named[1]:
            raise UserError(
                f"{sets[0].name} and {sets[1].name}: their numbers differ ({', '.join(named[0]) or 'none'}; "
                f"{', '.join(named[1]) or 'none'}). Both need the same weights and attributes",
                code="graph.numbers_differ",
            )
        most = max(graph.nodes for one in graphs for graph in one.graphs)
        return cls(nodes=int(fields.get("nodes") or min(max(2, most), 256)), padded=True)

    padded: bool = False
    """Give all graphs `nodes` places, even if no graph of the data is that large."""

    def at(self, spec: Spec) -> Self:
        return replace(self, nodes=spec.shape[1], padded=True)

    def items(self, dataset: Dataset) -> Dataset:
        """The graphs that are small enough."""
        graphs = graphs_of(dataset)
        rows = np.flatnonzero([graph.nodes <= self.nodes for graph in graphs.graphs])
        if len(rows) == len(graphs):
            return graphs
        if not len(rows):
            least = min(graph.nodes for graph in graphs.graphs)
            raise UserError(
                f"data {dataset.name}: all of its {len(graphs):,} graphs have more than {self.nodes} nodes, the "
                f"smallest {least}. Set signal.nodes",
                code="graph.all_too_large",
            )
        part = graphs.some(rows)
        said = (
            f"{len(graphs) - len(rows):,} of {len(graphs):,} have more than {self.nodes} nodes: left out (signal.nodes)"
        )
        part.understood, part.left_out = (*part.understood, said), True
        return part

    def spec(self, dataset: Dataset, nearest: Nearest) -> Spec:
        graphs = graphs_of(dataset)
        size = self.nodes if self.padded else max(2, max(graph.nodes for graph in graphs.graphs))
        kinds, bonds = graphs.node_kinds, graphs.edge_kinds
        for what, words in (("nodes", kinds), ("edges", bonds)):
            if len(words) > MOST_KINDS:
                raise UserError(
                    f"data {dataset.name}: {len(words)} types of {what} are more than {MOST_KINDS}. Are they names? "
                    f"Choose another attribute: data.kind=graphs data.{what[:-1]}_type=NAME",
                    code="graph.too_many_types",
                )
        numbers = scale.of_graphs(graphs.graphs)
        shape = (len(bonds) + len(kinds) + encoding.planes_of(numbers), size, size)
        if tuple(nearest(shape)) != shape:
            raise UserError(
                f"data {dataset.name}: these nets cannot make graphs. Use the recipe graphs-small",
                code="nets.not_for_shape",
            )
        state = {
            "node_kinds": list(kinds), "edge_kinds": list(bonds), "directed": graphs.directed,
            **statistics(graphs, size), **numbers,
        }  # fmt: skip
        return Spec(shape, len(dataset.classes), tuple(dataset.classes), state)

    def stored(self, spec: Spec) -> tuple[int, ...]:
        planes = encoding.planes_of(spec.state)
        return (1 + planes, *spec.shape[1:]) if planes else spec.shape[1:]

    def prepare(self, item: np.ndarray, spec: Spec) -> np.ndarray:
        free = (0, spec.shape[1] - item.shape[-1])
        return np.pad(item, free if item.ndim == 2 else ((0, 0), free, free))

    def prepare_all(self, dataset: Dataset, spec: Spec) -> np.ndarray:
        kinds, bonds, size = spec.state["node_kinds"], spec.state["edge_kinds"], spec.shape[1]
        graphs = graphs_of(dataset).with_numbers(*encoding.names_of(spec.state))
        return np.stack([encoding.coded(graph, size, kinds, bonds) for graph in graphs])

    def encode(self, stored: Tensor, spec: Spec, rng: Rng) -> Tensor:
        sizes = len(spec.state["edge_kinds"]), len(spec.state["node_kinds"])
        if stored.ndim == 3:
            return encoding.to_channels(stored, *sizes)
        planes = encoding.to_planes(stored[:, 1:].float(), stored[:, 0], spec.state, rng)
        return torch.cat([encoding.to_channels(stored[:, 0], *sizes), planes], 1)

    def decode(self, x: Tensor, spec: Spec) -> np.ndarray:
        """[N, B + T + P, V, V] → coded graphs, uint8 [N, V, V] or float32 [N, 1 + P, V, V]."""
        state = spec.state
        planes = encoding.planes_of(state)
        codes = encoding.from_channels(x[:, : x.shape[1] - planes], len(state["edge_kinds"]), state["directed"])
        return encoding.from_planes(x[:, x.shape[1] - planes :], codes, state) if planes else codes

    def present(self, stored: Tensor, spec: Spec) -> np.ndarray:
        """Real graphs as they are: numbers are not rounded or cut to what the nets know."""
        return super().present(stored, spec) if stored.ndim == 3 else stored.cpu().numpy()

    def describe(self, spec: Spec) -> str:
        return phrase("a graph of up to {most} nodes", most=spec.shape[1])

    def card(self, spec: Spec) -> Card:
        kinds = [kind for kind in spec.state["node_kinds"] if kind]
        contents = (phrase("Types of nodes: {names}.", names=", ".join(kinds)),) if kinds else ()
        of_edges, named = encoding.names_of(spec.state)
        if len(of_edges) == 1:
            contents += (phrase("Edges have a number: {name}.", name=of_edges[0]),)
        elif of_edges:
            contents += (phrase("Edges have numbers: {names}.", names=", ".join(of_edges)),)
        if named:
            contents += (phrase("Nodes have numbers: {names}.", names=", ".join(named)),)
        return Card(
            phrase("graphs of up to {most} nodes", most=spec.shape[1]), contents,
            missing=("graph_fd",), copied=("graph_copies",),
        )  # fmt: skip

    def usage(self, file: str, spec: Spec) -> Usage:
        word = spec.labels[0] if spec.labels else None
        label, asked = ("", ()) if word is None else (f", label={word!r}", ("--label", word))
        planes = encoding.planes_of(spec.state)
        comment = "uint8 [50, V, V]: 1 + type, 0 for none"
        if planes:
            comment = f"float32 [50, {1 + planes}, V, V]: 1 + type, 0 for none; then numbers"
        return Usage(
            f'model = gf.load("{file}")\ngraphs = model.sample(50{label})  # {comment}',
            command("sample", file, "-n", 50, *asked, "--out", "new/", "--format", "graphml"),
        )

    def next_steps(self, folder: Path, spec: Spec) -> Steps:
        return [("make more", command("sample", folder, "-n", 50, "--out", "new/", "--format", "graphml"))]

    def render(self, samples: np.ndarray, spec: Spec, columns: int = 8) -> list[Media]:
        return [media.png(self.sheet(samples, spec, columns), f"{len(samples)} graphs")] if len(samples) else []


def statistics(graphs: GraphSet, size: int) -> dict[str, Any]:
    """What a generator starts from: how many graphs of each class have each number of nodes, [classes or 1, size + 1],
    the shares of types among pairs of nodes (none first) and among nodes, and the core that few graphs exceed."""
    counts = np.zeros((max(1, len(graphs.classes)), size + 1), int)
    bonds, kinds = np.zeros(1 + len(graphs.edge_kinds)), np.zeros(len(graphs.node_kinds))
    for k, graph in enumerate(graphs.graphs):
        counts[0 if graphs.labels is None or not graphs.classes else graphs.labels[k], min(graph.nodes, size)] += 1
        pairs = graph.nodes * (graph.nodes - 1) // (1 if graph.directed else 2)
        bonds[0] += pairs - len(graph.edges)
        for place, kind in enumerate(graphs.edge_kinds):
            bonds[1 + place] += len(graph.edges) if graph.edge_types is None else graph.edge_types.count(kind)
        for place, kind in enumerate(graphs.node_kinds):
            kinds[place] += graph.nodes if graph.node_types is None else graph.node_types.count(kind)
    shares = [((part + 1) / (part + 1).sum()).round(6).tolist() for part in (bonds, kinds)]
    cores = np.array([largest_core(graph) for graph in graphs.graphs])
    core = int(np.quantile(cores, USUAL_CORES, method="higher"))
    return {"sizes": counts.tolist(), "edge_shares": shares[0], "node_shares": shares[1], "core": core}


def graphs_of(dataset: Dataset) -> GraphSet:
    """The graphs of a data set.

    Raises:
        UserError: it holds something else.
    """
    if isinstance(dataset, GraphSet):
        return dataset
    raise UserError(
        f"data {dataset.name}: these recipes need many graphs: a folder or zip of .graphml, .gml, .gexf or .edges "
        "files, or a TU set (data.signal=graphs)",
        code="data.no_graphs",
    )
