"""Many graphs as tensors, and back.

A coded graph is one matrix: on the diagonal 1 + the type of the node, 0 where there is none; elsewhere 1 + the type of
the edge, 0 where there is none. The nets get one channel of zeros and ones for each type of edges, then one for each
type of nodes, which is 0 off the diagonal.

Numbers, if there are any, are in P further planes: attribute k of the nodes on the diagonal of plane k, attribute k of
the edges elsewhere, the weight first, 0 where nothing is. A coded graph is then float32; the nets get the planes in
standard normal numbers (`scale`) as their last channels.

N graphs, V most nodes, B types of edges, T types of nodes.  coded uint8 [N, V, V] or float32 [N, 1 + P, V, V],
x [N, B + T + P, V, V].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganforge.core.rng import Rng
from ganforge.modalities.graph import scale
from ganforge.modalities.graph.graphs import Graph


def coded(graph: Graph, size: int, node_kinds: Sequence[str], edge_kinds: Sequence[str]) -> np.ndarray:
    """A graph as uint8 [size, size], or float32 [1 + P, size, size]. Types that are not among the kinds count as the
    first one."""
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
    count = max(len(graph.edge_numbers), len(graph.node_numbers))
    if not count:
        return found
    planes = np.zeros((1 + count, size, size), np.float32)
    planes[0] = found
    for plane, values in zip(planes[1:], graph.edge_numbers.values(), strict=False):
        plane[edges[:, 0], edges[:, 1]] = values
        if not graph.directed:
            plane[edges[:, 1], edges[:, 0]] = values
    for plane, values in zip(planes[1:], graph.node_numbers.values(), strict=False):
        plane[range(nodes), range(nodes)] = values
    return planes


def planes_of(state: Mapping[str, Any]) -> int:
    """P, how many planes of numbers there are."""
    return max(len(of_edges(state)), len(state.get("attributes", ())))


def of_edges(state: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What a spec stores of each number of the edges, the weight first."""
    return [*([state["weight"]] if "weight" in state else []), *state.get("edge_attributes", ())]


def names_of(state: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of the numbers of edges and of nodes."""
    edges, nodes = (tuple(one["name"] for one in found) for found in (of_edges(state), state.get("attributes", ())))
    return edges, nodes


def graph_of(sample: np.ndarray, state: Mapping[str, Any]) -> Graph:
    """The graph of a coded one, uint8 [V, V] or float32 [1 + P, V, V]."""
    kinds, bonds, directed = state["node_kinds"], state["edge_kinds"], state["directed"]
    planes, sample = ([], sample) if sample.ndim == 2 else (list(sample[1:]), sample[0])
    there = np.flatnonzero(np.diagonal(sample))
    small = sample[np.ix_(there, there)].astype(np.int64)
    nodes = np.diagonal(small)
    links = small - np.diag(nodes)
    edges = np.argwhere(links if directed else np.triu(links))
    words = None if list(kinds) == [""] else tuple(kinds[k - 1] for k in nodes.tolist())
    bond = None if list(bonds) == [""] else tuple(bonds[k - 1] for k in links[edges[:, 0], edges[:, 1]].tolist())
    return Graph(
        len(there), edges.astype(np.int64), directed, words, bond,
        {one["name"]: typed(plane[there, there], one)
         for plane, one in zip(planes, state.get("attributes", ()), strict=False)},
        {one["name"]: typed(plane[there[edges[:, 0]], there[edges[:, 1]]], one)
         for plane, one in zip(planes, of_edges(state), strict=False)},
    )  # fmt: skip


def typed(values: np.ndarray, one: Mapping[str, Any]) -> np.ndarray:
    """Numbers of a coded graph with the decimal places of the data: int64 or float64."""
    decimals = one["decimals"]
    found = values.astype(float)
    return found if decimals is None else np.round(found, decimals).astype(float if decimals else np.int64)


def to_planes(numbers: Tensor, codes: Tensor, state: Mapping[str, Any], rng: Rng) -> Tensor:
    """Planes of numbers [N, P, V, V] of coded graphs [N, V, V] as the nets get them."""
    planes = torch.zeros_like(numbers)
    linked = (codes > 0) & ~torch.eye(codes.shape[1], dtype=torch.bool, device=codes.device)
    for k, one in enumerate(of_edges(state)):
        uniform = rng.uniform(f"weights {k}" if k else "weights", codes.shape).to(numbers.device)
        if not state["directed"]:
            uniform = uniform.triu() + uniform.triu(1).transpose(1, 2)
        planes[:, k] = scale.to_normal(numbers[:, k], one, uniform) * linked
    for k, one in enumerate(state.get("attributes", ())):
        uniform = rng.uniform(f"attribute {k}", codes.shape[:2]).to(numbers.device)
        normal = scale.to_normal(numbers[:, k].diagonal(dim1=1, dim2=2), one, uniform)
        planes[:, k] += torch.diag_embed(normal * (codes.diagonal(dim1=1, dim2=2) > 0))
    return planes


def from_planes(planes: Tensor, codes: np.ndarray, state: Mapping[str, Any]) -> np.ndarray:
    """Coded graphs with numbers, float32 [N, 1 + P, V, V], of codes [N, V, V] and what nets made [N, P, V, V]."""
    planes = planes.detach().float().cpu()
    found = np.zeros((len(codes), 1 + planes.shape[1], *codes.shape[1:]), np.float32)
    found[:, 0] = codes
    diagonal = np.eye(codes.shape[1], dtype=bool)
    for k, one in enumerate(of_edges(state)):
        values = planes[:, k] if state["directed"] else (planes[:, k] + planes[:, k].transpose(1, 2)) / 2
        found[:, 1 + k] = scale.from_normal(values, one) * ((codes > 0) & ~diagonal)
    for k, one in enumerate(state.get("attributes", ())):
        values = scale.from_normal(planes[:, k].diagonal(dim1=1, dim2=2), one)
        found[:, 1 + k, diagonal] = values * (codes[:, diagonal] > 0)
    return found


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
