"""Statistics of a network beside those of the real one, as NetGAN's table has them (Bojchevski et al. 2018).

    max_degree       of any node
    assortativity    correlation of the degrees at the two ends of edges
    triangles        how many
    power_law        exponent 1 + n / Σ ln(d / d_min) of the degrees d of nodes with edges, d_min the smallest
    gini             of the degrees of nodes with edges: 0 if all are equal
    clustering       3 · triangles / pairs of edges that share a node
    path_length      mean number of steps between nodes of the largest component, from 64 of them to all

Given as the ratio of the mean over generated networks to the value of the real one; correlations and shares as a
difference. A ratio to nothing is left out. Of directed networks other values are counted (`directed`), beside those of
a network of as many edges anywhere.

E edges.  edges int [E, 2], each once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from ganforge.core.language import phrase
from ganforge.metrics.base import Comparison, Meaning, Metric, Result
from ganforge.modalities.graph.metrics import directed
from ganforge.modalities.graph.metrics.degrees import anywhere, real_edges
from ganforge.modalities.graph.metrics.paths import path_length

TINY = 1e-12
DIFFERENCES = ("assortativity", "reciprocity", "in_out", "cyclic")


def neighbors(nodes: int, edges: np.ndarray) -> list[set[int]]:
    found: list[set[int]] = [set() for _ in range(nodes)]
    for a, b in edges.tolist():
        found[a].add(b)
        found[b].add(a)
    return found


def statistics(nodes: int, edges: np.ndarray) -> dict[str, float]:
    """The seven values of one network."""
    near = neighbors(nodes, edges)
    degrees = np.bincount(edges.ravel(), minlength=nodes).astype(float)
    there = degrees[degrees > 0]
    triangles = sum(len(near[a] & near[b]) for a, b in edges.tolist()) / 3
    wedges = float((degrees * (degrees - 1) / 2).sum())
    ends = degrees[np.concatenate([edges, edges[:, ::-1]])]
    ranks = np.arange(1, len(there) + 1)
    ordered = np.sort(there)
    return {
        "max_degree": float(degrees.max()),
        "assortativity": float(np.corrcoef(ends.T)[0, 1]) if ends.std() > 0 else 0.0,
        "triangles": triangles,
        "power_law": 1 + len(there) / max(TINY, float(np.log(there / there.min()).sum())),
        "gini": float((2 * ranks - len(there) - 1) @ ordered / (len(there) * ordered.sum())),
        "clustering": 3 * triangles / max(TINY, wedges),
        "path_length": path_length(near),
    }


class NetworkStatistics(Metric, kind="network"):
    """Statistics of generated networks, relative to the real one: seven, or nine if it is directed."""

    signals: ClassVar[tuple[str, ...]] = ("network",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "network_max_degree": Meaning("Largest degree, as a multiple of that of the real network.", "near", 1),
        "network_max_out_degree": Meaning("Largest out-degree, as a multiple of the real one.", "near", 1),
        "network_max_in_degree": Meaning("Largest in-degree, as a multiple of the real one.", "near", 1),
        "network_reciprocity": Meaning("Share of edges that go both ways, minus that of the real network.", "near", 0),
        "network_assortativity": Meaning("Assortativity of degrees, minus that of the real network.", "near", 0),
        "network_in_out": Meaning("Correlation of in-degrees and out-degrees, minus the real one.", "near", 0),
        "network_triangles": Meaning("Number of triangles, as a multiple of that of the real network.", "near", 1),
        "network_cyclic": Meaning("Share of cycles among triangles, minus that of the real network.", "near", 0),
        "network_power_law": Meaning("Power-law exponent of degrees, as a multiple of the real one.", "near", 1),
        "network_gini": Meaning("Gini coefficient of degrees, as a multiple of the real one.", "near", 1),
        "network_clustering": Meaning("Clustering coefficient, as a multiple of the real one.", "near", 1),
        "network_path_length": Meaning("Mean path length, as a multiple of the real one.", "near", 1),
    }

    def compute(self, comparison: Comparison) -> list[Result]:
        nodes, has_directions = comparison.facts["nodes"], comparison.facts.get("directed", False)
        of = directed.statistics if has_directions else statistics
        edges = real_edges(comparison)
        real = of(nodes, edges)
        random = of(nodes, anywhere(nodes, len(edges), True)) if has_directions else {}
        n, made = comparison.count("fake", self.n), []
        for part in comparison.batches("fake", n):
            for sample in part:
                made.append(of(nodes, sample))
                comparison.progress("statistics of networks", len(made), n)
        results = []
        for name, known in real.items():
            if not known and name not in DIFFERENCES:
                continue  # no ratio
            values = np.array([one[name] for one in made])
            mean = float(values.mean())
            value = mean - known if name in DIFFERENCES else mean / known
            note = phrase("{mean:.4g} ± {spread:.2g}; the real network {known:.4g}", mean=mean,
                          spread=float(values.std()), known=known)  # fmt: skip
            detail = {"real": known, "mean": mean, "deviation": float(values.std()), "notes": [note]}
            if name in random:
                detail["chance"] = random[name]
                detail["notes"].append(phrase("edges anywhere {chance:.4g}", chance=random[name]))
            results.append(Result(f"network_{name}[{n}]", value, comparison.protocol(n), detail))
        return results
