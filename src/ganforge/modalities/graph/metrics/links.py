"""Edges that generated networks share with the training network, and whether they foretell edges that were held back.

edge_overlap   mean share of the edges of a generated network that are edges of the training network
link_auc       chance that a held-back edge is in more of the generated networks than a pair that is no edge; equal
               numbers count half
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from ganforge.core.language import phrase
from ganforge.metrics.base import Comparison, Meaning, Metric, Result

FEW = 10


def keys(edges: np.ndarray, nodes: int) -> np.ndarray:
    """One number for each pair of nodes, whatever their order."""
    edges = edges.astype(np.int64)
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
        real = keys(comparison.samples("real")[0], nodes)
        shares = [np.isin(keys(one, nodes), real).mean() for part in comparison.batches("fake", n) for one in part]
        chance = len(real) / (nodes * (nodes - 1) / 2)
        detail = {"chance": chance, "notes": [phrase("of edges at random {share:.2%}", share=chance)]}
        return [Result(f"edge_overlap[{n}]", float(np.mean(shares)), comparison.protocol(n), detail)]


class LinkAuc(Metric, kind="link_auc"):
    """How well the edges of generated networks foretell edges that were held back from training."""

    signals: ClassVar[tuple[str, ...]] = ("network",)
    needs: ClassVar[frozenset[str]] = frozenset({"heldout"})
    values: ClassVar[Mapping[str, Meaning]] = {
        "link_auc": Meaning("Chance that a held-back edge scores higher than no edge.", "higher", 1)
    }

    def compute(self, comparison: Comparison) -> list[Result]:
        nodes, n = comparison.facts["nodes"], comparison.count("fake", self.n)
        real, held = (keys(comparison.samples(side)[0], nodes) for side in ("real", "heldout"))
        draws = comparison.draws("link_auc")
        pairs = draws.integers(nodes, size=(max(FEW, 4 * len(held)) * 2, 2))
        pairs = keys(pairs[pairs[:, 0] != pairs[:, 1]], nodes)
        others = np.unique(pairs[~np.isin(pairs, np.concatenate([real, held]))])
        counts, asked = np.zeros(len(held) + len(others)), np.concatenate([held, others])
        for part in comparison.batches("fake", n):
            for one in part:
                counts += np.isin(asked, keys(one, nodes))
        value = auc(counts[: len(held)], counts[len(held) :])
        protocol = comparison.protocol(n) | {"held": len(held), "no edges": len(others)}
        return [Result(f"link_auc[{n}]", value, protocol)]
