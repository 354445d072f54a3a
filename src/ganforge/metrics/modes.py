"""Mode coverage: which classes a model generates, and how evenly, according to the extractor's classifier.

Metz et al. 2017, "Unrolled Generative Adversarial Networks"; Srivastava et al. 2017 (VEEGAN); Lin et al. 2018 (PacGAN).

    modes      = number of classes predicted for at least one sample
    reverse KL = Σ_k q_k log(q_k / p_k), q: class frequencies of generated samples, p: of real ones

For N samples from the true distribution, the expected reverse KL is about (K − 1) / 2N. K: classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from ganforge.metrics.base import Comparison, Meaning, Metric, Result, short_count
from ganforge.metrics.statistics import relative_entropy


def shares(probabilities: np.ndarray) -> np.ndarray:
    """The frequency of each class among the predicted classes of p [N, K], float64 [K]."""
    return np.bincount(probabilities.argmax(1), minlength=probabilities.shape[1]) / len(probabilities)


class ModeCoverage(Metric, kind="modes"):
    """The number of classes that the model generates, and how much their frequencies differ from those of real
    samples."""

    needs: ClassVar[frozenset[str]] = frozenset({"probabilities"})
    signals: ClassVar[tuple[str, ...]] = ("*",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "modes": Meaning("Number of classes of the data that are generated.", "higher"),
        "mode_kl": Meaning("Difference of the class frequencies from those of the reals (reverse KL).", "lower", 0),
    }

    def compute(self, comparison: Comparison) -> list[Result]:
        n = comparison.count("fake", self.n)
        q, p = shares(comparison.probabilities("fake", n)), shares(comparison.probabilities("real"))
        known = p > 0  # a class that is not predicted for any real sample does not count as a mode
        kl = float(relative_entropy(q[known] / max(q[known].sum(), 1e-12), p[known]))
        protocol = comparison.protocol(n, features=True) | {"classes": len(p), "modes_real": int(known.sum())}
        names = comparison.encoder.classes
        per_class = {name: {"real": float(a), "fake": float(b)} for name, a, b in zip(names, p, q, strict=True)}
        detail = {"of": int(known.sum()), "per_class": per_class if len(p) <= 100 else {}}
        chance = {"by_chance": (int(known.sum()) - 1) / (2 * n), "outside": float(q[~known].sum())}
        end = f"{short_count(n)}[{comparison.encoder.tag}]"
        return [
            Result(f"modes{end}", float((q[known] > 0).sum()), protocol, detail),
            Result(f"mode-kl{end}", kl, protocol, chance),
        ]
