"""The games of the first papers: D tells real from fake by cross-entropy, G wants to be taken for real.

Goodfellow et al. 2014, "Generative Adversarial Nets". With D(x) = sigmoid(logit of x):

    D minimises                    −log D(x) − log(1 − D(G(z)))
    G minimises, in the minimax      log(1 − D(G(z)))
    G minimises, non-saturating     −log D(G(z))

One-sided label smoothing (Salimans et al. 2016) asks of D only 1 − s for a real sample. All in logits, where
log D = −softplus(−logit) and log(1 − D) = −softplus(logit), which neither overflow nor lose digits.
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor
from torch.nn.functional import softplus

from ganforge.objectives.base import Objective


def cross_entropy(real: Tensor, fake: Tensor, smoothing: float) -> Tensor:
    """D's cross-entropy [N] with the target 1 − smoothing for reals and 0 for fakes."""
    # BCE(l, t) = t·softplus(−l) + (1 − t)·softplus(l) = softplus(−l) + (1 − t)·l
    return softplus(-real) + smoothing * real + softplus(fake)


class Minimax(Objective, kind="minimax"):
    """The original zero-sum game: G minimises log(1 − D(G(z))), which saturates while D is sure."""

    smoothing: float = Field(default=0.0, ge=0, lt=1)
    """One-sided label smoothing: D aims at 1 − smoothing for real samples; 0.1 keeps it from being too sure."""

    def d(self, real: Tensor, fake: Tensor) -> Tensor:
        return cross_entropy(real, fake, self.smoothing)

    def g(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return -softplus(fake)


class NonSaturating(Objective, kind="non_saturating"):
    """G maximises log D(G(z)) instead: the same fixed point, and a strong gradient where D is sure."""

    smoothing: float = Field(default=0.0, ge=0, lt=1)
    """One-sided label smoothing: D aims at 1 − smoothing for real samples; 0.1 keeps it from being too sure."""

    def d(self, real: Tensor, fake: Tensor) -> Tensor:
        return cross_entropy(real, fake, self.smoothing)

    def g(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return softplus(-fake)
