"""Classifiers from few labels and many images without one."""

from __future__ import annotations

from dataclasses import replace

from ganforge.core.schedule import falling
from ganforge.losses.adversarial import NonSaturating
from ganforge.modalities.image.nets.dcgan import DcganGenerator
from ganforge.modalities.image.signal import Image
from ganforge.modalities.image.sources.named import Cifar10, Mnist
from ganforge.nets.noisy_conv import NoisyConvDiscriminator
from ganforge.nets.noisy_mlp import NoisyMlpDiscriminator, SoftplusGenerator
from ganforge.recipes import recipe
from ganforge.recipes.base import Recipe
from ganforge.recipes.ema import Ema
from ganforge.recipes.optimizer import Adam
from ganforge.tasks.sgan import Sgan


@recipe("sgan")
def sgan() -> Recipe:
    """A classifier from few labels: D has N + 1 classes, one of them for generated samples; G matches its features.

    Paper: Salimans et al. 2016, MNIST (nets, noise, losses, Adam 3e-3, halves of 100). Departures: shorter, with a rate
    that falls to 0; z is normal; those of `tasks/sgan.py`.
    Command: `ganforge train sgan data=mnist labels_per_class=10`, then `ganforge classify runs/... images/ --out
    classes.csv`; as Dai et al. 2017 with `task.entropy=0.1 "task.terms=[feature_matching,pull_away]"`; the baseline
    without unlabeled samples: `task.supervised=true`
    """
    learning = Adam(lr=falling(3e-3, SAMPLES), betas=(0.5, 0.999))
    return Recipe(
        data=Mnist(),
        samples=SAMPLES,
        batch=200,
        checkpoint_every=500_000,
        log_every=20_000,
        signal=Image(),
        task=Sgan(
            generator=SoftplusGenerator(start=-0.74),  # the mean of MNIST
            discriminator=NoisyMlpDiscriminator(),
            objective=NonSaturating(),
        ),
        optimizers={"G": learning, "D": learning},
        ema=Ema(half_life=100_000),
    )


@recipe("sgan-conv")
def sgan_conv() -> Recipe:
    """A classifier of photos from few labels: as `sgan`, with convolutional nets a third as wide as the paper's.

    Paper: Salimans et al. 2016, CIFAR-10 (nets of D, dropout, losses, Adam 3e-4). Departures: 32 channels instead of
    96, for two CPU cores; G is a DCGAN; halves of 50; a rate that falls to 0; mirroring; those of `tasks/sgan.py`.
    Command: `ganforge train sgan-conv data=cifar10 labels_per_class=100`; the paper's width:
    `task.discriminator.channels=96 task.generator.channels=128 "optimizers.*.lr=3e-4"`
    """
    learning = Adam(lr=falling(1e-3, CONV_SAMPLES), betas=(0.5, 0.999))
    return replace(
        sgan(),
        data=Cifar10(),
        samples=CONV_SAMPLES,
        batch=100,
        signal=Image(flip=True),
        task=Sgan(
            generator=DcganGenerator(channels=32),
            discriminator=NoisyConvDiscriminator(channels=32),
            objective=NonSaturating(),
        ),
        optimizers={"G": learning, "D": learning},
        ema=Ema(half_life=50_000),
    )


CONV_SAMPLES = 1_000_000
SAMPLES = 5_000_000
"""25,000 steps, about half an hour on two cores."""
