"""What `ganforge data inspect` says of graphs and of a network."""

from __future__ import annotations

from typing import Any

import numpy as np

from ganforge.modalities.graph.graphs import Graph, reciprocity
from ganforge.modalities.graph.sets import GraphSet, NetworkSet
from ganforge.recipes import fitting
from ganforge.signals import Inspection

SHOWN = 5


def of_graphs(dataset: GraphSet) -> Inspection:
    """Numbers of nodes and edges, types, labels, and what was assumed or left out."""
    nodes = np.array([graph.nodes for graph in dataset.graphs])
    edges = np.array([len(graph.edges) for graph in dataset.graphs])
    kinds = {what: [kind for kind in words if kind] for what, words in
             (("nodes", dataset.node_kinds), ("edges", dataset.edge_kinds))}  # fmt: skip
    labels = {} if dataset.labels is None else {
        name: int((dataset.labels == k).sum()) for k, name in enumerate(dataset.classes)
    }  # fmt: skip
    columns = {
        "edges": {name: [graph.edge_numbers[name] for graph in dataset.graphs]
                  for name in dataset.edge_attributes},
        "nodes": {name: [graph.node_numbers[name] for graph in dataset.graphs] for name in dataset.attributes},
    }  # fmt: skip
    numbers = {what: {name: spread(np.concatenate(parts)) for name, parts in one.items()}
               for what, one in columns.items()}  # fmt: skip
    fits = fitting.fitting(dataset)
    facts: dict[str, Any] = {
        "name": dataset.name,
        "count": len(dataset),
        "nodes": span(nodes),
        "edges": span(edges),
        "isolated_nodes": sum(isolated(graph) for graph in dataset.graphs),
        "directed": dataset.directed,
        "types": kinds,
        "numbers": numbers,
        "labels": labels,
        "conditions": {one.name: one.to_plain() for one in dataset.conditions.each},
        "notes": list(dataset.understood),
        "skipped": [f"{where}: {why}" for where, why in dataset.skipped],
        "recipes": fitting.to_plain(fits),
        "hints": [],
    }

    def shown() -> list[Any]:
        lines = [
            f"{dataset.name}: {len(dataset):,} graphs, {'directed' if dataset.directed else 'undirected'}; "
            f"{nodes.min()} to {nodes.max()} nodes, half of them up to {np.median(nodes):.0f}; {edges.min()} to "
            f"{edges.max()} edges; {facts['isolated_nodes']:,} nodes without edges",
            *dataset.understood,
        ]
        lines += [f"types of {what}: {', '.join(words)}" for what, words in kinds.items() if words]
        lines += [
            f"{what[:-1]} attribute {name}: {one['min']:g} to {one['max']:g}, half of them up to {one['median']:g}"
            for what, found in numbers.items()
            for name, one in found.items()
        ]
        if labels:
            lines.append(
                f"{len(labels)} labels: {', '.join(f'{name} ({n:,})' for name, n in list(labels.items())[:12])}"
            )
        lines += [f"condition {one.name} ({one.kind}): {one.said()}" for one in dataset.conditions.each]
        lines += [f"skipped: {where}: {why}" for where, why in dataset.skipped[:SHOWN]]
        return [*lines, "", fitting.as_table(fits)]

    return Inspection(facts, shown)


def of_network(dataset: NetworkSet) -> Inspection:
    """Nodes, edges, degrees, and what was assumed or left out."""
    graph = dataset.graph
    degrees = np.bincount(graph.edges.ravel(), minlength=graph.nodes)
    fits = fitting.fitting(dataset)
    facts: dict[str, Any] = {
        "name": dataset.name,
        "count": len(dataset),
        "nodes": graph.nodes,
        "edges": len(graph.edges),
        "directed": graph.directed,
        "degree": span(degrees),
        "isolated_nodes": isolated(graph),
        "notes": list(dataset.understood),
        "recipes": fitting.to_plain(fits),
        "hints": [],
    }
    said = (
        f"{len(graph.edges):,} edges ({len(dataset):,} in both directions); degrees {degrees.min()} to "
        f"{degrees.max():,}, {degrees.mean():.3g} on average"
    )
    if graph.directed:
        sides = [np.bincount(graph.edges[:, k], minlength=graph.nodes) for k in (0, 1)]
        facts["out_degree"], facts["in_degree"] = map(span, sides)
        facts["reciprocity"] = reciprocity(graph)
        said = (
            f"{len(graph.edges):,} directed edges, of which {facts['reciprocity']:.1%} go both ways; out-degrees "
            f"{sides[0].min()} to {sides[0].max():,}, in-degrees {sides[1].min()} to {sides[1].max():,}, "
            f"{sides[0].mean():.3g} on average"
        )

    def shown() -> list[Any]:
        return [
            f"{dataset.name}: one network of {graph.nodes:,} nodes and {said}; "
            f"{facts['isolated_nodes']:,} nodes without edges",
            *dataset.understood,
            "",
            fitting.as_table(fits),
        ]

    return Inspection(facts, shown)


def span(values: np.ndarray) -> dict[str, float]:
    return {"min": int(values.min()), "median": float(np.median(values)), "max": int(values.max())}


def spread(values: np.ndarray) -> dict[str, float]:
    """The range and the middle of numbers; 0 of none."""
    values = values if len(values) else np.zeros(1)
    return {"min": float(values.min()), "median": float(np.median(values)), "max": float(values.max())}


def isolated(graph: Graph) -> int:
    """Nodes without edges."""
    return graph.nodes - len(np.unique(graph.edges))
