"""Residual GANs up to SAGAN with the settings of their papers, for CIFAR-10 or any images of supported size."""

from __future__ import annotations

from dataclasses import replace

from ganforge.core.schedule import Linear
from ganforge.engine.callbacks.usual import seen
from ganforge.losses.adversarial import Hinge, NonSaturating, Wasserstein
from ganforge.losses.penalties import GradientPenalty
from ganforge.modalities.image.nets.dcgan import DcganDiscriminator, DcganGenerator
from ganforge.modalities.image.nets.resnet import ResnetDiscriminator, ResnetGenerator
from ganforge.modalities.image.signal import Image
from ganforge.modalities.image.sources.named import Cifar10, Mnist
from ganforge.recipes import recipe
from ganforge.recipes.base import Recipe
from ganforge.recipes.ema import Ema
from ganforge.recipes.optimizer import Adam
from ganforge.tasks.acgan import Acgan
from ganforge.tasks.synthesis import Synthesis

CRITIC_STEPS = 5
SAMPLES = 100_000 * CRITIC_STEPS * 64
"""100,000 steps of G with five batches of 64 each: 32 M samples."""


@recipe("sngan")
def sngan() -> Recipe:
    """Residual nets, hinge loss and a spectrally normalized D: stable, and suitable for small data sets and few
    classes.

    Paper: Miyato et al. 2018, tables 3 to 5: residual nets by size (32, 48, 64, 128), sum pooling, hinge, n_dis 5, Adam
    2e-4 (0, 0.9), batch 64, learning rate decayed linearly to 0. Departures: 100,000 steps of G on batches of 64
    instead of 50,000 on batches of 128, and EMA of G.
    Command: `ganforge train sngan data=./photos`; on a CPU use `sngan-small`
    """
    rate = Linear(start=2e-4, end=0.0, over=SAMPLES)
    return Recipe(
        data=Cifar10(),
        samples=SAMPLES,
        batch=64,
        checkpoint_every=640_000,
        log_every=16_000,
        signal=Image(),
        task=Synthesis(
            generator=ResnetGenerator(), discriminator=ResnetDiscriminator(), objective=Hinge(), d_steps=CRITIC_STEPS
        ),
        optimizers={"G": Adam(lr=rate, betas=(0.0, 0.9)), "D": Adam(lr=rate, betas=(0.0, 0.9))},
        callbacks=seen(160_000),
    )


@recipe("cgan-pd")
def cgan_pd() -> Recipe:
    """A class-conditional residual GAN: `sngan` with conditional batch norm in G and label projection in D.

    Paper: Miyato & Koyama 2018: conditional batch norm in G, ⟨e(c), f⟩ in D, the rest as in Miyato et al. 2018.
    Departures: as in `sngan`.
    Command: `ganforge train cgan-pd data=./photos`, then `ganforge sample runs/... --label 3`
    """
    base = sngan()
    return replace(base, task=replace(base.task, conditional=True))


@recipe("wgan-gp-resnet")
def wgan_gp_resnet() -> Recipe:
    """WGAN-GP with residual nets: a critic without normalization and with a gradient penalty.

    Paper: Gulrajani et al. 2017, appendix F: 128 channels everywhere, batch norm only in G, mean pooling, λ 10,
    n_critic 5, Adam 2e-4 (0, 0.9), batch 64, 100,000 steps of G, learning rate decayed linearly to 0. Departures: G
    steps on batches of 64 instead of 128; Xavier instead of He initialization; EMA of G.
    Command: `ganforge train wgan-gp-resnet data=./photos`
    """
    base = sngan()
    task = replace(
        base.task,
        generator=ResnetGenerator(channels=32),
        discriminator=ResnetDiscriminator(norm="none", pool="mean"),
        objective=Wasserstein(),
        penalties=(GradientPenalty(weight=10.0),),
    )
    return replace(base, task=task)


@recipe("sagan")
def sagan() -> Recipe:
    """Self-attention and spectral norm in both G and D, and two learning rates (TTUR) instead of several D steps.

    Paper: Zhang et al. 2019: hinge, conditional batch norm and projection, attention on the 32×32 grid of 128×128
    images, Adam (0, 0.9) with 1e-4 for G and 4e-4 for D, one step each, batch 256. Departures: CIFAR-10, so attention
    is on the 16×16 grid; 100,000 steps instead of 1,000,000; EMA of G.
    Command: `ganforge train sagan data=./photos`
    """
    base = cgan_pd()
    return replace(
        base,
        samples=100_000 * 256,
        batch=256,
        task=replace(
            base.task,
            generator=ResnetGenerator(attention=32, spectral=True),
            discriminator=ResnetDiscriminator(attention=32),
            d_steps=1,
        ),
        optimizers={"G": Adam(lr=1e-4, betas=(0.0, 0.9)), "D": Adam(lr=4e-4, betas=(0.0, 0.9))},
    )


@recipe("acgan")
def acgan() -> Recipe:
    """A conditional GAN whose D predicts the class instead of taking it as input; G is trained for correct predictions.

    Paper: Odena et al. 2017, appendix A: convolutional nets, cross-entropy for real or fake and for the class, Adam
    2e-4 (0.5, 0.999), batch 100. Departures: the nets are those of `dcgan` (no dropout, no noise on activations, 100
    latents), the label is added to z as in `cdcgan`, and EMA of G. For residual nets use `task.generator=resnet
    task.discriminator=resnet`.
    Command: `ganforge train acgan data=mnist`, then `ganforge sample runs/... --label 3`
    """
    return Recipe(
        data=Cifar10(),
        samples=5_000_000,
        batch=100,
        checkpoint_every=250_000,
        log_every=10_000,
        signal=Image(),
        task=Acgan(generator=DcganGenerator(), discriminator=DcganDiscriminator(), objective=NonSaturating()),
        optimizers={"G": Adam(lr=2e-4, betas=(0.5, 0.999)), "D": Adam(lr=2e-4, betas=(0.5, 0.999))},
        callbacks=seen(50_000),
    )


@recipe("sngan-small")
def sngan_small() -> Recipe:
    """`sngan` for two CPU cores: an eighth of the channels, one D step per G step, and a higher learning rate for D.

    Paper: Miyato et al. 2018. Departures: 32 channels in G and 16 in D, one step of D instead of five (TTUR, Heusel et
    al. 2017: 4e-4 for D), no learning-rate decay, 64 latents, batch 32, and EMA of G.
    Command: `ganforge train sngan-small data=mnist`
    """
    base = sngan()
    return replace(
        base,
        data=Mnist(),
        samples=600_000,
        batch=32,
        checkpoint_every=60_000,
        log_every=2_000,
        task=replace(
            base.task,
            generator=ResnetGenerator(latent=64, channels=8),
            discriminator=ResnetDiscriminator(channels=8),
            d_steps=1,
        ),
        optimizers={"G": Adam(lr=2e-4, betas=(0.0, 0.9)), "D": Adam(lr=4e-4, betas=(0.0, 0.9))},
        ema=Ema(half_life=5_000),
        callbacks=seen(10_000),
    )
