"""How far the degrees of generated networks are from those of the real one.

    network_out_degree, network_in_degree = max_d |F(d) − F′(d)|, the shares of nodes with at most d edges that leave or
    enter them (Kolmogorov and Smirnov); without directions network_degree

Beside it stands the same of real nodes that are drawn again, with replacement, as many as there are (`floor`), and of
a network of as many edges anywhere (`chance`).

V nodes, E edges.  edges int [E, 2], each once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from ganforge.core.language import phrase
from ganforge.core.rng import seed_of
from ganforge.metrics.base import Comparison, Meaning, Metric, Result

DRAWN_AGAIN = 20


def real_edges(comparison: Comparison, side: str = "real") -> np.ndarray:
    """The edges of the real network, int [E, 2], without directions if the model knows none."""
    edges = comparison.samples(side)[0]
    return edges if comparison.facts.get("directed", False) else np.unique(np.sort(edges, 1), axis=0)


def of_nodes(nodes: int, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Out-degrees and in-degrees, float64 [V]."""
    leaving, entering = (np.bincount(edges[:, side], minlength=nodes).astype(float) for side in (0, 1))
    return leaving, entering


def anywhere(nodes: int, edges: int, directed: bool) -> np.ndarray:
    """A random network with this number of edges, int [E, 2]; the same each time."""
    rng = np.random.default_rng(seed_of("edges anywhere"))
    found = np.zeros((0, 2), np.int64)
    while len(found) < edges:
        more = rng.integers(nodes, size=(2 * edges, 2))
        more = more[more[:, 0] != more[:, 1]]
        found = np.unique(np.concatenate([found, more if directed else np.sort(more, 1)]), axis=0)
    return found[np.sort(rng.permutation(len(found))[:edges])]


def apart(one: np.ndarray, other: np.ndarray) -> float:
    """The largest difference of the shares of nodes with at most d edges."""
    most = int(max(one.max(), other.max())) + 1
    shares = [np.bincount(values.astype(int), minlength=most).cumsum() / len(values) for values in (one, other)]
    return float(np.abs(shares[0] - shares[1]).max())


class NetworkDegrees(Metric, kind="network_degrees"):
    """How far the degrees of generated networks are from those of the real one; out-degrees and in-degrees, if it is
    directed."""

    signals: ClassVar[tuple[str, ...]] = ("network",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "network_degree": Meaning("Greatest difference of the shares of nodes with at most d edges.", "lower", 0),
        "network_out_degree": Meaning(
            "Greatest difference of the shares of nodes that at most d edges leave.", "lower", 0
        ),
        "network_in_degree": Meaning(
            "Greatest difference of the shares of nodes that at most d edges enter.", "lower", 0
        ),
    }

    def compute(self, comparison: Comparison) -> list[Result]:
        nodes, directed = comparison.facts["nodes"], comparison.facts.get("directed", False)
        names = ("network_out_degree", "network_in_degree") if directed else ("network_degree",)

        def counted(edges: np.ndarray) -> tuple[np.ndarray, ...]:
            sides = of_nodes(nodes, edges)
            return sides if directed else (sides[0] + sides[1],)

        edges, n = real_edges(comparison), comparison.count("fake", self.n)
        real, random = counted(edges), counted(anywhere(nodes, len(edges), directed))
        made = [counted(sample) for part in comparison.batches("fake", n) for sample in part]
        rng = np.random.default_rng(seed_of("nodes drawn again"))
        results = []
        for k, name in enumerate(names):
            values = [apart(one[k], real[k]) for one in made]
            floor = float(np.mean([apart(rng.choice(real[k], nodes), real[k]) for _ in range(DRAWN_AGAIN)]))
            chance = apart(random[k], real[k])
            note = phrase("real nodes drawn again {floor:.3g}; edges anywhere {chance:.3g}", floor=floor, chance=chance)
            detail = {"floor": floor, "chance": chance, "notes": [note]}
            results.append(Result(f"{name}[{n}]", float(np.mean(values)), comparison.protocol(n), detail))
        return results
