"""Adjacency matrices: .npy arrays, and .npz files of scipy's sparse matrices or of one array.

An entry that is not 0 is an edge, and its weight. A matrix that is not symmetric is a directed graph. [V, V] is one
graph, [N, V, V] are many; `sizes` says how many nodes each has, all V by default. Further arrays of a .npz file, as
samples are written: `node_types` words [N, V]; `edge_types` words, of which `adjacency` holds 1 + the number, and then
`weights` [N, V, V]; `attributes` [N, V, A] of nodes and `attribute_names` [A]; `edge_attributes` [N, V, V, A] and
`edge_attribute_names` [A] in place of weights.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ganforge.core.errors import UserError
from ganforge.modalities.graph.graphs import Graph, Repairs, simple
from ganforge.modalities.graph.numbers import WEIGHT, finite

CLOSE = 1e-6
"""Relative difference up to which two weights of an edge are the same."""
SPARSE = {"format", "shape", "data"}
MORE = (
    "sizes",
    "node_types",
    "edge_types",
    "weights",
    "attributes",
    "attribute_names",
    "edge_attributes",
    "edge_attribute_names",
)
NAMES = ("adjacency", "adj", "A", "arr_0")


def read(path: Path, name: str, repairs: Repairs, weights: bool = True) -> list[Graph]:
    """The graphs of a file.

    Args:
        weights: whether entries are kept as weights.

    Raises:
        UserError: it holds no square matrix, or entries that are no finite numbers.
    """
    try:
        with path.open("rb") as file:
            found = np.load(file, allow_pickle=False)
            if not isinstance(found, np.lib.npyio.NpzFile):
                return _dense(found, {}, name, repairs, weights)
            names = set(found.files)
            if names >= SPARSE:
                return [_sparse(found, name, repairs, weights)]
            chosen = next((key for key in NAMES if key in names), None)
            if chosen is None:
                raise UserError(
                    f"data {name}: no adjacency matrix here (it holds {', '.join(sorted(names)) or 'nothing'}). Name "
                    "the array `adjacency`",
                    code="graph.no_matrix",
                )
            return _dense(found[chosen], {key: found[key] for key in MORE if key in names}, name, repairs, weights)
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"data {name}: not a readable array ({error})", code="graph.unreadable_file") from None


def _sparse(found, name: str, repairs: Repairs, weights: bool) -> Graph:
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
    _check_finite(found["data"], name)
    edges = np.stack([rows[there], columns[there]], 1).astype(np.int64)
    if kind == "csc":
        edges = edges[:, ::-1]
    values = found["data"][there].astype(float)
    forwards, order = np.unique(edges[:, 0] * shape[0] + edges[:, 1], return_index=True)
    backwards, turned = np.unique(edges[:, 1] * shape[0] + edges[:, 0], return_index=True)
    symmetric = np.array_equal(forwards, backwards)
    if not _weighted(values, repairs, weights):
        return _graph(int(shape[0]), edges, symmetric, repairs)
    symmetric = symmetric and np.allclose(values[order], values[turned], rtol=CLOSE)
    return _graph(int(shape[0]), edges, symmetric, repairs, edge_numbers={WEIGHT: values})


def _weighted(values: np.ndarray, repairs: Repairs, weights: bool) -> bool:
    """Whether entries that are not 0 are kept as weights. That they are all 1 depends on the other files, too."""
    plain = bool((values == 1).all())
    if weights:
        repairs.plain |= plain
    elif not plain:
        repairs.dropped["weights of edges"] += 1
    return weights


def _check_finite(values: np.ndarray, name: str) -> None:
    bad = int((~np.isfinite(values)).sum())
    if bad:
        raise UserError(
            f"data {name}: {bad:,} entries of its matrices are infinite or no number (NaN). Write 0 where there is no "
            "edge, and the weight where there is one",
            code="graph.not_finite",
        )


def _dense(
    found: np.ndarray, more: Mapping[str, np.ndarray], name: str, repairs: Repairs, weights: bool
) -> list[Graph]:
    if found.ndim not in (2, 3) or found.shape[-1] != found.shape[-2] or found.dtype.kind not in "biuf":
        raise UserError(
            f"data {name}: an array of shape {list(found.shape)} holds no adjacency matrices, [V, V] or [N, V, V]",
            code="graph.not_square",
        )
    _check_finite(found, name)
    sizes, types, bonds = (more.get(key) for key in ("sizes", "node_types", "edge_types"))
    columns = [str(one) for one in more.get("attribute_names", [])]
    bond_columns = [str(one) for one in more.get("edge_attribute_names", [])] if weights else []
    values_of = more.get("weights", None if bonds is not None or bond_columns else found)
    if values_of is not None:
        values_of = values_of[None] if values_of.ndim == 2 else values_of
        _check_finite(values_of, name)
        if not _weighted(values_of[(found[None] if found.ndim == 2 else found) != 0], repairs, weights):
            values_of = None
    graphs = []
    for k, matrix in enumerate(found[None] if found.ndim == 2 else found):
        size = len(matrix) if sizes is None else int(sizes[k])
        matrix = matrix[:size, :size]
        edges = np.argwhere(matrix != 0).astype(np.int64)
        rows, symmetric = tuple(edges.T), np.array_equal(matrix != 0, matrix.T != 0)
        further: dict[str, Any] = {}
        if types is not None:
            further["node_types"] = [str(word) for word in types[k][:size]]
        if bonds is not None:
            further["edge_types"] = [str(bonds[number - 1]) for number in matrix[rows].astype(int)]
            symmetric = np.array_equal(matrix, matrix.T)
        if values_of is not None:
            known = values_of[k][:size, :size].astype(float)
            symmetric = symmetric and np.allclose(known, known.T, rtol=CLOSE)
            further["edge_numbers"] = {WEIGHT: known[rows]}
        if bond_columns:
            known = more["edge_attributes"][k][:size, :size].astype(float)
            symmetric = symmetric and np.allclose(known, known.transpose(1, 0, 2), rtol=CLOSE)
            further["edge_numbers"] = {one: finite(known[rows][:, j], repairs) for j, one in enumerate(bond_columns)}
        if columns:
            further["node_numbers"] = {one: finite(more["attributes"][k][:size, j].astype(float), repairs)
                                       for j, one in enumerate(columns)}  # fmt: skip
        graphs.append(_graph(size, edges, symmetric, repairs, **further))
    return graphs


def _graph(nodes: int, edges: np.ndarray, symmetric: bool, repairs: Repairs, **more: Any) -> Graph:
    if symmetric:  # both entries of an edge are what the format says, not a repair
        once = edges[:, 0] <= edges[:, 1]
        edges = edges[once]
        if "edge_types" in more:
            more["edge_types"] = [word for word, stays in zip(more["edge_types"], once.tolist(), strict=True) if stays]
        more["edge_numbers"] = {key: values[once] for key, values in more.get("edge_numbers", {}).items()}
    return simple(nodes, edges, repairs, directed=not symmetric, **more)


def is_adjacency(path: Path) -> float:
    """How likely a .npy or .npz file holds graphs, from 0 to 1: of its names, or of the first matrix, symmetric and of
    zeros and ones, or with a diagonal of zeros and others beside it."""
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
    if array.shape[-1] > 20_000 or not first.any() or not np.array_equal(first, first.T):
        return 0.01
    if np.isin(first, (0, 1)).all():
        return 0.95 if not np.diagonal(first).all() else 0.01
    return 0.9 if not np.diagonal(first).any() and (first == 0).sum() > len(first) else 0.01
