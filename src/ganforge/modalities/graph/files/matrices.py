"""Adjacency matrices: .npy arrays, and .npz files of scipy's sparse matrices or of one array.

An entry that is not 0 is an edge. A matrix that is not symmetric is a directed graph. [V, V] is one graph, [N, V, V]
are many; `sizes` says how many nodes each has, all V by default.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from ganforge.core.errors import UserError
from ganforge.modalities.graph.graphs import Graph, Repairs, simple

SPARSE = {"format", "shape", "data"}
NAMES = ("adjacency", "adj", "A", "arr_0")


def read(path: Path, name: str, repairs: Repairs) -> list[Graph]:
    """The graphs of a file.

    Raises:
        UserError: it holds no square matrix.
    """
    try:
        with path.open("rb") as file:
            found = np.load(file, allow_pickle=False)
            if not isinstance(found, np.lib.npyio.NpzFile):
                return _dense(found, None, name, repairs)
            names = set(found.files)
            if names >= SPARSE:
                return [_sparse(found, name, repairs)]
            chosen = next((key for key in NAMES if key in names), None)
            if chosen is None:
                raise UserError(
                    f"data {name}: no adjacency matrix here (it holds {', '.join(sorted(names)) or 'nothing'}). Name "
                    "the array `adjacency`",
                    code="graph.no_matrix",
                )
            sizes = found["sizes"] if "sizes" in names else None
            types = found["node_types"] if "node_types" in names else None
            return _dense(found[chosen], sizes, name, repairs, types)
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"data {name}: not a readable array ({error})", code="graph.unreadable_file") from None


def _sparse(found, name: str, repairs: Repairs) -> Graph:
    shape, kind = found["shape"], found["format"][()]
    kind = kind.decode() if isinstance(kind, bytes) else str(kind)
    if len(shape) != 2 or shape[0] != shape[1]:
        raise UserError(
            f"data {name}: a matrix of shape {shape.tolist()} is no adjacency matrix: it is not square",
            code="graph.not_square",
        )
    if kind == "coo":
        rows, columns = found["row"], found["col"]
    elif kind in ("csr", "csc"):
        rows, columns = np.repeat(np.arange(shape[0]), np.diff(found["indptr"])), found["indices"]
    else:
        raise UserError(f"data {name}: sparse format {kind!r}; csr, csc and coo are read", code="graph.no_matrix")
    there = found["data"] != 0
    edges = np.stack([rows[there], columns[there]], 1).astype(np.int64)
    if kind == "csc":
        edges = edges[:, ::-1]
    if np.any(found["data"][there] != 1):
        repairs.dropped["weights of edges"] += 1
    forwards = np.unique(edges[:, 0] * shape[0] + edges[:, 1])
    backwards = np.unique(edges[:, 1] * shape[0] + edges[:, 0])
    symmetric = np.array_equal(forwards, backwards)
    return _graph(int(shape[0]), edges, symmetric, repairs)


def _dense(
    found: np.ndarray, sizes: np.ndarray | None, name: str, repairs: Repairs, types: np.ndarray | None = None
) -> list[Graph]:
    if found.ndim not in (2, 3) or found.shape[-1] != found.shape[-2] or found.dtype.kind not in "biuf":
        raise UserError(
            f"data {name}: an array of shape {list(found.shape)} holds no adjacency matrices, [V, V] or [N, V, V]",
            code="graph.not_square",
        )
    graphs = []
    for k, matrix in enumerate(found[None] if found.ndim == 2 else found):
        size = len(matrix) if sizes is None else int(sizes[k])
        matrix = matrix[:size, :size]
        edges = np.argwhere(matrix != 0).astype(np.int64)
        if np.any(matrix[matrix != 0] != 1):
            repairs.dropped["weights of edges"] += 1
        words = None if types is None else [str(word) for word in types[k][:size]]
        graphs.append(_graph(size, edges, np.array_equal(matrix != 0, matrix.T != 0), repairs, words))
    return graphs


def _graph(
    nodes: int, edges: np.ndarray, symmetric: bool, repairs: Repairs, node_types: list[str] | None = None
) -> Graph:
    if symmetric:  # both entries of an edge are what the format says, not a repair
        edges = edges[edges[:, 0] <= edges[:, 1]]
    return simple(nodes, edges, repairs, directed=not symmetric, node_types=node_types)


def is_adjacency(path: Path) -> float:
    """How likely a .npy or .npz file holds graphs, from 0 to 1: of its names, or of zeros and ones in the first
    matrix."""
    try:
        with path.open("rb") as file:
            found = np.load(file, allow_pickle=False, mmap_mode=None) if path.suffix == ".npz" else None
            if found is not None:
                names = set(found.files)
                return 0.95 if names >= SPARSE or names & set(NAMES[:3]) else 0.0
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return 0.0
    if array.ndim not in (2, 3) or array.shape[-1] != array.shape[-2] or array.shape[-1] < 2 or not len(array):
        return 0.0
    first = np.asarray(array if array.ndim == 2 else array[0])
    clear = array.shape[-1] <= 20_000 and np.isin(first, (0, 1)).all() and np.array_equal(first, first.T)
    return 0.95 if clear and first.any() and not np.diagonal(first).all() else 0.01
