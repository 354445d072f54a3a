"""Relativistic losses: D scores how much more real one sample is than another, not how real a single one is.

Jolicoeur-Martineau 2018, "The relativistic discriminator: a key element missing from standard GAN". With logits r of
reals and f of fakes, and ℓ(t) = softplus(−t), the loss of a difference t that should be positive:

    pairing (RpGAN)     D: ℓ(r − f)                              G: ℓ(f − r)
    average (RaGAN)     D: ℓ(r − f̄) + ℓ(r̄ − f)                   G: ℓ(f − r̄) + ℓ(f̄ − r)

r̄, f̄: means over the batch. With relativistic pairing D compares each fake with a real sample, so no single decision
boundary separates all fakes, and the loss has no bad local minima (Sun et al. 2020). With R1 and R2 training converges
locally (Huang et al. 2024). G's loss is the non-saturating form.

r, f and losses: [N]; row i of the reals is paired with row i of the fakes.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import softplus

from ganforge.losses.base import Objective


class RpGan(Objective, kind="rpgan"):
    """Relativistic pairing (RpGAN): each fake is compared with one real sample. Use it with the penalties r1 and r2."""

    uses_real = True
    estimates_ratio = True  # the best D has D(x) − D(y) = log(p(x) / q(x)) − log(p(y) / q(y)) for all x and y

    def d(self, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(fake - real)

    def g(self, fake: Tensor, real: Tensor | None) -> Tensor:
        assert real is not None, "requested by uses_real"
        return softplus(real - fake)


class RaGan(Objective, kind="ragan"):
    """Relativistic average (RaGAN): each sample is compared with the mean logit of the other side."""

    uses_real = True
    elementwise = False

    def d(self, real: Tensor, fake: Tensor) -> Tensor:
        return relativistic_average(real, fake)

    def g(self, fake: Tensor, real: Tensor | None) -> Tensor:
        assert real is not None, "requested by uses_real"
        return relativistic_average(fake, real)


def relativistic_average(high: Tensor, low: Tensor) -> Tensor:
    """The loss [N] if the logits `high` should exceed the mean of `low`, and `low` be below the mean of `high`."""
    return softplus(low.mean(0) - high) + softplus(low - high.mean(0))
