"""Precision and recall, density and coverage: quality and variety as two numbers instead of one.

Around each sample is a ball that reaches to its k-th nearest neighbor on its own side.

Kynkäänniemi et al. 2019, "Improved Precision and Recall Metric for Assessing Generative Models", k = 3:
    precision = share of generated samples that lie in the ball of a real one
    recall    = share of real samples that lie in the ball of a generated one

Naeem et al. 2020, "Reliable Fidelity and Diversity Metrics for Generative Models", k = 5, real balls alone, which one
outlier among the generated samples cannot blow up:
    density   = balls that a generated sample lies in, on average, over k; 1 for the real distribution, may be above
    coverage  = share of real balls that hold a generated sample
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from pydantic import Field

from ganforge.core.errors import UserError
from ganforge.metrics.base import Comparison, Meaning, Metric, Progress, Result, short_count, silent
from ganforge.metrics.neighbors import balls, radii

MAX_REAL = 10_000
"""Real samples that are looked at, or as many as there are fakes: time grows with the square of their number."""


def precision_recall(
    real: np.ndarray, fake: np.ndarray, k: int, device: torch.device, progress: Progress = silent
) -> tuple[float, float]:
    """Of features real [N, D] and fake [M, D], N, M > k."""
    precise, _ = balls(real, _reach(real, k, device, progress, "real"), fake, device, _part(progress, "precision"))
    recalled, _ = balls(fake, _reach(fake, k, device, progress, "generated"), real, device, _part(progress, "recall"))
    return float((precise > 0).mean()), float((recalled > 0).mean())


def density_coverage(
    real: np.ndarray, fake: np.ndarray, k: int, device: torch.device, progress: Progress = silent
) -> tuple[float, float]:
    """Of features real [N, D] and fake [M, D], N > k."""
    reach = _reach(real, k, device, progress, "real")
    counts, occupied = balls(real, reach, fake, device, _part(progress, "density and coverage"))
    return float(counts.mean() / k), float(occupied.mean())


def _reach(x: np.ndarray, k: int, device: torch.device, progress: Progress, which: str) -> np.ndarray:
    if len(x) <= k:
        raise UserError(
            f"neighborhoods up to neighbor {k} need more than {k} {which} samples, but there are {len(x)}",
            code="metric.too_few_samples",
        )
    return radii(x, k, device, _part(progress, f"neighbors among {which} samples"))


def _part(progress: Progress, title: str):
    return lambda done, total: progress(title, done, total)


class PrecisionRecall(Metric, kind="pr"):
    """Precision and recall: how many generated samples could be real, and how many real ones could be generated."""

    needs: ClassVar[frozenset[str]] = frozenset({"features"})
    signals: ClassVar[tuple[str, ...]] = ("*",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "precision": Meaning("Share of fakes that lie where reals do: quality.", "higher", 1),
        "recall": Meaning("Share of reals that lie where fakes do: variety.", "higher", 1),
    }
    k: int = Field(default=3, ge=1)
    """A ball reaches to its k-th nearest neighbor."""

    def compute(self, comparison: Comparison) -> list[Result]:
        return _results(comparison, self.n, self.k, ("precision", "recall"), precision_recall)


class DensityCoverage(Metric, kind="dc"):
    """Density and coverage: how thick generated samples lie where real ones are, and how many real ones they reach."""

    needs: ClassVar[frozenset[str]] = frozenset({"features"})
    signals: ClassVar[tuple[str, ...]] = ("*",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "density": Meaning("How densely fakes lie among reals: quality. 1 for reals; it may be above 1.", "higher"),
        "coverage": Meaning("Share of reals that have a fake next to them: variety.", "higher", 1),
    }
    k: int = Field(default=5, ge=1)
    """A ball reaches to its k-th nearest neighbor."""

    def compute(self, comparison: Comparison) -> list[Result]:
        return _results(comparison, self.n, self.k, ("density", "coverage"), density_coverage)


class Prdc(Metric, kind="prdc"):
    """Precision, recall, density and coverage together, each with the k of its paper."""

    needs: ClassVar[frozenset[str]] = frozenset({"features"})
    signals: ClassVar[tuple[str, ...]] = ("*",)
    values: ClassVar[Mapping[str, Meaning]] = {**PrecisionRecall.values, **DensityCoverage.values}

    def compute(self, comparison: Comparison) -> list[Result]:
        return PrecisionRecall(n=self.n).compute(comparison) + DensityCoverage(n=self.n).compute(comparison)


def _results(comparison: Comparison, n: int | None, k: int, names: tuple[str, str], figures) -> list[Result]:
    n = comparison.count("fake", n)
    real, fake = comparison.features("real"), comparison.features("fake", n)
    most = max(n, MAX_REAL)
    if len(real) > most:  # spread evenly: a folder's classes come one after the other
        real = real[np.linspace(0, len(real) - 1, most).round().astype(np.int64)]
    values = figures(real, fake, k, comparison.device, comparison.progress)
    protocol = comparison.protocol(n, features=True) | {"n_real": len(real), "k": k}
    end = f"{short_count(n)}[{comparison.encoder.tag}]"
    return [Result(f"{name}{end}", value, protocol) for name, value in zip(names, values, strict=True)]
