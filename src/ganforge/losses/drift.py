"""A penalty on large logits of D: the Wasserstein loss does not change if a constant is added to all logits.

Karras et al. 2018, "Progressive Growing of GANs for Improved Quality, Stability, and Variation", appendix A.1:

    ε D(x)²,  x real

D(x) and losses [N].
"""

from __future__ import annotations

from torch import Tensor

from ganforge.core.schedule import Rate
from ganforge.losses.base import LossContext, Penalty


class Drift(Penalty, kind="drift"):
    """Keeps D's logits of real samples near 0."""

    order = 1
    weight: Rate = 0.001
    """Weight in the loss; 0.001 in the paper."""

    def loss(self, context: LossContext) -> Tensor:
        return context.real_logits.square()
