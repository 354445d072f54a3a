"""How a spec says what the channels of graphs are, for all nets of graphs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ganforge.core.errors import UserError
from ganforge.core.types import Spec


class Layout(NamedTuple):
    """V places of nodes, B types of edges, T types of nodes, and the shares of types (none first) in the data;
    how many numbers edges and nodes have, and P, the last channels, that hold both."""

    nodes: int
    bonds: int
    kinds: int
    directed: bool
    edge_shares: list[float]
    node_shares: list[float]
    sizes: np.ndarray
    """How often each number of nodes occurs in each class, [classes or 1, V + 1]."""
    weights: int = 0
    attributes: int = 0

    @property
    def planes(self) -> int:
        """P."""
        return max(self.weights, self.attributes)


def check(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape, if it is one of graphs: [types and planes of numbers, V, V].

    Raises:
        UserError: it is not.
    """
    if len(shape) != 3 or shape[0] < 2 or shape[1] != shape[2] or shape[1] < 2:
        raise UserError(
            f"the nets graph are for graphs, [types of edges and nodes, V, V], not for samples of the shape "
            f"{'×'.join(map(str, shape))}",
            code="nets.not_for_shape",
        )
    return shape


def layout_of(spec: Spec) -> Layout:
    """What the channels of a spec mean; without a state the last one holds nodes of one type, the others edges."""
    channels, nodes = check(spec.shape)[:2]
    state = spec.state
    kinds = len(state["node_kinds"]) if "node_kinds" in state else 1
    weights = int("weight" in state) + len(state.get("edge_attributes", ()))
    attributes = len(state.get("attributes", ()))
    bonds = channels - kinds - max(weights, attributes)
    sizes = np.array(state["sizes"], float) if "sizes" in state else np.arange(nodes + 1)[None] > 1.0
    return Layout(
        nodes, bonds, kinds, bool(state.get("directed", False)),
        state.get("edge_shares") or [0.8] + [0.2 / bonds] * bonds,
        state.get("node_shares") or [1 / kinds] * kinds, sizes, weights, attributes,
    )  # fmt: skip
