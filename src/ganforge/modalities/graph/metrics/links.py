"""Edges that generated networks share with the training network, and whether they foretell edges that were held back.

edge_overlap        mean share of the edges of a generated network that are edges of the training network
link_auc            chance that a held-back edge is in more of the generated networks than a pair that is no edge; equal
                    numbers count half
link_direction_auc  with directions, chance that a held-back edge a → b is in more of them than b → a, if that is no
                    edge; equal numbers count half
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from ganforge.core.language import phrase
from ganforge.metrics.base import Comparison, Meaning, Metric, Result
from ganforge.modalities.graph.metrics.degrees import real_edges

FEW = 10


def keys(edges: np.ndarray, nodes: int, directed: bool = False) -> np.ndarray:
    """One number for each pair of nodes, whatever their order unless they are directed."""
    edges = edges.astype(np.int64)
    if directed:
        return edges[..., 0] * nodes + edges[..., 1]
    return edges.min(-1) * nodes + edges.max(-1)


def auc(positive: np.ndarray, negative: np.ndarray) -> float:
    """Chance that one of the positive scores is higher than one of the negative ones."""
    ordered = np.sort(negative)
    below, upto = np.searchsorted(ordered, positive, "left"), np.searchsorted(ordered, positive, "right")
    return float((below + upto).mean() / 2 / len(negative))


class EdgeOverlap(Metric, kind="edge_overlap"):
    """The share of generated edges that are edges of the training network."""

    signals: ClassVar[tuple[str, ...]] = ("network",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "edge_overlap": Meaning("Share of generated edges that are in the training network.", "near", 0.5)
    }

    def compute(self, comparison: Comparison) -> list[Result]:
        nodes, n = comparison.facts["nodes"], comparison.count("fake", self.n)
        directed = comparison.facts.get("directed", False)
        real = keys(real_edges(comparison), nodes, directed)
        made = [keys(one, nodes, directed) for part in comparison.batches("fake", n) for one in part]
        shares = [np.isin(one, real).mean() for one in made]
        chance = len(real) / (nodes * (nodes - 1) / (1 if directed else 2))
        detail = {"chance": chance, "notes": [phrase("of edges at random {share:.2%}", share=chance)]}
        return [Result(f"edge_overlap[{n}]", float(np.mean(shares)), comparison.protocol(n), detail)]


class LinkAuc(Metric, kind="link_auc"):
    """How well the edges of generated networks foretell edges that were held back from training."""

    signals: ClassVar[tuple[str, ...]] = ("network",)
    needs: ClassVar[frozenset[str]] = frozenset({"heldout"})
    values: ClassVar[Mapping[str, Meaning]] = {
        "link_auc": Meaning("Chance that a held-back edge scores higher than no edge.", "higher", 1),
        "link_direction_auc": Meaning("Chance that a held-back edge scores higher than its reverse.", "higher", 1),
    }

    def compute(self, comparison: Comparison) -> list[Result]:
        nodes, n = comparison.facts["nodes"], comparison.count("fake", self.n)
        directed = comparison.facts.get("directed", False)
        edges = real_edges(comparison, "heldout")
        real, held = (keys(one, nodes, directed) for one in (real_edges(comparison), edges))
        there = np.concatenate([real, held])
        pairs = comparison.draws("link_auc").integers(nodes, size=(max(FEW, 4 * len(held)) * 2, 2))
        pairs = keys(pairs[pairs[:, 0] != pairs[:, 1]], nodes, directed)
        others = np.unique(pairs[~np.isin(pairs, there)])
        back = keys(edges[:, ::-1], nodes, directed)
        asked = np.concatenate([held, others, back])
        counts = np.zeros(len(asked))
        for part in comparison.batches("fake", n):
            for one in part:
                counts += np.isin(asked, keys(one, nodes, directed))
        of_held, of_others, of_back = np.split(counts, [len(held), len(held) + len(others)])
        protocol = comparison.protocol(n) | {"held": len(held), "no edges": len(others)}
        results = [Result(f"link_auc[{n}]", auc(of_held, of_others), protocol)]
        one_way = ~np.isin(back, there)
        if directed and one_way.any():
            first, second = of_held[one_way], of_back[one_way]
            value = float(((first > second) + 0.5 * (first == second)).mean())
            protocol = comparison.protocol(n) | {"held": int(one_way.sum())}
            results.append(Result(f"link_direction_auc[{n}]", value, protocol))
        return results
