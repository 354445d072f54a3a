"""Adversarial losses that are computed for each sample independently.

Goodfellow et al. 2014, "Generative Adversarial Nets": D classifies real and fake with cross-entropy, G is trained to
have its samples classified as real. With D(x) = sigmoid(logit of x):

    D minimizes                    −log D(x) − log(1 − D(G(z)))
    G minimizes, in the minimax      log(1 − D(G(z)))
    G minimizes, non-saturating     −log D(G(z))

One-sided label smoothing (Salimans et al. 2016) replaces D's target 1 for real samples by 1 − s. Everything is computed
from logits, as log D = −softplus(−logit) and log(1 − D) = −softplus(logit), which is numerically stable.

The other losses use the logits r of reals and f of fakes directly:

    least squares    D: ½(r − b)² + ½(f − a)²               G: ½(f − c)²     Mao et al. 2017
    Wasserstein      D: f − r                               G: −f            Arjovsky et al. 2017
    hinge            D: max(0, 1 − r) + max(0, 1 + f)       G: −f            Lim & Ye 2017; Tran et al. 2017

r, f and losses: [N].
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from torch import Tensor
from torch.nn.functional import logsigmoid, relu, softplus

from ganforge.losses.base import Objective

EDGE = 1e-4
"""Shares of real samples are kept this far from 0 and 1 where they are computed from logits that can exceed them."""


def cross_entropy(real: Tensor, fake: Tensor, smoothing: float) -> Tensor:
    """D's cross-entropy [N] with the target 1 − smoothing for reals and 0 for fakes."""
    # BCE(l, t) = t·softplus(−l) + (1 − t)·softplus(l) = softplus(−l) + (1 − t)·l
    return softplus(-real) + smoothing * real + softplus(fake)


def smoothed_log_ratio(logits: Tensor, smoothing: float) -> Tensor:
    """log(p / q) [N] for the D that minimizes `cross_entropy`: sigmoid(logit) = (1 − s) p / (p + q), so that
    p / q = D / (1 − s − D). Values of D above 1 − s, which the best D never has, count as just below it."""
    if not smoothing:
        return logits
    return logsigmoid(logits) - (1 - smoothing - logits.sigmoid()).clamp(min=EDGE).log()


class Minimax(Objective, kind="minimax"):
    """The original minimax loss: G minimizes log(1 − D(G(z))), whose gradient vanishes while D is confident."""

    estimates_ratio: ClassVar[bool] = True

    smoothing: float = Field(default=0.0, ge=0, lt=1)
    """One-sided label smoothing, in [0, 1): D's target for real samples is 1 − smoothing; 0.1 prevents
    overconfidence."""

    def d(self, real: Tensor, fake: Tensor) -> Tensor:
        return cross_entropy(real, fake, self.smoothing)

    def g(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return -softplus(fake)

    def log_ratio(self, logits: Tensor) -> Tensor:
        return smoothed_log_ratio(logits, self.smoothing)


class NonSaturating(Objective, kind="non_saturating"):
    """The non-saturating loss: G maximizes log D(G(z)), with strong gradients even while D is confident."""

    estimates_ratio: ClassVar[bool] = True

    smoothing: float = Field(default=0.0, ge=0, lt=1)
    """One-sided label smoothing, in [0, 1): D's target for real samples is 1 − smoothing; 0.1 prevents
    overconfidence."""

    def d(self, real: Tensor, fake: Tensor) -> Tensor:
        return cross_entropy(real, fake, self.smoothing)

    def g(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return softplus(-fake)

    def log_ratio(self, logits: Tensor) -> Tensor:
        return smoothed_log_ratio(logits, self.smoothing)


class LeastSquares(Objective, kind="least_squares"):
    """Least squares (LSGAN): the squared distance of the logits to a target; logits far beyond it are also
    penalized."""

    estimates_ratio: ClassVar[bool] = True

    a: float = 0.0
    """Target of D for the logits of fakes."""
    b: float = 1.0
    """Target of D for the logits of real samples; 0.9 is one-sided label smoothing."""
    c: float = 1.0
    """Target of G for D's logits of fakes. The paper's other choice (a, b, c) = (−1, 1, 0) minimizes Pearson's χ²."""

    def d(self, real: Tensor, fake: Tensor) -> Tensor:
        return 0.5 * (real - self.b).square() + 0.5 * (fake - self.a).square()

    def g(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return 0.5 * (fake - self.c).square()

    def log_ratio(self, logits: Tensor) -> Tensor:
        # The best D is (b p + a q) / (p + q).
        share = ((logits - self.a) / (self.b - self.a)).clamp(EDGE, 1 - EDGE)
        return share.log() - (1 - share).log()


class Wasserstein(Objective, kind="wasserstein"):
    """Wasserstein loss (WGAN). D must be Lipschitz: use weight clamping, a gradient penalty or spectral norm."""

    def d(self, real: Tensor, fake: Tensor) -> Tensor:
        return fake - real

    def g(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return -fake


class Hinge(Objective, kind="hinge"):
    """Hinge loss: no loss of D for samples beyond a margin of 1; G maximizes the logits of fakes."""

    def d(self, real: Tensor, fake: Tensor) -> Tensor:
        return relu(1 - real) + relu(1 + fake)

    def g(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return -fake
