"""Convolutional GANs after Radford et al."""

from __future__ import annotations

from dataclasses import replace

from ganforge.losses.adversarial import NonSaturating
from ganforge.modalities.image.nets.dcgan import DcganDiscriminator, DcganGenerator
from ganforge.modalities.image.signal import Image
from ganforge.modalities.image.sources.named import Mnist
from ganforge.recipes import recipe
from ganforge.recipes.base import Recipe
from ganforge.recipes.optimizer import Adam
from ganforge.tasks.synthesis import Synthesis


@recipe("dcgan")
def dcgan() -> Recipe:
    """DCGAN, the basic convolutional GAN, for images whose sides are small multiples of a power of two.

    Paper: Radford et al. 2016. Departures: batch 64 instead of 128 (more steps per pass, for small data sets), 64
    channels on the finest grid for all sizes (the paper's 64×64 nets have 128 in G), normal instead of uniform latents,
    and EMA of G.
    Command: `ganforge train dcgan data=mnist`, or `data=./photos`
    """
    return Recipe(
        data=Mnist(),
        samples=1_200_000,
        batch=64,
        checkpoint_every=60_000,
        log_every=2_000,
        signal=Image(),
        task=Synthesis(generator=DcganGenerator(), discriminator=DcganDiscriminator(), objective=NonSaturating()),
        optimizers={"G": Adam(lr=2e-4, betas=(0.5, 0.999)), "D": Adam(lr=2e-4, betas=(0.5, 0.999))},
    )


@recipe("cdcgan")
def cdcgan() -> Recipe:
    """A class-conditional convolutional GAN: `dcgan` with labels in G and D.

    Papers: Radford et al. 2016; Mirza & Osindero 2014 (labels in G and D); Miyato & Koyama 2018 (projection in D).
    Departures: as in `dcgan`.
    Command: `ganforge train cdcgan data=mnist`, then `ganforge sample runs/... --label 3`
    """
    base = dcgan()
    return replace(base, task=replace(base.task, conditional=True))
