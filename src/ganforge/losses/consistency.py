"""Consistency losses: between D's outputs for a sample and for a perturbed copy, or for this batch and earlier ones.

    bCR     (D(x) − D(T(x)))² + (D(x̃) − D(T(x̃)))²       T: flip and shift               Zhao et al. 2021
    zCR, D  (D(G(z)) − D(G(z + σε)))²                    ε ~ N(0, 1)                     Zhao et al. 2021
    zCR, G  −mean (G(z) − G(z + σε))²                    different latents, different samples    Zhao et al. 2021
    LeCam   (D(x) − α_F)² + (D(x̃) − α_R)²                                                Tseng et al. 2021
            α_R, α_F: running means of D's logits of reals and of fakes

x real, x̃ = G(z) fake [N, ...]; z [n, L] latents; D(·) logits and losses [N] (n = N, or N packs of n/N samples).
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from ganforge.core.errors import UserError
from ganforge.core.rng import Rng
from ganforge.core.schedule import Rate
from ganforge.core.types import Spec
from ganforge.losses.base import LossContext, Penalty, Term


class Bcr(Penalty, kind="bcr"):
    """D should give an image, real or fake, the same logit after a flip or a small shift (bCR)."""

    order = 1
    weight: Rate = 10.0
    """Weight in the loss; 10 in the paper, for reals and fakes alike."""
    shift: int = Field(default=4, ge=0)
    """Maximum shift in pixels, in each direction, at most half the image; edge pixels are repeated."""
    flip: bool = True
    """Also flip half of the images horizontally. Turn it off for digits and letters."""

    def check(self, spec: Spec) -> None:
        if len(spec.shape) != 3:
            raise UserError(
                f"task.penalties: bcr flips and shifts images [C, H, W] and is undefined for samples of shape "
                f"{list(spec.shape)}. Use zcr, which perturbs latents instead and works for every signal",
                code="task.not_for_shape",
            )

    def loss(self, context: LossContext) -> Tensor:
        return self._change(context, "real", context.real) + self._change(context, "fake", context.fake)

    def _change(self, context: LossContext, side: Literal["real", "fake"], x: Tensor) -> Tensor:
        return (context.critic_logits(side) - context.critic(self.moved(x.detach(), context.rng.at(side)))).square()

    def moved(self, x: Tensor, rng: Rng) -> Tensor:
        """T(x): images [N, C, H, W], each with an independent random flip and shift."""
        n, _, height, width = x.shape
        rows = self._shifted_index(rng, "down", n, height, x)
        columns = self._shifted_index(rng, "right", n, width, x)
        if self.flip:
            mirrored = rng.uniform("flip", (n, 1)).to(x.device) < 0.5
            columns = torch.where(mirrored, columns.flip(1), columns)
        samples = torch.arange(n, device=x.device)
        moved = x.permute(0, 2, 3, 1)[samples[:, None, None], rows[:, :, None], columns[:, None, :]]  # [N, H, W, C]
        return moved.permute(0, 3, 1, 2)

    def _shifted_index(self, rng: Rng, name: str, n: int, size: int, x: Tensor) -> Tensor:
        """For each row (or column) of the shifted image, its index [N, size] in the original."""
        most = min(self.shift, size // 2)
        by = rng.integers(name, (n, 1), 2 * most + 1).to(x.device) - most
        return (torch.arange(size, device=x.device) + by).clamp(0, size - 1)


class Zcr(Penalty, kind="zcr"):
    """D should give fakes from nearby latents the same logit (zCR). Use it with the term zcr of G."""

    order = 1
    weight: Rate = 5.0
    """Weight in the loss; 5 in the paper."""
    sigma: float = Field(default=0.03, gt=0)
    """Standard deviation of the perturbation of a latent, per coordinate."""

    def loss(self, context: LossContext) -> Tensor:
        with torch.no_grad():
            other = perturbed_fakes(context, self.sigma)
        return (context.critic_logits("fake") - context.critic(other)).square()


class ZcrTerm(Term, kind="zcr"):
    """G should generate different samples from nearby latents (zCR). Use it with the penalty zcr of D."""

    weight: Rate = 0.5
    """Weight in the loss; 0.5 in the paper."""
    sigma: float = Field(default=0.03, gt=0)
    """Standard deviation of the perturbation of a latent, per coordinate."""

    def loss(self, context: LossContext) -> Tensor:
        # a mean over the values of a sample, so that the weight does not depend on the image size
        return -(context.fake - perturbed_fakes(context, self.sigma)).square().flatten(1).mean(1)


def perturbed_fakes(context: LossContext, sigma: float) -> Tensor:
    """Samples [N, ...] from the fakes' latents plus noise of standard deviation `sigma`."""
    assert context.generator is not None, "the task provides its generator"
    assert context.z is not None, "the task provides the latents of the fakes"
    return context.generator(context.z + sigma * context.rng.normal("beside", context.z.shape).to(context.z))


class LeCam(Penalty, kind="lecam"):
    """Pulls D's logits of reals toward the running mean of the fakes' logits, and vice versa; for small data sets
    (LeCam)."""

    order = 1
    weight: Rate = 0.01
    """Weight in the loss; 0.01 to 0.3 for the paper's small data sets, higher for less data."""
    decay: float = Field(default=0.99, ge=0, lt=1)
    """Decay of the running means per step, in [0, 1); they start at 0."""

    def memory(self, player: nn.Module) -> dict[str, Tensor]:
        return {"real": torch.zeros(()), "fake": torch.zeros(())}

    def loss(self, context: LossContext) -> Tensor:
        real, fake = context.real_logits, context.fake_logits
        self._follow(context, "real", real)
        self._follow(context, "fake", fake)
        return (real - context.memory["fake"]).square() + (fake - context.memory["real"]).square()

    def _follow(self, context: LossContext, side: Literal["real", "fake"], logits: Tensor) -> None:
        mean = context.memory[side]
        context.memory[side] = mean.lerp(logits.detach().mean(0).to(mean), 1 - self.decay)
