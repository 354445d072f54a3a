"""Kernel Inception distance: an unbiased estimate of the squared maximum mean discrepancy with a cubic kernel.

Bińkowski et al. 2018, "Demystifying MMD GANs":

    k(x, y) = (xᵀy / D + 1)³
    MMD² = Σ_{i≠j} k(xᵢ, xⱼ) / m(m−1) + Σ_{i≠j} k(yᵢ, yⱼ) / m(m−1) − 2 Σ_{ij} k(xᵢ, yⱼ) / m²

The result is the mean over blocks of m samples drawn from each side, with their standard deviation. Its expectation
does not depend on the number of samples, so it is suitable for small sets; it can be negative.

D: dimension of the features, x, y [m, D].
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from pydantic import Field

from ganforge.core.errors import UserError
from ganforge.core.language import phrase
from ganforge.metrics.base import Comparison, Meaning, Metric, Result, short_count


def squared_mmd(x: np.ndarray, y: np.ndarray) -> float:
    """The unbiased estimate from features x [m, D] and y [n, D], m, n ≥ 2."""
    x, y = x.astype(np.float64, copy=False), y.astype(np.float64, copy=False)
    return _among(x) + _among(y) - 2 * float(_kernel(x, y).mean())


def _kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    k = x @ y.T
    k /= x.shape[1]
    k += 1
    return k * k * k  # numpy's `** 3` is many times slower


def _among(x: np.ndarray) -> float:
    k = _kernel(x, x)
    return float((k.sum() - np.trace(k)) / (len(x) * (len(x) - 1)))


class KernelDistance(Metric, kind="kid"):
    """Kernel distance (KID) between features of real and generated samples; unbiased, suitable for small sets."""

    needs: ClassVar[frozenset[str]] = frozenset({"features"})
    signals: ClassVar[tuple[str, ...]] = ("*",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "kid": Meaning(
            "Squared kernel distance (MMD²), without bias from small samples. Not multiplied by 1,000 or 100, as some "
            "papers do; ± is the spread over the blocks.",
            "lower",
            0,
        ),
    }
    blocks: int = Field(default=100, ge=1)
    """Number of blocks."""
    block: int = Field(default=1000, ge=2)
    """Samples of each side per block; fewer if a side has fewer."""

    def compute(self, comparison: Comparison) -> list[Result]:
        n = comparison.count("fake", self.n)
        real, fake = comparison.features("real"), comparison.features("fake", n)
        size = min(self.block, len(real), n)
        if size < 2:
            raise UserError(
                f"metric 'kid' needs 2 samples of each side; there are {len(real)} real and {n} generated",
                code="metric.too_few_samples",
            )
        whole = size == len(real) == n  # all blocks would be identical
        draws = comparison.draws("kid")
        found = []
        for k in range(1 if whole else self.blocks):
            rows = [draws.choice(total, size, replace=False) for total in (len(real), n)]
            found.append(squared_mmd(real[rows[0]], fake[rows[1]]))
            comparison.progress("kernel distance", k + 1, self.blocks)
        protocol = comparison.protocol(n, features=True) | {"blocks": len(found), "block": size}
        notes = [phrase("blocks of {size}, as there are no more samples", size=size)] if size < self.block else []
        detail = {"sd": float(np.std(found))} | ({"notes": notes} if notes else {})
        return [Result(f"kid{short_count(n)}[{comparison.encoder.tag}]", float(np.mean(found)), protocol, detail)]
