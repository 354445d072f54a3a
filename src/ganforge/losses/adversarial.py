"""The games in which each sample has a loss of its own.

Goodfellow et al. 2014, "Generative Adversarial Nets": D tells real from fake by cross-entropy, G wants to be taken for
real. With D(x) = sigmoid(logit of x):

    D minimizes                    −log D(x) − log(1 − D(G(z)))
    G minimizes, in the minimax      log(1 − D(G(z)))
    G minimizes, non-saturating     −log D(G(z))

One-sided label smoothing (Salimans et al. 2016) asks of D only 1 − s for a real sample. All in logits, where
log D = −softplus(−logit) and log(1 − D) = −softplus(logit), which neither overflow nor lose digits.

The others work on the logits r of reals and f of fakes themselves:

    least squares    D: ½(r − b)² + ½(f − a)²               G: ½(f − c)²     Mao et al. 2017
    Wasserstein      D: f − r                               G: −f            Arjovsky et al. 2017
    hinge            D: max(0, 1 − r) + max(0, 1 + f)       G: −f            Lim & Ye 2017; Tran et al. 2017

r, f and losses: [N].
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor
from torch.nn.functional import relu, softplus

from ganforge.losses.base import Objective


def cross_entropy(real: Tensor, fake: Tensor, smoothing: float) -> Tensor:
    """D's cross-entropy [N] with the target 1 − smoothing for reals and 0 for fakes."""
    # BCE(l, t) = t·softplus(−l) + (1 − t)·softplus(l) = softplus(−l) + (1 − t)·l
    return softplus(-real) + smoothing * real + softplus(fake)


class Minimax(Objective, kind="minimax"):
    """The original zero-sum game: G minimizes log(1 − D(G(z))), which saturates while D is confident."""

    smoothing: float = Field(default=0.0, ge=0, lt=1)
    """One-sided label smoothing: D aims at 1 − smoothing for real samples; 0.1 prevents overconfidence."""

    def d(self, real: Tensor, fake: Tensor) -> Tensor:
        return cross_entropy(real, fake, self.smoothing)

    def g(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return -softplus(fake)


class NonSaturating(Objective, kind="non_saturating"):
    """G maximizes log D(G(z)) instead: the same fixed point, and a strong gradient where D is confident."""

    smoothing: float = Field(default=0.0, ge=0, lt=1)
    """One-sided label smoothing: D aims at 1 − smoothing for real samples; 0.1 prevents overconfidence."""

    def d(self, real: Tensor, fake: Tensor) -> Tensor:
        return cross_entropy(real, fake, self.smoothing)

    def g(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return softplus(-fake)


class LeastSquares(Objective, kind="least_squares"):
    """Squared distance of the logits to targets, which also penalizes logits far on the correct side (LSGAN)."""

    a: float = 0.0
    """D's target for logits of fakes."""
    b: float = 1.0
    """D's target for logits of real samples; 0.9 is one-sided label smoothing."""
    c: float = 1.0
    """G's target for D's logits of fakes. The paper's other setting, a, b, c = −1, 1, 0, minimizes Pearson's χ²."""

    def d(self, real: Tensor, fake: Tensor) -> Tensor:
        return 0.5 * (real - self.b).square() + 0.5 * (fake - self.a).square()

    def g(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return 0.5 * (fake - self.c).square()


class Wasserstein(Objective, kind="wasserstein"):
    """The Wasserstein distance, estimated by a Lipschitz critic: clamp its weights or penalize its gradient."""

    def d(self, real: Tensor, fake: Tensor) -> Tensor:
        return fake - real

    def g(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return -fake


class Hinge(Objective, kind="hinge"):
    """D ignores samples that it already separates by a margin; G raises the logits of fakes."""

    def d(self, real: Tensor, fake: Tensor) -> Tensor:
        return relu(1 - real) + relu(1 + fake)

    def g(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return -fake
