"""Mode coverage: which classes a model makes at all, and how evenly, by the classifier that the extractor has.

Metz et al. 2017, "Unrolled Generative Adversarial Networks"; Srivastava et al. 2017 (VEEGAN); Lin et al. 2018 (PacGAN).

    modes      = classes that at least one sample is taken for
    reverse KL = Σ_k q_k log(q_k / p_k), q the shares of the classes among generated samples, p among real ones

The expectation of the reverse KL for N samples of the truth is about (K − 1) / 2N. K: classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from ganforge.metrics.base import Comparison, Meaning, Metric, Result, short_count
from ganforge.metrics.statistics import relative_entropy


def shares(probabilities: np.ndarray) -> np.ndarray:
    """The share of each class among the likeliest ones of p [N, K], float64 [K]."""
    return np.bincount(probabilities.argmax(1), minlength=probabilities.shape[1]) / len(probabilities)


class ModeCoverage(Metric, kind="modes"):
    """How many classes the model makes, and how far their shares are from those of the real samples."""

    needs: ClassVar[frozenset[str]] = frozenset({"probabilities"})
    signals: ClassVar[tuple[str, ...]] = ("*",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "modes": Meaning("Number of the data's classes that are generated at all.", "higher"),
        "mode_kl": Meaning("How far the shares of the classes are from those of the reals.", "lower", 0),
    }

    def compute(self, comparison: Comparison) -> list[Result]:
        n = comparison.count("fake", self.n)
        q, p = shares(comparison.probabilities("fake", n)), shares(comparison.probabilities("real"))
        known = p > 0  # a class that the classifier finds in no real sample is no mode
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
