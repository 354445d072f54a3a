"""What is counted of a directed network.

    reciprocity      share of the edges a → b for which there is b → a
    assortativity    correlation of the out-degree of a and the in-degree of b over the edges a → b
    in_out           correlation of the in-degree and the out-degree over the nodes with edges
    triangles        how many feed-forward (a → b → c, a → c) and cyclic ones (a → b → c → a)
    cyclic           share of the cyclic ones among them
    clustering       share of the paths a → b → c, a ≠ c, for which there is a → c
    path_length      mean number of steps along directions from 64 nodes of the largest component, whatever the
                     directions in it, to all that can be reached

V nodes, E edges.  edges int [E, 2], each once.
"""

from __future__ import annotations

import numpy as np

from ganforge.modalities.graph.metrics.degrees import of_nodes
from ganforge.modalities.graph.metrics.numbers import correlation
from ganforge.modalities.graph.metrics.paths import directed_path_length

TINY = 1e-12


def statistics(nodes: int, edges: np.ndarray) -> dict[str, float]:
    """The nine values of one directed network."""
    after: list[set[int]] = [set() for _ in range(nodes)]
    before: list[set[int]] = [set() for _ in range(nodes)]
    for a, b in edges.tolist():
        after[a].add(b)
        before[b].add(a)
    leaving, entering = of_nodes(nodes, edges)
    there = leaving + entering > 0
    mutual = sum(a in after[b] for a, b in edges.tolist())
    forward = sum(len(after[a] & before[b]) for a, b in edges.tolist())  # a → x → b with a → b
    cycles = sum(len(after[b] & before[a]) for a, b in edges.tolist()) / 3
    paths = float((leaving * entering).sum()) - mutual
    return {
        "max_out_degree": float(leaving.max()),
        "max_in_degree": float(entering.max()),
        "reciprocity": mutual / max(1, len(edges)),
        "assortativity": correlation(leaving[edges[:, 0]], entering[edges[:, 1]]),
        "in_out": correlation(leaving[there], entering[there]),
        "triangles": forward + cycles,
        "cyclic": cycles / max(TINY, forward + cycles),
        "clustering": forward / max(TINY, paths),
        "path_length": directed_path_length(after, before),
    }
