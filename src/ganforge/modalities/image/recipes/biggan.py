"""BigGAN at two sizes, and BigGAN-deep."""

from __future__ import annotations

from dataclasses import replace

from ganforge.data.path import PathData
from ganforge.engine.callbacks.usual import seen
from ganforge.losses.weights import OrthogonalG
from ganforge.modalities.image.nets.biggan import BigganDiscriminator, BigganGenerator
from ganforge.modalities.image.nets.biggan_deep import BigganDeepDiscriminator, BigganDeepGenerator
from ganforge.modalities.image.recipes.resnet import cgan_pd
from ganforge.modalities.image.signal import Image
from ganforge.recipes import recipe
from ganforge.recipes.base import Recipe
from ganforge.recipes.ema import Ema
from ganforge.recipes.optimizer import Adam
from ganforge.recipes.statistics import Standing

HALF_LIFE = 6_931
"""Half-life, in steps of G, of an EMA with a decay of 0.9999 per step."""


@recipe("biggan")
def biggan() -> Recipe:
    """BigGAN for small images: wide nets, latents at every grid, attention, and a shared label embedding.

    Papers: Brock et al. 2019; for 32×32 the settings of Kang et al. 2023 (StudioGAN): 96 channels, 80 latents in four
    parts, hinge, n_dis 5, Adam 2e-4 (0.5, 0.999), batch 64, 100,000 steps of G, EMA of 0.9999, standing statistics.
    Departures: the EMA starts immediately with a short half-life, in StudioGAN at step 1,000.
    Command: `ganforge train biggan data=./photos`, then `ganforge sample runs/... --label 3 --truncation 0.5`
    """
    base = cgan_pd()
    return replace(
        base,
        task=replace(base.task, generator=BigganGenerator(latent=80), discriminator=BigganDiscriminator()),
        optimizers={"G": Adam(lr=2e-4, betas=(0.5, 0.999)), "D": Adam(lr=2e-4, betas=(0.5, 0.999))},
        ema=Ema(half_life=HALF_LIFE * 5 * 64),
        statistics=Standing(),
    )


@recipe("biggan-128")
def biggan_128() -> Recipe:
    """BigGAN for 128×128 images of many classes, such as ImageNet. For GPUs.

    Paper: Brock et al. 2019, appendix C: 96 channels, 120 latents in six parts, attention at 64×64, hinge, orthogonal
    regularization of G (1e-4), Adam (0, 0.999) with 5e-5 for G and 2e-4 for D, two steps of D, batch 2048, 150,000
    steps of G, EMA of 0.9999, standing statistics. Departures: if the batch does not fit in memory, `accumulate=16`
    splits it; each part then has its own batch statistics.
    Command: `ganforge train biggan-128 data=./photos batch=256`
    """
    base = cgan_pd()
    steps, d_steps, batch = 150_000, 2, 2048
    return replace(
        base,
        data=PathData(path="./photos"),
        samples=steps * d_steps * batch,
        batch=batch,
        checkpoint_every=4_096_000,
        log_every=40_960,
        signal=Image(size=128),
        task=replace(
            base.task,
            generator=BigganGenerator(latent=120),
            discriminator=BigganDiscriminator(),
            d_steps=d_steps,
            terms=(OrthogonalG(weight=1e-4),),
        ),
        optimizers={"G": Adam(lr=5e-5, betas=(0.0, 0.999)), "D": Adam(lr=2e-4, betas=(0.0, 0.999))},
        ema=Ema(half_life=HALF_LIFE * d_steps * batch),
        statistics=Standing(batches=32),
        callbacks=seen(1_024_000),
    )


@recipe("biggan-deep")
def biggan_deep() -> Recipe:
    """BigGAN-deep: four times as many layers in bottleneck blocks, with fewer weights than BigGAN.

    Paper: Brock et al. 2019, appendices B and C: 128 channels, 128 latents at every norm, hinge, Adam (0, 0.999) with
    5e-5 for G and 2e-4 for D, two steps of D, EMA of 0.9999, standing statistics. Departures: 32×32 images of CIFAR-10
    with nets of constant width, which are not in the paper; batch 256 instead of 2048.
    Command: `ganforge train biggan-deep data=./photos`
    """
    base = biggan()
    steps, d_steps, batch = 100_000, 2, 256
    return replace(
        base,
        samples=steps * d_steps * batch,
        batch=batch,
        task=replace(
            base.task,
            generator=BigganDeepGenerator(),
            discriminator=BigganDeepDiscriminator(),
            d_steps=d_steps,
        ),
        optimizers={"G": Adam(lr=5e-5, betas=(0.0, 0.999)), "D": Adam(lr=2e-4, betas=(0.0, 0.999))},
        ema=Ema(half_life=HALF_LIFE * d_steps * batch),
    )
