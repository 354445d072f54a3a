"""Images at several scales: a GAN per level of a pyramid, progressive growing, and multi-scale gradients."""

from __future__ import annotations

from dataclasses import replace

from ganforge.engine.callbacks.usual import seen
from ganforge.losses.adversarial import NonSaturating, Wasserstein
from ganforge.losses.drift import Drift
from ganforge.losses.penalties import R1, GradientPenalty
from ganforge.modalities.image.nets.lapgan import LapganDiscriminator, LapganRefiner
from ganforge.modalities.image.nets.msg_gan import MsgDiscriminator, MsgGenerator
from ganforge.modalities.image.nets.progan import ProganDiscriminator, ProganGenerator
from ganforge.modalities.image.signal import Image
from ganforge.modalities.image.sources.named import Cifar10
from ganforge.modalities.image.tasks.lapgan import Lapgan
from ganforge.modalities.image.tasks.msg_gan import MsgGan
from ganforge.modalities.image.tasks.progan import ProGan
from ganforge.nets.mlp import MlpDiscriminator, MlpGenerator
from ganforge.recipes import recipe
from ganforge.recipes.base import Recipe
from ganforge.recipes.ema import Ema
from ganforge.recipes.optimizer import SGD, Adam, Optimizer, RMSprop


def each_level(levels: int, optimizer: Optimizer) -> dict[str, Optimizer]:
    """One optimizer for every net of a pyramid."""
    return {f"{player}{k}": optimizer for k in range(levels) for player in "GD"}


@recipe("lapgan")
def lapgan() -> Recipe:
    """A Laplacian pyramid of GANs: one generates a tiny image, each of the others adds detail of a finer grid. For
    GPUs.

    Paper: Denton et al. 2015, as for CIFAR-10: fully connected nets on 8×8 (G of 1200 units, D of 600, latents of 100),
    then 3 convolutions in G and 2 in D, non-saturating loss, SGD with learning rate 0.02 and momentum 0.5. Departures:
    grids of 8, 16 and 32 instead of crops of 28; 128 channels on both finer grids; 5×5 kernels; batch norm in the
    coarsest G; labels are optional (`task.conditional=true`); momentum does not rise to 0.8. At 64 pixels add a level:
    `task.levels=4 optimizers.G3=sgd optimizers.D3=sgd`.
    Command: `ganforge train lapgan`; on a CPU use `lapgan-small`
    """
    levels = 3
    return Recipe(
        data=Cifar10(),
        samples=5_000_000,
        batch=100,
        checkpoint_every=250_000,
        log_every=10_000,
        signal=Image(),
        task=Lapgan(
            generator=MlpGenerator(latent=100, widths=(1200, 1200)),
            discriminator=MlpDiscriminator(widths=(600, 600)),
            objective=NonSaturating(),
            levels=levels,
            refiner=LapganRefiner(channels=128),
            judge=LapganDiscriminator(channels=128),
        ),
        optimizers=each_level(levels, SGD(lr=0.02, momentum=0.5)),
        callbacks=seen(100_000),
    )


@recipe("lapgan-small")
def lapgan_small() -> Recipe:
    """A pyramid of GANs for CPUs: 16 channels in the generators and 32 in the discriminators, instead of 128 in
    `lapgan`.

    Paper: as `lapgan`. Departures: narrow nets, Adam 5e-4 (0.5, 0.999) instead of SGD, R1 on every level, without which
    discriminators of single bands diverge.
    Command: `ganforge train lapgan-small data=mnist`
    """
    base = lapgan()
    levels = 3
    return replace(
        base,
        data="digits",
        signal=Image(),
        samples=600_000,
        batch=64,
        checkpoint_every=50_000,
        log_every=2_000,
        task=replace(
            base.task,
            generator=MlpGenerator(latent=64, widths=(256, 512)),
            discriminator=MlpDiscriminator(widths=(256, 256)),
            refiner=LapganRefiner(channels=16),
            judge=LapganDiscriminator(channels=32),
            penalties=(R1(weight=0.1),),
        ),
        optimizers=each_level(levels, Adam(lr=5e-4)),
        callbacks=seen(10_000),
    )


