"""FastGAN, for a hundred images."""

from __future__ import annotations

from ganforge.losses.adversarial import Hinge
from ganforge.modalities.image.augment.diffaugment import DiffAugment
from ganforge.modalities.image.nets.fastgan import FastGanDiscriminator, FastGanGenerator
from ganforge.modalities.image.signal import Image
from ganforge.modalities.image.tasks.fastgan import FastGan
from ganforge.recipes import recipe
from ganforge.recipes.base import Recipe
from ganforge.recipes.ema import Ema
from ganforge.recipes.optimizer import Adam


@recipe("fastgan")
def fastgan() -> Recipe:
    """A light GAN for about a hundred images, whose discriminator also reconstructs its input, which delays
    overfitting.

    Paper: Liu et al. 2021: excitation across grids, two decoders in D, hinge, DiffAugment, Adam 2e-4 (0.5, 0.999),
    batch 8, EMA of G (0.999 per step), 50,000 steps. Departures: absolute difference instead of LPIPS for
    reconstruction; at most 512 channels; flips only with `signal.flip=true`; the size is that of the data up to 64
    pixels, larger by `signal.size`.
    Command: `ganforge train fastgan data=./photos`, or `signal.size=256`
    """
    return Recipe(
        samples=400_000,
        batch=8,
        checkpoint_every=20_000,
        log_every=800,
        signal=Image(),
        task=FastGan(
            generator=FastGanGenerator(),
            discriminator=FastGanDiscriminator(),
            objective=Hinge(),
            augment=DiffAugment(),
        ),
        optimizers={"G": Adam(lr=2e-4, betas=(0.5, 0.999)), "D": Adam(lr=2e-4, betas=(0.5, 0.999))},
        ema=Ema(half_life=5_500),
    )
