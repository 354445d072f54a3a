"""Graphs to try things out with: communities and rings of two classes, and a network of communities."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ganforge.modalities.graph.files import written
from ganforge.modalities.graph.graphs import Graph, Repairs, simple


def communities(rng: np.random.Generator, nodes: int, inside: float = 0.7, bridges: float = 0.05) -> Graph:
    """Two halves, each with edges at random, and a few edges between them (You et al. 2018, GraphRNN)."""
    half = np.arange(nodes) < nodes // 2
    same = half[:, None] == half[None]
    links = rng.random((nodes, nodes)) < np.where(same, inside, bridges * 2 / nodes)
    links[0, nodes - 1] = True
    edges = np.argwhere(np.triu(links, 1))
    kinds = ["left" if one else "right" for one in half]
    return simple(nodes, edges, Repairs(), node_types=kinds)


def ring(rng: np.random.Generator, nodes: int) -> Graph:
    """A ring with a few chords; its nodes are of two types in turn."""
    edges = [(k, (k + 1) % nodes) for k in range(nodes)]
    edges += [tuple(rng.choice(nodes, 2, replace=False)) for _ in range(2)]
    kinds = ["left" if k % 2 else "right" for k in range(nodes)]
    return simple(nodes, np.array(edges), Repairs(), node_types=kinds)


def write_graphs(folder: Path, n: int) -> str:
    """Writes folders `communities` and `rings` of GraphML files, a tenth more than asked for since some are held back,
    and returns the path of the folder of both."""
    rng = np.random.default_rng(0)
    for k in range(-(-n * 5 // 4)):
        name, make = (("communities", communities), ("rings", ring))[k % 2]
        (folder / "graphs" / name).mkdir(parents=True, exist_ok=True)
        graph = make(rng, int(rng.integers(6, 11)))
        written.write_graphml(graph, folder / "graphs" / name / f"{k:04d}.graphml")
    return str(folder / "graphs")


def write_network(folder: Path, n: int) -> str:
    """Writes an edge list of a network of max(24, n // 2) nodes in four communities, and returns its path."""
    rng, nodes = np.random.default_rng(0), max(24, n // 2)
    group = np.arange(nodes) * 4 // nodes
    popular = rng.pareto(2, nodes) + 0.3
    odds = np.where(group[:, None] == group[None], 0.16, 0.01) * np.sqrt(popular[:, None] * popular[None])
    edges = np.argwhere(np.triu(rng.random((nodes, nodes)) < odds, 1))
    chain = np.stack([np.arange(nodes - 1), np.arange(1, nodes)], 1)
    graph = simple(nodes, np.concatenate([edges, chain]), Repairs())
    np.savetxt(folder / "friends.txt", graph.edges, fmt="%d")
    return str(folder / "friends.txt")
