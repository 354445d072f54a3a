"""StyleGAN2 with the configurations of its authors, and one for CPUs.

Two values depend on image size and batch, for one GPU (Karras et al. 2020, "Training Generative Adversarial Networks
with Limited Data", appendix C): γ = 2·10⁻⁴ · side² / batch, and the half-life of the EMA is 10/32 thousand samples
times the batch size.

A lazy penalty every k iterations is a separate step of Adam: the learning rate is multiplied by k / (k + 1), and the
decay rates are raised to that power, to compensate for the additional steps (Karras et al. 2020, StyleGAN2, appendix
B).
"""

from __future__ import annotations

from dataclasses import replace

from ganforge.engine.callbacks.usual import seen
from ganforge.losses.adversarial import NonSaturating
from ganforge.losses.penalties import R1
from ganforge.modalities.image.augment.ada import Ada
from ganforge.modalities.image.gamma import gamma
from ganforge.modalities.image.nets.stylegan2 import StyleGan2Discriminator, StyleGan2Generator
from ganforge.modalities.image.signal import Image
from ganforge.modalities.image.sources.named import Cifar10
from ganforge.modalities.image.tasks.stylegan2 import StyleSynthesis
from ganforge.recipes import recipe
from ganforge.recipes.base import Recipe
from ganforge.recipes.ema import Ema
from ganforge.recipes.optimizer import Adam

R1_EVERY = 16
PATH_EVERY = 4


def averaged(batch: int) -> Ema:
    """The EMA for a batch size."""
    return Ema(half_life=batch * 10_000 // 32)


def lazy(lr: float, every: int) -> Adam:
    """Adam (0, 0.99), adjusted for a lazy penalty every `every` iterations."""
    share = every / (every + 1)
    return Adam(lr=lr * share, betas=(0.0, 0.99**share))


@recipe("stylegan2-cifar")
def stylegan2_cifar() -> Recipe:
    """StyleGAN2 with its authors' settings for CIFAR-10, unconditional. For GPUs.

    Paper: Karras et al. 2020 (ADA), configuration "cifar": 512 channels on every grid, two mapping layers, D without
    residual connections, groups of 32 in the minibatch layer, γ 0.01, no mixing, no path length, learning rate 0.0025,
    batch 64, EMA with half-life 500 k, 100 M samples. StudioGAN reports FID 3.78, and 2.31 with ADA
    (`task.augment=ada`). Departures: G's learning rate is not scaled down, since it has no lazy phase.
    Command: `ganforge train stylegan2-cifar`; on a CPU use `stylegan2-small`
    """
    return Recipe(
        data=Cifar10(),
        samples=100_000_000,
        batch=64,
        checkpoint_every=500_000,
        log_every=10_000,
        signal=Image(),
        task=StyleSynthesis(
            generator=StyleGan2Generator(mapping=2, channels=512, max_channels=512),
            discriminator=StyleGan2Discriminator(channels=512, max_channels=512, architecture="plain", group=32),
            objective=NonSaturating(),
            penalties=(R1(weight=0.01, every=R1_EVERY),),
            conditional=True,
            mixing=0.0,
            path_length=0.0,
        ),
        optimizers={"G": Adam(lr=0.0025, betas=(0.0, 0.99)), "D": lazy(0.0025, R1_EVERY)},
        ema=Ema(half_life=500_000),
        callbacks=seen(200_000),
    )


@recipe("stylegan2-256")
def stylegan2_256() -> Recipe:
    """StyleGAN2 with its authors' settings for images of 256 pixels. For several GPUs.

    Paper: Karras et al. 2020 (ADA), configuration "paper256": 64 channels on the finest grid and at most 512, eight
    mapping layers, γ 1, path length 2 on half of the batch every 4, mixing 0.9, groups of 8, learning rate 0.0025,
    batch 64, EMA with half-life 20 k, 25 M samples. Departures: mixing is drawn per sample, not per batch.
    Command: `ganforge train stylegan2-256 data=./photos`
    """
    return Recipe(
        signal=Image(size=256),
        samples=25_000_000,
        batch=64,
        checkpoint_every=500_000,
        log_every=10_000,
        task=StyleSynthesis(
            generator=StyleGan2Generator(channels=64, max_channels=512),
            discriminator=StyleGan2Discriminator(channels=64, max_channels=512, group=8),
            objective=NonSaturating(),
            penalties=(R1(weight=1.0, every=R1_EVERY),),
            path_every=PATH_EVERY,
        ),
        optimizers={"G": lazy(0.0025, PATH_EVERY), "D": lazy(0.0025, R1_EVERY)},
        ema=Ema(half_life=20_000),
        callbacks=seen(200_000),
    )


@recipe("stylegan2-ada")
def stylegan2_ada() -> Recipe:
    """StyleGAN2 with adaptive augmentation: for one thousand to several thousand images. For a GPU.

    Paper: Karras et al. 2020 (ADA), configuration "auto" for one GPU at 64 pixels: 256 channels on the finest grid and
    at most 512, two mapping layers, γ and EMA by the rules of this file, path length and mixing as in `stylegan2-256`,
    ADA with target 0.6 and 500 k samples from 0 to 1. Departures: the probability of ADA is at most 0.6 (see
    `augment.ada`); mixing is drawn per sample. For another size or batch, adjust γ: `task.penalties=[{kind: r1, every:
    16, weight: 0.1}]`.
    Command: `ganforge train stylegan2-ada data=./photos`
    """
    batch = 32
    base = stylegan2_256()
    return replace(
        base,
        signal=Image(size=64),
        batch=batch,
        checkpoint_every=200_000,
        task=replace(
            base.task,
            generator=StyleGan2Generator(mapping=2, channels=256, max_channels=512),
            discriminator=StyleGan2Discriminator(channels=256, max_channels=512, group=4),
            penalties=(R1(weight=gamma(64, batch), every=R1_EVERY),),
            augment=Ada(),
        ),
        ema=averaged(batch),
        callbacks=seen(50_000),
    )


@recipe("stylegan2-small")
def stylegan2_small() -> Recipe:
    """StyleGAN2 with ADA, reduced for CPUs: 16 channels on the finest grid and at most 128.

    Paper: as `stylegan2-ada`. Departures: narrow nets and 128 latents, no path length (a third of the time), γ 1, which
    stabilizes small nets.
    Command: `ganforge train stylegan2-small data=./photos`, or `signal.size=32`
    """
    base = stylegan2_ada()
    return replace(
        base,
        signal=Image(),
        samples=1_000_000,
        checkpoint_every=50_000,
        log_every=2_000,
        task=replace(
            base.task,
            generator=StyleGan2Generator(latent=128, mapping=2, channels=16, max_channels=128),
            discriminator=StyleGan2Discriminator(channels=16, max_channels=128),
            penalties=(R1(weight=1.0, every=R1_EVERY),),
            path_length=0.0,
        ),
        optimizers={"G": Adam(lr=0.0025, betas=(0.0, 0.99)), "D": lazy(0.0025, R1_EVERY)},
        callbacks=seen(10_000),
    )
