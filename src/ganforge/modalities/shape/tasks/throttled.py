"""The task of 3D-GAN: D rests while it is too good (Wu et al. 2016).

    D takes a step only if its accuracy on the batch is at most `accuracy`; G takes a step each time.

A step that is left out is a step of zero gradients, so Adam's momentum still moves D a little: a departure.
"""

from __future__ import annotations

from pydantic import Field

from ganforge.core.rng import Rng
from ganforge.core.types import Batch, Nets, Terms
from ganforge.tasks.synthesis import Synthesis


def throttled(found: Terms, accuracy: float) -> Terms:
    """D's losses, or zeros where it is right on more than this share of the batch."""
    right = (found.stats["acc/real"].float().mean() + found.stats["acc/fake"].float().mean()) / 2
    trained = (right <= accuracy).to(next(iter(found.losses.values())).dtype)
    losses = {name: loss * trained for name, loss in found.losses.items()}
    return Terms(losses, found.stats | {"trained": trained.detach()})


class ThrottledSynthesis(Synthesis, kind="throttled"):
    """A GAN whose discriminator is only trained on batches on which it is not too good."""

    accuracy: float = Field(default=0.8, gt=0, le=1)
    """D's accuracy on a batch above which it is not trained on it; 0.8 in the paper."""

    def d_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        return throttled(super().d_loss(nets, batch, rng), self.accuracy)
