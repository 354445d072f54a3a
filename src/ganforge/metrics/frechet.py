"""The Fréchet distance between two Gaussians that have the moments of the features.

Heusel et al. 2017, "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium"; the distance
is Dowson & Landau 1982:

    FD = ‖μ₁ − μ₂‖² + tr Σ₁ + tr Σ₂ − 2 tr (Σ₁Σ₂)^½

With Σᵢ = FᵢFᵢᵀ, the last trace is the sum of the singular values of F₁ᵀF₂. The factors are from a pivoted Cholesky
decomposition, which also exists for singular Σ (fewer samples than features), with rank(Σ) columns. So there is no
matrix square root, no complex number, and no constant added to the diagonal.

The intra-class distance is its mean over the classes (Miyato & Koyama 2018, "cGANs with Projection Discriminator").

D: dimension of the features, μ [D], Σ [D, D], F [D, rank].
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from ganforge.core.errors import UserError
from ganforge.core.language import phrase
from ganforge.metrics.base import Comparison, Meaning, Metric, Result, short_count
from ganforge.metrics.statistics import Moments, moments

BLOCK = 64
"""Columns of a factor between two updates of the whole matrix, which as products of matrices are fast."""


def frechet_distance(a: Moments, b: Moments) -> float:
    """The distance of two sets of features. 0 for equal moments; in squared units of the features.

    Raises:
        UserError: either has fewer than two samples.
    """
    for found in (a, b):
        if found.n < 2:
            raise UserError(
                f"a Fréchet distance needs at least 2 samples of each side, but there is {found.n}",
                code="metric.too_few_samples",
            )
    first, second = a.covariance, b.covariance
    apart = float(((a.mean - b.mean) ** 2).sum())
    shared = float(_singular_values(_factor(first).T @ _factor(second)).sum())
    return max(0.0, apart + float(np.trace(first)) + float(np.trace(second)) - 2 * shared)


def _factor(covariance: np.ndarray) -> np.ndarray:
    """F [D, rank] with FFᵀ = Σ up to rounding."""
    dim = len(covariance)
    rest = covariance.copy()  # Σ less what the columns of earlier blocks explain
    factor = np.zeros((dim, dim))
    left = np.diag(covariance).copy()  # the diagonal of Σ - FFᵀ
    rounding = dim * np.finfo(np.float64).eps * left.max(initial=0.0)
    done = np.zeros(dim, bool)
    for k in range(dim):
        pivot = int(np.argmax(left))
        if left[pivot] <= rounding:
            return factor[:, :k]
        start = k - k % BLOCK
        if k == start and k:
            rest -= factor[:, k - BLOCK : k] @ factor[:, k - BLOCK : k].T
        column = rest[pivot] - factor[:, start:k] @ factor[pivot, start:k]
        column[done] = 0.0  # a row that was a pivot is explained already
        factor[:, k] = column / np.sqrt(left[pivot])
        left -= factor[:, k] ** 2
        left[pivot], done[pivot] = -np.inf, True
    return factor


def _singular_values(matrix: np.ndarray) -> np.ndarray:
    return np.linalg.svd(matrix, compute_uv=False) if matrix.size else np.zeros(0)


def notes_on_size(dim: int, **counts: int) -> list[str]:
    """Warnings about fewer samples than features."""
    return [
        phrase(
            "{name}={n:,} is below the feature dimension {dim:,}: the covariance is singular and the distance too "
            "large",
            name=name,
            n=n,
            dim=dim,
        )
        for name, n in counts.items()
        if n <= dim
    ]


class FrechetDistance(Metric, kind="fd"):
    """Fréchet distance between features of real and generated samples; with TensorFlow Inception features it is FID."""

    needs: ClassVar[frozenset[str]] = frozenset({"moments"})
    signals: ClassVar[tuple[str, ...]] = ("*",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "fd": Meaning(
            "Distance between the distributions of fakes and reals, in the extractor's features.", "lower", 0
        ),
    }
    label: ClassVar[str] = "fd"

    def compute(self, comparison: Comparison) -> list[Result]:
        n = comparison.count("fake", self.n)
        real, fake = comparison.moments("real"), comparison.moments("fake", n)
        notes = notes_on_size(comparison.encoder.dim, n_real=real.n, n_fake=n)
        protocol = comparison.protocol(n, features=True) | {"n_real": real.n}
        name = f"{self.label}{short_count(n)}[{comparison.encoder.tag}]"
        detail = {"notes": notes} if notes else {}
        if (halves := comparison.halves()) is not None:
            floor = frechet_distance(*map(moments, halves))
            detail = {
                "floor": floor,
                "notes": [*notes, phrase("two random halves of the real: {floor:.4g}", floor=floor)],
            }
        return [Result(name, frechet_distance(real, fake), protocol, detail)]


class Fid(FrechetDistance, kind="fid"):
    """Fréchet Inception distance (FID): `fd` with TensorFlow's Inception-v3; an error with any other extractor."""

    values: ClassVar[Mapping[str, Meaning]] = {
        "fid": Meaning("Distance between the distributions of fakes and reals, in Inception's features.", "lower", 0),
    }

    label: ClassVar[str] = "fid"

    def lacks(self, comparison: Comparison) -> str:
        missing = super().lacks(comparison)
        if missing or comparison.encoder.reference:
            return missing
        return (
            "the extractor inception with the standard weights: with any other the distance is called fd "
            f"(fd with {comparison.encoder.tag})"
        )


class IntraClass(Metric, kind="ifd"):
    """Mean over classes of the Fréchet distance within each class; detects a model that confuses classes."""

    needs: ClassVar[frozenset[str]] = frozenset({"features", "labels"})
    signals: ClassVar[tuple[str, ...]] = ("*",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "ifd": Meaning(
            "Like fd, within each class and averaged: detects classes that are generated wrongly.", "lower", 0
        ),
    }

    def compute(self, comparison: Comparison) -> list[Result]:
        n = comparison.count("fake", self.n)
        real, fake = comparison.features("real"), comparison.features("fake", n)
        of_real, of_fake = comparison.labels("real"), comparison.labels("fake", n)
        found, notes, smallest = {}, [], {"n_real": len(real), "n_fake": n}
        for label in np.unique(of_real).tolist():
            name = comparison.classes[label] if label < len(comparison.classes) else str(label)
            mine, theirs = fake[of_fake == label], real[of_real == label]
            if min(len(mine), len(theirs)) < 2:
                notes.append(
                    phrase(
                        "class {name!r} is left out: {real:,} real and {fake:,} generated samples",
                        name=name,
                        real=len(theirs),
                        fake=len(mine),
                    )
                )
                continue
            found[name] = frechet_distance(moments(theirs), moments(mine))
            smallest = {"n_real": min(smallest["n_real"], len(theirs)), "n_fake": min(smallest["n_fake"], len(mine))}
        if not found:
            raise UserError("metric 'ifd': no class has 2 real and 2 generated samples", code="metric.too_few_samples")
        notes += notes_on_size(
            comparison.encoder.dim, **{phrase("smallest class: {name}", name=k): v for k, v in smallest.items()}
        )
        detail = {"per_class": found} | ({"notes": notes} if notes else {})
        value = float(np.mean(list(found.values())))
        name = f"ifd{short_count(n)}[{comparison.encoder.tag}]"
        return [Result(name, value, comparison.protocol(n, features=True), detail)]
