"""Games about how much more real one sample is than another, not about how real it is.

Jolicoeur-Martineau 2018, "The relativistic discriminator: a key element missing from standard GAN". With logits r of
reals and f of fakes and ℓ(t) = softplus(−t), the loss at a difference t that should be above 0:

    pairing (RpGAN)     D: ℓ(r − f)                              G: ℓ(f − r)
    average (RaGAN)     D: ℓ(r − f̄) + ℓ(r̄ − f)                   G: ℓ(f − r̄) + ℓ(f̄ − r)

r̄, f̄: means over the batch. Since D must rank every fake below some real, it cannot put all fakes on one side for good:
the loss of the pairing game has no bad local minima (Sun et al. 2020). R1 and R2 together make it converge (Huang et
al. 2024). G's loss is the non-saturating one.

r, f and losses: [N]; row i of the reals is paired with row i of the fakes.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import softplus

from ganforge.losses.base import Objective


class RpGan(Objective, kind="rpgan"):
    """Each fake against one real sample: relativistic pairing. Goes with the penalties r1 and r2."""

    uses_real = True

    def d(self, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(fake - real)

    def g(self, fake: Tensor, real: Tensor | None) -> Tensor:
        assert real is not None, "asked for by uses_real"
        return softplus(real - fake)


class RaGan(Objective, kind="ragan"):
    """Each sample against the mean of the other side: relativistic average."""

    uses_real = True
    elementwise = False

    def d(self, real: Tensor, fake: Tensor) -> Tensor:
        return relativistic_average(real, fake)

    def g(self, fake: Tensor, real: Tensor | None) -> Tensor:
        assert real is not None, "asked for by uses_real"
        return relativistic_average(fake, real)


def relativistic_average(high: Tensor, low: Tensor) -> Tensor:
    """The loss [N] of logits that should lie above the mean of the others, and the others below theirs."""
    return softplus(low.mean(0) - high) + softplus(low - high.mean(0))
