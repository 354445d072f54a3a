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
    """The convolutional GAN that most others grew from: images of any size that is a small grid doubled a few times.

    Paper: Radford et al. 2016. Departures: batch 64 instead of 128 (more steps a pass, as small sets want), 64 channels
    on the finest grid whatever the size (the paper's 64×64 nets have 128 in G), latents from a normal instead of a
    uniform distribution, and the running average of G.
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
    """A convolutional GAN that draws what it is asked for: `dcgan` with the label in both players.

    Papers: Radford et al. 2016; Mirza & Osindero 2014 (the label goes to G and D); Miyato & Koyama 2018 (it enters D by
    projection). Departures: as in `dcgan`.
    Command: `ganforge train cdcgan data=mnist`, then `ganforge sample runs/... --label 3`
    """
    base = dcgan()
    return replace(base, task=replace(base.task, conditional=True))
