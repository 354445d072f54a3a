"""Many graphs as tensors, and back.

A coded graph is one matrix: on the diagonal 1 + the type of the node, 0 where there is none; elsewhere 1 + the type of
the edge, 0 where there is none. The nets get one channel of zeros and ones for each type of edges, then one for each
type of nodes, which is 0 off the diagonal.

N graphs, V most nodes, B types of edges, T types of nodes.  coded uint8 [N, V, V], x [N, B + T, V, V].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganforge.modalities.graph.graphs import Graph


def coded(graph: Graph, size: int, node_kinds: Sequence[str], edge_kinds: Sequence[str]) -> np.ndarray:
    """A graph as uint8 [size, size]. Types that are not among the kinds count as the first one."""
    found = np.zeros((size, size), np.uint8)
    nodes, edges = graph.nodes, graph.edges
    place = {kind: k + 1 for k, kind in enumerate(node_kinds)}
    words = graph.node_types
    found[range(nodes), range(nodes)] = 1 if words is None else [place.get(word, 1) for word in words]
    if len(edges):
        place = {kind: k + 1 for k, kind in enumerate(edge_kinds)}
        values = 1 if graph.edge_types is None else [place.get(word, 1) for word in graph.edge_types]
        found[edges[:, 0], edges[:, 1]] = values
        if not graph.directed:
            found[edges[:, 1], edges[:, 0]] = values
    return found


def graph_of(sample: np.ndarray, state: Mapping[str, Any]) -> Graph:
    """The graph of a coded one, uint8 [V, V]."""
    kinds, bonds, directed = state["node_kinds"], state["edge_kinds"], state["directed"]
    there = np.flatnonzero(np.diagonal(sample))
    small = sample[np.ix_(there, there)].astype(np.int64)
    nodes = np.diagonal(small)
    links = small - np.diag(nodes)
    edges = np.argwhere(links if directed else np.triu(links))
    words = None if list(kinds) == [""] else tuple(kinds[k - 1] for k in nodes.tolist())
    bond = None if list(bonds) == [""] else tuple(bonds[k - 1] for k in links[edges[:, 0], edges[:, 1]].tolist())
    return Graph(len(there), edges.astype(np.int64), directed, words, bond)


def to_channels(codes: Tensor, bonds: int, kinds: int) -> Tensor:
    """Coded graphs [N, V, V] → float32 [N, B + T, V, V]."""
    codes = codes.long()
    diagonal = torch.eye(codes.shape[1], dtype=torch.bool, device=codes.device)
    links, nodes = codes.masked_fill(diagonal, 0), codes.masked_fill(~diagonal, 0)
    found = [links == k + 1 for k in range(bonds)] + [nodes == k + 1 for k in range(kinds)]
    return torch.stack(found, 1).float()


def from_channels(x: Tensor, bonds: int, directed: bool) -> np.ndarray:
    """Channels [N, B + T, V, V] → coded graphs uint8 [N, V, V]: of each pair and node the largest channel, if
    they sum to more than a half."""
    x = x.detach().float().cpu()
    links, nodes = x[:, :bonds], x[:, bonds:].diagonal(dim1=2, dim2=3)
    if not directed:
        links = (links + links.transpose(2, 3)) / 2
    kind = (nodes.argmax(1) + 1) * (nodes.sum(1) > 0.5)  # [N, V]
    bond = (links.argmax(1) + 1) * (links.sum(1) > 0.5)
    there = kind > 0
    bond = bond * (there[:, :, None] & there[:, None, :])
    bond = bond * (1 - torch.eye(x.shape[2], dtype=bond.dtype))
    return (bond + torch.diag_embed(kind)).numpy().astype(np.uint8)
