"""Precision and recall, density and coverage: fidelity and diversity as two values instead of one.

Each sample has a ball whose radius is the distance to its k-th nearest neighbor on its own side.

Kynkäänniemi et al. 2019, "Improved Precision and Recall Metric for Assessing Generative Models", k = 3:
    precision = fraction of generated samples in the ball of a real one
    recall    = fraction of real samples in the ball of a generated one

Naeem et al. 2020, "Reliable Fidelity and Diversity Metrics for Generative Models", k = 5, only with balls of real
samples, which is robust to outliers among the generated samples:
    density   = mean number of real balls that contain a generated sample, divided by k; 1 for reals, may be above 1
    coverage  = fraction of real balls that contain a generated sample
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from pydantic import Field

from ganforge.core.errors import UserError
from ganforge.core.language import phrase
from ganforge.metrics.base import Comparison, Meaning, Metric, Progress, Result, short_count, silent
from ganforge.metrics.neighbors import balls, radii

MAX_REAL = 10_000
"""Maximum number of real samples, or the number of fakes if larger: time grows with the square of their number."""


def precision_recall(
    real: np.ndarray, fake: np.ndarray, k: int, device: torch.device, progress: Progress = silent
) -> tuple[float, float]:
    """Precision and recall of features real [N, D] and fake [M, D], N, M > k."""
    precise, _ = balls(real, _reach(real, k, device, progress, "real"), fake, device, _part(progress, "precision"))
    recalled, _ = balls(fake, _reach(fake, k, device, progress, "generated"), real, device, _part(progress, "recall"))
    return float((precise > 0).mean()), float((recalled > 0).mean())


def density_coverage(
    real: np.ndarray, fake: np.ndarray, k: int, device: torch.device, progress: Progress = silent
) -> tuple[float, float]:
    """Density and coverage of features real [N, D] and fake [M, D], N > k."""
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
    """Precision and recall: the fractions of generated samples that look real, and of real samples that could be
    generated."""

    needs: ClassVar[frozenset[str]] = frozenset({"features"})
    signals: ClassVar[tuple[str, ...]] = ("*",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "precision": Meaning("Fraction of fakes close to reals: fidelity.", "higher", 1),
        "recall": Meaning("Fraction of reals close to fakes: diversity.", "higher", 1),
    }
    k: int = Field(default=3, ge=1)
    """The radius of a ball is the distance to the k-th nearest neighbor."""

    def compute(self, comparison: Comparison) -> list[Result]:
        return _results(comparison, self.n, self.k, ("precision", "recall"), precision_recall)


class DensityCoverage(Metric, kind="dc"):
    """Density and coverage: how densely generated samples surround real ones, and the fraction of real samples near a
    generated one."""

    needs: ClassVar[frozenset[str]] = frozenset({"features"})
    signals: ClassVar[tuple[str, ...]] = ("*",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "density": Meaning("How densely fakes lie among reals: fidelity. 1 for reals; may be above 1.", "higher"),
        "coverage": Meaning("Fraction of reals with a fake nearby: diversity.", "higher", 1),
    }
    k: int = Field(default=5, ge=1)
    """The radius of a ball is the distance to the k-th nearest neighbor."""

    def compute(self, comparison: Comparison) -> list[Result]:
        return _results(comparison, self.n, self.k, ("density", "coverage"), density_coverage)


class Prdc(Metric, kind="prdc"):
    """Precision, recall, density and coverage together, each with the k of its paper."""

    needs: ClassVar[frozenset[str]] = frozenset({"features"})
    signals: ClassVar[tuple[str, ...]] = ("*",)
    values: ClassVar[Mapping[str, Meaning]] = {**PrecisionRecall.values, **DensityCoverage.values}

    def compute(self, comparison: Comparison) -> list[Result]:
        return PrecisionRecall(n=self.n).compute(comparison) + DensityCoverage(n=self.n).compute(comparison)


def _results(comparison: Comparison, n: int | None, k: int, names: tuple[str, str], measure) -> list[Result]:
    n = comparison.count("fake", n)
    real, fake = comparison.features("real"), comparison.features("fake", n)
    most = max(n, MAX_REAL)
    if len(real) > most:  # evenly spaced, since data is often sorted by class
        real = real[np.linspace(0, len(real) - 1, most).round().astype(np.int64)]
    values = measure(real, fake, k, comparison.device, comparison.progress)
    protocol = comparison.protocol(n, features=True) | {"n_real": len(real), "k": k}
    end = f"{short_count(n)}[{comparison.encoder.tag}]"
    details: list[dict] = [{}, {}]
    if (halves := comparison.halves()) is not None:
        floors = measure(*halves, k, comparison.device)
        details = [
            {"floor": floor, "notes": [phrase("two random halves of the real: {floor:.4g}", floor=floor)]}
            for floor in floors
        ]
    return [
        Result(f"{name}{end}", value, protocol, detail)
        for name, value, detail in zip(names, values, details, strict=True)
    ]
