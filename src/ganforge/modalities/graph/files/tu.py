"""The format of TU Dortmund's graph sets: NAME_A.txt, NAME_graph_indicator.txt, and labels of graphs, nodes and edges.

Nodes and graphs count from 1. Every edge is listed in both directions. Attributes are numbers without names: those of
nodes (NAME_node_attributes.txt) are called attribute_1, attribute_2, ..., those of edges alike, or `weight` if there is
one. Attributes of graphs are left out.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ganforge.core.dataset import BadItem
from ganforge.core.errors import UserError
from ganforge.data.files_at import content
from ganforge.data.store import Store
from ganforge.modalities.graph.graphs import Graph, Repairs, simple
from ganforge.modalities.graph.numbers import WEIGHT, finite

EDGES, GRAPHS = "_A.txt", "_graph_indicator.txt"
SET = "GRAPHS"
"""The name of a set that is written."""
OF_GRAPHS = "_graph_attributes.txt"


def stem_of(names: Sequence[str]) -> str | None:
    """The part of the names before `_A.txt`; None if these are not the files of such a set."""
    known = set(names)
    return next(
        (n.removesuffix(EDGES) for n in names if n.endswith(EDGES) and n[: -len(EDGES)] + GRAPHS in known), None
    )


def _numbers(store: Store, name: str) -> np.ndarray:
    try:
        return np.loadtxt(io.BytesIO(content(store, name)), dtype=np.int64, delimiter=",", ndmin=2)
    except (ValueError, BadItem) as error:
        raise UserError(
            f"data {name}: not whole numbers, apart by commas ({error})", code="graph.unreadable_file"
        ) from None


def _attributes(store: Store, name: str, count: int, what: str, repairs: Repairs) -> dict[str, np.ndarray]:
    """Columns of numbers, float64 [count] by name."""
    try:
        found = np.loadtxt(io.BytesIO(content(store, name)), delimiter=",", ndmin=2)
    except (ValueError, BadItem) as error:
        raise UserError(f"data {name}: not numbers, apart by commas ({error})", code="graph.unreadable_file") from None
    if len(found) != count:
        raise UserError(
            f"data {name}: {len(found):,} lines, and there are {count:,} {what}s", code="graph.lengths_differ"
        )
    columns = finite(found, repairs).T
    if what == "edge" and len(columns) == 1:
        return {WEIGHT: columns[0]}
    return {f"attribute_{k + 1}": column for k, column in enumerate(columns)}


def read(store: Store, stem: str, repairs: Repairs) -> tuple[list[Graph], list[str] | None]:
    """All graphs, and the label of each.

    Raises:
        UserError: files that do not fit each other.
    """
    names = set(store.names())
    edges, graph_of = _numbers(store, stem + EDGES) - 1, _numbers(store, stem + GRAPHS)[:, 0]
    if edges.size and (edges.min() < 0 or edges.max() >= len(graph_of)):
        raise UserError(
            f"data {stem}{EDGES}: it names node {edges.max() + 1 if edges.min() >= 0 else edges.min() + 1}, and "
            f"{stem}{GRAPHS} has {len(graph_of):,} nodes, counted from 1",
            code="graph.unknown_node",
        )
    optional = {
        what: _numbers(store, f"{stem}_{what}.txt")[:, 0] if f"{stem}_{what}.txt" in names else None
        for what in ("graph_labels", "node_labels", "edge_labels")
    }
    for what, count in (("node_labels", len(graph_of)), ("edge_labels", len(edges))):
        column = optional[what]
        if column is not None and len(column) != count:
            raise UserError(
                f"data {stem}_{what}.txt: {len(column):,} lines, and there are {count:,} {what.split('_')[0]}s",
                code="graph.lengths_differ",
            )
    if stem + OF_GRAPHS in names:
        repairs.dropped["graph attributes"] += 1
    numbers = {
        what: _attributes(store, f"{stem}_{what}_attributes.txt", count, what, repairs)
        for what, count in (("node", len(graph_of)), ("edge", len(edges)))
        if f"{stem}_{what}_attributes.txt" in names
    }
    if edges.size and np.any(graph_of[edges[:, 0]] != graph_of[edges[:, 1]]):
        raise UserError(f"data {stem}{EDGES}: an edge joins nodes of two graphs", code="graph.edge_between_graphs")
    count = int(graph_of.max()) if len(graph_of) else 0
    of_edge = graph_of[edges[:, 0]]
    order, node_order = np.argsort(of_edge, kind="stable"), np.argsort(graph_of, kind="stable")
    edge_starts = np.searchsorted(of_edge[order], np.arange(1, count + 2))
    node_starts = np.searchsorted(graph_of[node_order], np.arange(1, count + 2))
    place = np.empty(len(graph_of), np.int64)
    place[node_order] = np.arange(len(graph_of)) - node_starts[graph_of[node_order] - 1]
    graphs, own = [], Repairs()
    for g in range(count):
        nodes, rows = node_order[node_starts[g] : node_starts[g + 1]], order[edge_starts[g] : edge_starts[g + 1]]
        kinds, bonds = optional["node_labels"], optional["edge_labels"]
        node_types = None if kinds is None else [str(k) for k in kinds[nodes].tolist()]
        edge_types = None if bonds is None else [str(k) for k in bonds[rows].tolist()]
        of = {what: {name: values[nodes if what == "node" else rows] for name, values in found.items()}
              for what, found in numbers.items()}  # fmt: skip
        graphs.append(
            simple(
                len(nodes), place[edges[rows]], own, node_types=node_types, edge_types=edge_types,
                node_numbers=of.get("node"), edge_numbers=of.get("edge"),
            )
        )  # fmt: skip
    repairs.averaged += own.averaged
    repairs.loops += own.loops
    repairs.repeated += own.repeated
    labels = optional["graph_labels"]
    if labels is not None and len(labels) != count:
        raise UserError(
            f"data {stem}_graph_labels.txt: {len(labels):,} lines, and there are {count:,} graphs",
            code="graph.lengths_differ",
        )
    return graphs, None if labels is None else [str(k) for k in labels.tolist()]


def write_zip(graphs: Sequence[Graph], path: Path, node_kinds: Sequence[str], edge_kinds: Sequence[str]) -> None:
    """All graphs as a zip of such files. Types that are whole numbers stay so; others are numbered in the order of the
    kinds, which a README lists."""
    starts = np.cumsum([1, *(graph.nodes for graph in graphs)])
    files: dict[str, list[str]] = {EDGES: [], GRAPHS: []}
    node_numbers, edge_numbers = _numbered(node_kinds), _numbered(edge_kinds)
    for k, (graph, start) in enumerate(zip(graphs, starts.tolist(), strict=False)):
        files[GRAPHS] += [f"{k + 1}"] * graph.nodes
        both = graph.edges if graph.directed else np.concatenate([graph.edges, graph.edges[:, ::-1]])
        files[EDGES] += [f"{a + start}, {b + start}" for a, b in both.tolist()]
        if graph.node_types is not None:
            files.setdefault("_node_labels.txt", []).extend(node_numbers[word] for word in graph.node_types)
        if graph.edge_types is not None:
            words = graph.edge_types if graph.directed else graph.edge_types * 2
            files.setdefault("_edge_labels.txt", []).extend(edge_numbers[word] for word in words)
        for what, values, times in (("node", graph.node_numbers, 1), ("edge", graph.edge_numbers, 2 - graph.directed)):
            if values:
                rows = zip(*[one.tolist() * times for one in values.values()], strict=True)
                files.setdefault(f"_{what}_attributes.txt", []).extend(", ".join(map(repr, row)) for row in rows)
    said = [
        f"Types of {what}: " + ", ".join(f"{number} {word}" for word, number in numbers.items())
        for what, numbers in (("nodes", node_numbers), ("edges", edge_numbers))
    ]
    said += [
        f"Attributes of {what}s: " + ", ".join(f"{k + 1} {name}" for k, name in enumerate(names))
        for what, names in (("node", graphs[0].node_numbers), ("edge", graphs[0].edge_numbers)) if names
    ] if graphs else []  # fmt: skip
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for ending, lines in files.items():
            archive.writestr(f"{SET}/{SET}{ending}", "\n".join(lines) + "\n")
        archive.writestr(f"{SET}/README.md", "\n\n".join(said) + "\n")


def _numbered(kinds: Sequence[str]) -> dict[str, str]:
    whole = all(kind.lstrip("-").isdigit() for kind in kinds)
    return {kind: kind if whole else str(k) for k, kind in enumerate(kinds)}
