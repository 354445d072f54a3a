"""FastGAN's training: `synthesis`, in which D also reconstructs real samples from its features.

Liu et al. 2021, "Towards Faster and Stabilized GAN Training for High-fidelity Few-shot Image Synthesis".

    D minimizes  adversarial loss + rebuild · |dec(features of T(x)) − T(x)|        x real, T: augmentation
    G minimizes  adversarial loss

The paper measures the distance by LPIPS; here it is the mean absolute difference, which needs no pretrained weights.

N: samples in the batch. x [N, C, H, W], losses [N].
"""

from __future__ import annotations

from torch import Tensor, nn

from ganforge.core.errors import UserError
from ganforge.core.rng import Rng
from ganforge.core.schedule import Rate, at
from ganforge.core.types import Spec
from ganforge.losses.base import LossContext
from ganforge.tasks.synthesis import Synthesis


class FastGan(Synthesis, kind="fastgan"):
    """FastGAN, for small data sets: in addition to `synthesis`, D reconstructs real samples from its features."""

    rebuild: Rate = 1.0
    """Weight of the distance between real samples and their reconstructions by D; 1 in the paper."""

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        players = super().players(spec)
        if self.pack > 1:
            raise UserError(
                f"task.pack={self.pack}: in fastgan, D reconstructs each sample that it sees. Leave it at 1",
                code="task.pack_unsupported",
            )
        if not hasattr(players["D"], "rebuilt"):
            raise UserError(
                f"task.discriminator: {self.discriminator.kind!r} cannot reconstruct what it has seen, which the task "
                "fastgan needs. Use task.discriminator.kind=fastgan, or task.kind=synthesis",
                code="task.unsuitable_net",
            )
        return players

    def extra_d_losses(self, context: LossContext, rng: Rng) -> dict[str, Tensor]:
        assert context.on_real is not None
        assert context.on_real.rebuilt is not None
        return {"rebuild": at(self.rebuild, rng.samples) * context.on_real.rebuilt()}
