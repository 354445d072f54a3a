"""MMD of degrees, clustering, spectrum and 4-node orbits between generated and real graphs, as multiples of the floor.

    MMD²(X, Y) = mean k(x, x′) + mean k(y, y′) − 2 mean k(x, y)      over all pairs, each with itself too (V-statistic)
    k(x, y)    = exp(−TV(x, y)² / 2σ²),  TV = ½ Σ |x − y|;  σ = 1, of clustering 0.1, of orbits 30      Liao et al. 2019
    beside it    exp(−TV / σ), which is positive definite, at the σ of 0.01 ... 100 where it is greatest

    graph_degree = MMD²(generated, test) / MMD²(training, test), and so on

Values of papers are MMD² by the first kernel, most often called MMD; they are in the detail as `mmd`, the floor as
`floor`. The first kernel is not positive definite in general, and another σ can change the order of models (O'Bray et
al. 2022), so both are given.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from ganforge.core.language import phrase
from ganforge.metrics.base import Comparison, Meaning, Metric, Result
from ganforge.modalities.graph.metrics import sides

SIGMA = {"degree": 1.0, "clustering": 0.1, "spectrum": 1.0, "orbits": 30.0}
RANGE = tuple(10.0**k for k in np.linspace(-2, 2, 17))
TINY = 1e-9


def total_variation(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """½ Σ |x − y| of each pair, [N, M]."""
    return np.stack([np.abs(row - y).sum(1) / 2 for row in x])


def mmd2(xx: np.ndarray, yy: np.ndarray, xy: np.ndarray, sigma: float, squared: bool) -> float:
    """MMD² from total variations within and between the sides."""
    values = [np.exp(-(tv**2) / (2 * sigma**2) if squared else -tv / sigma).mean() for tv in (xx, yy, xy)]
    return float(max(values[0] + values[1] - 2 * values[2], 0.0))


class GraphMmd(Metric, kind="graph_mmd"):
    """Distances of degrees, clustering, spectra and 4-node orbits, as multiples of training to unseen graphs."""

    signals: ClassVar[tuple[str, ...]] = ("graphs",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "graph_degree": Meaning("Distance of degrees, as a multiple of that of real graphs.", "near", 1),
        "graph_clustering": Meaning("Distance of clustering, as a multiple of that of real graphs.", "near", 1),
        "graph_spectrum": Meaning("Distance of spectra, as a multiple of that of real graphs.", "near", 1),
        "graph_orbits": Meaning("Distance of 4-node orbits, as a multiple of that of real graphs.", "near", 1),
    }

    def compute(self, comparison: Comparison) -> list[Result]:
        real, fake = sides.reals(comparison), sides.graphs(comparison, "fake", self.n)
        test, train, how = sides.trio(comparison, self.n)
        counts = comparison.once("graph counts", lambda: sides.counted(real))
        made = sides.counted(fake)
        results = []
        for name, sigma in SIGMA.items():
            rows = sides.padded([*counts[name], *made[name]])
            reference, perfect, generated = rows[test], rows[train], rows[len(real) :]
            within = total_variation(reference, reference)
            pairs = {
                key: (total_variation(one, one), within, total_variation(one, reference))
                for key, one in (("mmd", generated), ("floor", perfect))
            }
            value, floor = (mmd2(*pairs[key], sigma, True) for key in ("mmd", "floor"))
            best = [max(mmd2(*pairs[key], s, False) for s in RANGE) for key in ("mmd", "floor")]
            detail = {
                "mmd": value, "floor": floor, "exp_tv": best[0] / max(best[1], TINY), "sigma": sigma,
                "notes": [
                    phrase("MMD² {value:.3g}; of real graphs {floor:.3g}", value=value, floor=floor),
                    phrase("by exp(−TV/σ): {ratio:.3g} times", ratio=best[0] / max(best[1], TINY)),
                ],
            }  # fmt: skip
            protocol = sides.protocol(comparison, self.n, kernel=f"exp(-TV²/2σ²), σ {sigma:g}", **how)
            results.append(Result(f"graph_{name}[{len(fake)}]", value / max(floor, TINY), protocol, detail))
        return results