@recipe("progan")
def progan() -> Recipe:
    """Progressive growing: nets that start with 4×4 cells and get a finer grid every 1.6 M images. For GPUs.

    Paper: Karras et al. 2018 at 256 pixels: 64 channels on the finest grid and at most 512, WGAN-GP (λ 10, ε 0.001),
    800 k samples per grid and 800 k for fading in the next, Adam 0.001 (0, 0.99), EMA of G (0.999 per step), 12 M
    samples. Departures: batch 16 on every grid (larger on coarse grids in the paper); the state of Adam is kept when a
    grid is added; groups of 4 in the minibatch layer, as in the authors' code.
    Command: `ganforge train progan data=./photos`, or `signal.size=64`; on a CPU use `progan-small`
    """
    return Recipe(
        signal=Image(size=256),
        samples=12_000_000,
        batch=16,
        checkpoint_every=200_000,
        log_every=10_000,
        task=ProGan(
            generator=ProganGenerator(),
            discriminator=ProganDiscriminator(),
            objective=Wasserstein(),
            penalties=(GradientPenalty(), Drift()),
        ),
        optimizers={"G": Adam(lr=1e-3, betas=(0.0, 0.99)), "D": Adam(lr=1e-3, betas=(0.0, 0.99))},
        ema=Ema(half_life=11_000),
        callbacks=seen(200_000),
    )


@recipe("progan-small")
def progan_small() -> Recipe:
    """Progressive growing for CPUs: 16 channels on the finest grid, at most 64, and a new grid every 20 k samples.

    Paper: as `progan`. Departures: narrow nets, 64 latents, batch 32, 10 k samples per grid and 10 k for fading: 28
    pixels are reached after 60 k samples.
    Command: `ganforge train progan-small data=mnist`
    """
    base = progan()
    return replace(
        base,
        signal=Image(),
        samples=400_000,
        batch=32,
        checkpoint_every=50_000,
        log_every=2_000,
        task=replace(
            base.task,
            generator=ProganGenerator(latent=64, channels=16, max_channels=64),
            discriminator=ProganDiscriminator(channels=16, max_channels=64),
            steady=10_000,
            fade=10_000,
        ),
        callbacks=seen(10_000),
    )


@recipe("msg-gan")
def msg_gan() -> Recipe:
    """An image on every grid of G, all scored together by D: large images without progressive growing. For GPUs.

    Paper: Karnewar & Wang 2020, MSG-ProGAN at 256 pixels: 64 channels on the finest grid and at most 512, images
    concatenated to D's maps, WGAN-GP, RMSprop 0.003, EMA of G. Departures: one penalty for all scales together; groups
    of 4 in the minibatch layers; batch 16.
    Command: `ganforge train msg-gan data=./photos`, or `signal.size=64`; on a CPU use `msg-gan-small`
    """
    return Recipe(
        signal=Image(size=256),
        samples=6_000_000,
        batch=16,
        checkpoint_every=200_000,
        log_every=10_000,
        task=MsgGan(
            generator=MsgGenerator(),
            discriminator=MsgDiscriminator(),
            objective=Wasserstein(),
            penalties=(GradientPenalty(),),
        ),
        optimizers={"G": RMSprop(lr=3e-3), "D": RMSprop(lr=3e-3)},
        ema=Ema(half_life=11_000),
        callbacks=seen(200_000),
    )


@recipe("msg-gan-small")
def msg_gan_small() -> Recipe:
    """Multi-scale gradients for CPUs: 16 channels on the finest grid and at most 64.

    Paper: as `msg-gan`, with the loss of MSG-StyleGAN: non-saturating with R1. Departures: narrow nets, 64 latents,
    batch 32, Adam 0.002 (0, 0.99).
    Command: `ganforge train msg-gan-small data=mnist`
    """
    base = msg_gan()
    return replace(
        base,
        signal=Image(),
        samples=400_000,
        batch=32,
        checkpoint_every=50_000,
        log_every=2_000,
        task=replace(
            base.task,
            generator=MsgGenerator(latent=64, channels=16, max_channels=64),
            discriminator=MsgDiscriminator(channels=16, max_channels=64),
            objective=NonSaturating(),
            penalties=(R1(weight=1.0),),
        ),
        optimizers={"G": Adam(lr=2e-3, betas=(0.0, 0.99)), "D": Adam(lr=2e-3, betas=(0.0, 0.99))},
        callbacks=seen(10_000),
    )
