"""Numbers of graphs for the nets, and back: each becomes standard normal by its quantiles in the training data.

    Q(z)       the quantile at Φ(z), linear between knots at z = −4, −3.9375, ..., 4; at −4 and 4 the least and greatest
    encode     z = Φ⁻¹(u),  u uniform in [Φ(Q⁻¹(v − h)), Φ(Q⁻¹(v + h))],  h half of the last decimal place of the data
    decode     v = Q(z), rounded to the decimal places of the data

Long tails and values that occur often need no case of their own: the first are drawn in, the second are spread over the
part of the normal distribution that is theirs, so that nothing tells real from generated numbers by their grid.
What comes back is within the range of the training data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganforge.modalities.graph.graphs import Graph

LIMIT, KNOTS = 4.0, 129
MOST_DECIMALS = 6
EDGE = 1e-6


def fitted(name: str, values: np.ndarray) -> dict[str, Any]:
    """What a spec stores of a number: its name, the quantiles, and its decimal places (None: any).

    Args:
        values: float64 [n], n > 0, finite.
    """
    z = torch.linspace(-LIMIT, LIMIT, KNOTS, dtype=torch.float64)
    knots = np.quantile(values, torch.special.ndtr(z).numpy())
    knots[0], knots[-1] = values.min(), values.max()
    places = range(MOST_DECIMALS + 1)
    decimals = next((d for d in places if np.allclose(np.round(values, d), values, rtol=1e-9, atol=0)), None)
    return {"name": name, "knots": np.maximum.accumulate(knots).tolist(), "decimals": decimals}


def of_graphs(graphs: Sequence[Graph]) -> dict[str, Any]:
    """What a spec stores of the numbers of graphs, if there are any: of edges the first is `weight`, further ones are
    `edge_attributes`, and those of nodes `attributes`."""
    found: dict[str, Any] = {}
    for name in graphs[0].edge_numbers:
        values = np.concatenate([graph.edge_numbers[name] for graph in graphs])
        one = fitted(name, values if len(values) else np.ones(1))
        if "weight" in found:
            found.setdefault("edge_attributes", []).append(one)
        else:
            found["weight"] = one
    columns = [
        (name, np.concatenate([graph.node_numbers[name] for graph in graphs])) for name in graphs[0].node_numbers
    ]
    if columns:
        found["attributes"] = [fitted(name, values) for name, values in columns]
    return found


def to_normal(values: Tensor, scale: Mapping[str, Any], uniform: Tensor) -> Tensor:
    """Numbers as standard normal ones, of the same shape; `uniform` draws in [0, 1) spread those that are equal."""
    knots = torch.tensor(scale["knots"], dtype=values.dtype, device=values.device)
    half = 0.0 if scale["decimals"] is None else 0.5 * 10.0 ** -scale["decimals"]
    low = torch.special.ndtr(_inverse(values - half, knots, first=True))
    high = torch.special.ndtr(_inverse(values + half, knots, first=False))
    return torch.special.ndtri((low + uniform * (high - low)).clamp(EDGE, 1 - EDGE))


def _inverse(values: Tensor, knots: Tensor, first: bool) -> Tensor:
    """The first or the last z at which Q(z) is a value; the ends for values beyond them."""
    place = torch.searchsorted(knots, values.contiguous(), right=not first)
    right = place.clamp(1, KNOTS - 1)
    below, above = knots[right - 1], knots[right]
    share = ((values - below) / (above - below)).nan_to_num(0.0, 1.0, 0.0).clamp(0, 1)
    z = (right - 1 + share) * (2 * LIMIT / (KNOTS - 1)) - LIMIT
    return torch.where(place == 0, -LIMIT, torch.where(place == KNOTS, LIMIT, z))


def from_normal(z: Tensor, scale: Mapping[str, Any]) -> np.ndarray:
    """Standard normal numbers as those of the data, float64 of the same shape."""
    places = (np.clip(z.double().numpy(), -LIMIT, LIMIT) + LIMIT) * ((KNOTS - 1) / (2 * LIMIT))
    return rounded(np.interp(places, np.arange(KNOTS), scale["knots"]), scale)


def rounded(values: np.ndarray, scale: Mapping[str, Any]) -> np.ndarray:
    """Float64 numbers with the decimal places of the data, within its range."""
    decimals = scale["decimals"]
    values = values if decimals is None else np.round(values, decimals)
    return np.clip(values, scale["knots"][0], scale["knots"][-1])
