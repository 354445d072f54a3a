"""Recipes of shapes as in papers: faithful, most of them for GPUs."""

from __future__ import annotations

from ganforge.engine.callbacks.usual import seen
from ganforge.losses.adversarial import NonSaturating, Wasserstein
from ganforge.losses.penalties import GradientPenalty
from ganforge.modalities.shape.cloud import Cloud
from ganforge.modalities.shape.nets.clouds import Chamfer, PointNetDiscriminator, PointNetEncoder
from ganforge.modalities.shape.nets.papers import (
    Gan3dDiscriminator,
    Gan3dGenerator,
    Iwgan3dDiscriminator,
    Iwgan3dGenerator,
)
from ganforge.modalities.shape.nets.tree import TreeGenerator
from ganforge.modalities.shape.recipes import DATA
from ganforge.modalities.shape.tasks.throttled import ThrottledSynthesis
from ganforge.modalities.shape.volume import Volume
from ganforge.nets.mlp import MlpDiscriminator, MlpGenerator
from ganforge.recipes import recipe
from ganforge.recipes.base import Recipe
from ganforge.recipes.ema import Ema
from ganforge.recipes.optimizer import Adam
from ganforge.tasks.latent_gan import LatentGan
from ganforge.tasks.synthesis import Synthesis

BITS = 0.5
"""A clip of half a cell: distances become -1 and 1, the occupied cells that papers train on."""


@recipe("3dgan")
def gan3d() -> Recipe:
    """3D-GAN: occupied cells, 64 a side, from five transposed convolutions. For GPUs.

    Paper: Wu et al. 2016: 200 uniform latents, batch 100, Adam with β1 0.5, 2.5e-3 for G and 1e-5 for D, which is only
    trained while its accuracy is at most 80 %. Departures: a step of D that is left out still follows Adam's momentum;
    labels, if asked for.
    Command: `ganforge train 3dgan data=./chairs`; for a CPU with `signal.size=32 task.generator.channels=16`
    """
    return Recipe(
        data=DATA,
        samples=1_000_000,
        batch=100,
        checkpoint_every=20_000,
        log_every=2_000,
        signal=Volume(size=64, clip=BITS),
        task=ThrottledSynthesis(
            generator=Gan3dGenerator(), discriminator=Gan3dDiscriminator(), objective=NonSaturating()
        ),
        optimizers={"G": Adam(lr=2.5e-3, betas=(0.5, 0.999)), "D": Adam(lr=1e-5, betas=(0.5, 0.999))},
        ema=Ema(half_life=0),
        callbacks=seen(20_000, rows=4),
    )


@recipe("3d-iwgan")
def iwgan3d() -> Recipe:
    """3D-IWGAN: occupied cells, 32 a side, with a Wasserstein loss and its gradient penalty.

    Paper: Smith & Meger 2017: gradient penalty 10, five steps of D, Adam 1e-4 (0.5, 0.9), batch 256, 1,500 passes.
    Departures: the norm of the penalty is over a whole sample, as in the paper's formula; labels, if asked for.
    Command: `ganforge train 3d-iwgan data=./chairs`; for a CPU with `batch=32`
    """
    learning = Adam(lr=1e-4, betas=(0.5, 0.9))
    return Recipe(
        data=DATA,
        samples=6_000_000,
        batch=256,
        checkpoint_every=20_000,
        log_every=2_000,
        signal=Volume(size=32, clip=BITS),
        task=Synthesis(
            generator=Iwgan3dGenerator(),
            discriminator=Iwgan3dDiscriminator(),
            objective=Wasserstein(),
            penalties=(GradientPenalty(weight=10.0),),
            d_steps=5,
        ),
        optimizers={"G": learning, "D": learning},
        ema=Ema(half_life=0),
        callbacks=seen(20_000, rows=4),
    )


@recipe("l-gan")
def l_gan() -> Recipe:
    """l-GAN: clouds of 2,048 points by a PointNet autoencoder and a Wasserstein GAN on its latents.

    Paper: Achlioptas et al. 2018: autoencoder 64-128-128-256-128 with maximum, decoder 256-256, Adam 5e-4, batch 50,
    500 passes; G 128-128, D 256-512, gradient penalty 10, five steps of D, Adam 1e-4 (0.5, 0.9). Departures: the
    autoencoder learns by the Chamfer distance alone; latents are standardized, and G's last layer is linear; LeakyReLU
    0.2 for ReLU.
    Command: `ganforge train l-gan data=./clouds`; for a CPU with `signal.points=1024`
    """
    ae, gan = Adam(lr=5e-4, betas=(0.9, 0.999)), Adam(lr=1e-4, betas=(0.5, 0.9))
    return Recipe(
        data=DATA,
        samples=6_000_000,
        batch=50,
        checkpoint_every=50_000,
        log_every=5_000,
        precision="fp32",
        signal=Cloud(points=2_048),
        task=LatentGan(
            encoder=PointNetEncoder(points=2_048),
            decoder=MlpGenerator(latent=128, widths=(256, 256), norm="none", bounded=False),
            likelihood=Chamfer(points=2_048),
            generator=MlpGenerator(latent=128, widths=(128,), norm="none"),
            discriminator=MlpDiscriminator(widths=(256, 512)),
            objective=Wasserstein(),
            penalties=(GradientPenalty(weight=10.0),),
            autoencoder=3_000_000,
            d_steps=5,
        ),
        optimizers={"E": ae, "R": ae, "G": gan, "D": gan},
        ema=Ema(half_life=0),
        callbacks=seen(50_000, rows=4),
    )


@recipe("tree-gan")
def tree_gan() -> Recipe:
    """tree-GAN: clouds of 2,048 points that grow as a tree. For GPUs.

    Paper: Shu et al. 2019: degrees 1, 2, 2, 2, 2, 2, 64, gradient penalty 10, five steps of D, Adam 1e-4 (0, 0.99),
    batch 20, 2,000 passes. Departures: G ends in tanh; LeakyReLU between the last layers of D.
    Command: `ganforge train tree-gan data=./clouds`; for a CPU with `signal.points=1024`
    """
    learning = Adam(lr=1e-4, betas=(0.0, 0.99))
    return Recipe(
        data=DATA,
        samples=10_000_000,
        batch=20,
        checkpoint_every=50_000,
        log_every=5_000,
        precision="fp32",
        signal=Cloud(points=2_048),
        task=Synthesis(
            generator=TreeGenerator(),
            discriminator=PointNetDiscriminator(widths=(64, 128, 256, 512, 1024), head=(1024, 512, 512), pool="max"),
            objective=Wasserstein(),
            penalties=(GradientPenalty(weight=10.0),),
            d_steps=5,
        ),
        optimizers={"G": learning, "D": learning},
        ema=Ema(half_life=0),
        callbacks=seen(50_000, rows=4),
    )
