"""Graphs drawn by networkx' spring layout: nodes as discs, colored by type, edges as lines, the heavier the thicker.

Of a large network the surroundings of its best connected node are drawn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from ganforge.core.extras import need
from ganforge.modalities.graph.graphs import Graph

SIDE, FINE = 128, 3
"""px of a drawing, and how many times larger it is drawn before it is made smaller."""
MOST, EACH = 120, 6
"""Nodes that are drawn; of larger graphs `MOST` around the node with the most edges, by at most `EACH` edges of
each, since a hub and its neighbors alone would show a star."""
PAPER = (250, 250, 250)
COLORS = (
    (70, 120, 190), (220, 120, 40), (60, 150, 90), (190, 60, 70), (130, 100, 180), (130, 90, 70), (210, 110, 170),
    (110, 110, 110), (160, 160, 50), (50, 160, 180),
)  # fmt: skip
LINES = ((150, 150, 150), (225, 150, 90), (110, 175, 130), (205, 110, 120), (160, 140, 200))


def around(graph: Graph, most: int = MOST) -> Graph:
    """The part of a graph within `most` nodes of its best connected one."""
    if graph.nodes <= most:
        return graph
    near: dict[int, list[int]] = {}
    for a, b in graph.edges.tolist():
        near.setdefault(a, []).append(b)
        near.setdefault(b, []).append(a)
    start = max(near, key=lambda node: len(near[node]), default=0)
    found, waiting = {start: 0}, [start]
    for node in waiting:
        for other in [other for other in near.get(node, []) if other not in found][:EACH]:
            if len(found) < most:
                found[other] = len(found)
                waiting.append(other)
    edges = [(found[a], found[b]) for a, b in graph.edges.tolist() if a in found and b in found]
    return Graph(len(found), np.array(edges, np.int64).reshape(-1, 2), graph.directed)


def layout(graph: Graph) -> np.ndarray:
    """Places of the nodes in [0, 1], [V, 2]; the same each time. Each connected part has a square of its own, as large
    as its number of nodes asks for, in rows from the largest to the smallest."""
    need("networkx", "a drawing of a graph")
    import networkx as nx

    plain = nx.Graph()
    plain.add_nodes_from(range(graph.nodes))
    plain.add_edges_from(graph.edges.tolist())
    parts = sorted(map(sorted, nx.connected_components(plain)), key=lambda part: (-len(part), part))
    wide = 1.05 * math.sqrt(graph.nodes)
    points, left, top, high = np.zeros((graph.nodes, 2)), 0.0, 0.0, 0.0
    for part in parts:
        side = math.sqrt(len(part))
        if left and left + side > wide:
            left, top, high = 0.0, top + high, 0.0
        high = max(high, side)
        placed = nx.spring_layout(plain.subgraph(part), seed=0, iterations=40, method="force") if part[1:] else {}
        inner = np.array([placed.get(node, (0.0, 0.0)) for node in part])
        span = np.ptp(inner, 0).max() or 1.0
        points[part] = [left, top] + side * (0.1 + 0.8 * (inner - inner.min(0)) / span)
        left += side
    return points / max(points.max(initial=0.0), 1e-9)


def drawn(graph: Graph, node_kinds: Sequence[str] = (), edge_kinds: Sequence[str] = (), side: int = SIDE) -> np.ndarray:
    """A graph as uint8 [side, side, 3]."""
    graph = around(graph)
    full = side * FINE
    canvas = Image.new("RGB", (full, full), PAPER)
    if graph.nodes:
        brush, margin = ImageDraw.Draw(canvas), 0.08 * full
        points = (margin + layout(graph) * (full - 2 * margin)).tolist()
        bonds = graph.edge_types or ("",) * len(graph.edges)
        for (a, b), bond, thick in zip(graph.edges.tolist(), bonds, _widths(graph), strict=True):
            color = LINES[list(edge_kinds).index(bond) % len(LINES)] if bond in edge_kinds else LINES[0]
            brush.line([*points[a], *points[b]], fill=color, width=thick)
            if graph.directed:
                _head(brush, points[a], points[b], color)
        radius = full * (0.022 if graph.nodes <= 50 else 0.014)
        words = graph.node_types or ("",) * graph.nodes
        for (x, y), word in zip(points, words, strict=True):
            color = COLORS[list(node_kinds).index(word) % len(COLORS)] if word in node_kinds else COLORS[0]
            brush.ellipse([x - radius, y - radius, x + radius, y + radius], fill=color)
    return np.asarray(canvas.resize((side, side), Image.Resampling.LANCZOS))


def _widths(graph: Graph) -> list[int]:
    """px of each edge: the same without weights, else by its size among those of the graph."""
    weights = next(iter(graph.edge_numbers.values()), np.zeros(0))
    most = np.abs(weights).max(initial=0.0)
    if not most:
        return [FINE] * len(graph.edges)
    return np.round(FINE * (1 / 3 + 2 * np.abs(weights) / most)).astype(int).tolist()


def _head(
    brush: ImageDraw.ImageDraw, start: Sequence[float], end: Sequence[float], color: tuple[int, int, int]
) -> None:
    """A dot at three quarters of the way, which tells the direction."""
    x, y = (0.25 * a + 0.75 * b for a, b in zip(start, end, strict=True))
    brush.ellipse([x - 2 * FINE, y - 2 * FINE, x + 2 * FINE, y + 2 * FINE], fill=color)


def sheet(graphs: Sequence[np.ndarray], columns: int) -> np.ndarray:
    """Drawings in rows, uint8 [H, W, 3]."""
    blank = np.full_like(graphs[0], PAPER[0])
    filled = [*graphs, *[blank] * (-len(graphs) % columns)]
    return np.vstack([np.hstack(filled[k : k + columns]) for k in range(0, len(filled), columns)])
