"""What is counted of a graph: degrees, clustering, the spectrum, and the 4-node orbits of every node.

    clustering of node i    2 t_i / (d_i (d_i − 1)), t_i triangles, d_i the degree
    spectrum                eigenvalues of 1 − D^(−½) A D^(−½), in [0, 2]
    orbit k of node i       how many induced connected subgraphs of 2 to 4 nodes hold node i in position k = 0 ... 14
                            of Pržulj 2007

Orbits are counted in closed form: all subgraphs that contain a pattern are counted from powers of A, then those with
more edges are subtracted.

V nodes.  A float64 [V, V], symmetric, zeros and ones.
"""

from __future__ import annotations

import numpy as np


def clustering(A: np.ndarray) -> np.ndarray:
    """Of each node, [V]; 0 for less than two neighbors."""
    degrees = A.sum(1)
    triangles = ((A @ A) * A).sum(1) / 2
    pairs = degrees * (degrees - 1) / 2
    return np.divide(triangles, pairs, out=np.zeros_like(triangles), where=pairs > 0)


def spectrum(A: np.ndarray) -> np.ndarray:
    """Eigenvalues of the normalized Laplacian, ascending, [V]; a node without edges has 0."""
    degrees = A.sum(1)
    root = np.divide(1, np.sqrt(degrees), out=np.zeros_like(degrees), where=degrees > 0)
    laplacian = np.diag((degrees > 0).astype(float)) - A * root[:, None] * root[None]
    return np.linalg.eigvalsh(laplacian)


def orbits(A: np.ndarray) -> np.ndarray:
    """How often each node is in each of the 15 orbits, [V, 15]."""
    d = A.sum(1)
    common = A @ A
    np.fill_diagonal(common, 0)
    joined = common * A  # common neighbors of the ends of each edge
    t = joined.sum(1) / 2
    beyond = A @ (d - 1)
    n = {  # patterns that hold the node, with or without further edges
        4: A @ beyond - d * (d - 1) - 2 * t,
        5: (d - 1) * beyond - 2 * t,
        6: A @ ((d - 1) * (d - 2) / 2),
        7: d * (d - 1) * (d - 2) / 6,
        8: (common * (common - 1) / 2).sum(1),
        9: A @ t - 2 * t,
        10: joined @ (d - 2),
        11: t * (d - 2),
        12: ((A @ ((common - 1) * A)) * A).sum(1) / 2,
        13: (joined * (joined - 1) / 2 * A).sum(1),
    }
    found = np.zeros((len(A), 15))
    o = found.T
    o[0], o[1], o[2], o[3] = d, beyond - 2 * t, d * (d - 1) / 2 - t, t
    o[14] = _cliques(A)
    o[13] = n[13] - 3 * o[14]
    o[12] = n[12] - 3 * o[14]
    o[11] = n[11] - 2 * o[13] - 3 * o[14]
    o[10] = n[10] - 2 * o[12] - 2 * o[13] - 6 * o[14]
    o[9] = n[9] - 2 * o[12] - 3 * o[14]
    o[8] = n[8] - o[12] - o[13] - 3 * o[14]
    o[7] = n[7] - o[11] - o[13] - o[14]
    o[6] = n[6] - o[9] - o[10] - 2 * o[12] - o[13] - 3 * o[14]
    o[5] = n[5] - 2 * o[8] - o[10] - 2 * o[11] - 2 * o[12] - 4 * o[13] - 6 * o[14]
    o[4] = n[4] - 2 * o[8] - 2 * o[9] - o[10] - 4 * o[12] - 2 * o[13] - 6 * o[14]
    return found


def _cliques(A: np.ndarray) -> np.ndarray:
    """In how many complete graphs of four nodes each node is, [V]."""
    found = np.zeros(len(A))
    for node, row in enumerate(A):
        near = np.flatnonzero(row)
        if len(near) > 2:
            inner = A[np.ix_(near, near)]
            found[node] = ((inner @ inner) * inner).sum() / 6
    return found
