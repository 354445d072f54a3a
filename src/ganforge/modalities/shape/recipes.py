"""Recipes for shapes: ours, and those of papers."""

from __future__ import annotations

from ganforge.core.schedule import Cosine
from ganforge.data.path import PathData
from ganforge.engine.callbacks.usual import seen
from ganforge.losses.adversarial import NonSaturating, Wasserstein
from ganforge.losses.penalties import R1, R2, GradientPenalty
from ganforge.losses.relativistic import RpGan
from ganforge.modalities.shape.cloud import Cloud
from ganforge.modalities.shape.nets.clouds import Chamfer, PointNetDiscriminator, PointNetEncoder
from ganforge.modalities.shape.nets.papers import (
    Gan3dDiscriminator,
    Gan3dGenerator,
    Iwgan3dDiscriminator,
    Iwgan3dGenerator,
)
from ganforge.modalities.shape.nets.solids import Inside, VoxelEncoder
from ganforge.modalities.shape.nets.sphere import SphereGenerator
from ganforge.modalities.shape.nets.tree import TreeGenerator
from ganforge.modalities.shape.nets.voxels import VoxelDiscriminator, VoxelGenerator
from ganforge.modalities.shape.tasks.completion import Completion
from ganforge.modalities.shape.tasks.throttled import ThrottledSynthesis
from ganforge.modalities.shape.volume import Volume
from ganforge.nets.mlp import MlpDiscriminator, MlpGenerator
from ganforge.recipes import recipe
from ganforge.recipes.base import Recipe
from ganforge.recipes.ema import Ema
from ganforge.recipes.optimizer import Adam
from ganforge.tasks.latent_gan import LatentGan
from ganforge.tasks.synthesis import Synthesis

DATA = PathData(path="./shapes")
BITS = 0.5
"""A clip of half a cell: distances become -1 and 1, the occupied cells that papers train on."""


@recipe("voxels-small")
def voxels_small() -> Recipe:
    """Volumes and meshes of 32 cells a side: R3GAN's losses on clipped distances, for CPUs.

    Paper: Huang et al. 2024 (RpGAN + R1 + R2, the critic's blocks). Departures: three dimensions; a net as DCGAN's
    with batch norm, which enlarges by nearest neighbors, makes the volumes, and they are smoothed; cells of 4³ are the
    channels of D's finest grid.
    Measured: 44,672 samples of 890 chairs (30 minutes of one core): 1-NNA 0.63 by Chamfer distance (floor 0.54); 12 %
    of the volumes are in one part.
    Command: `ganforge train data=./shapes`; then `ganforge sample RUN -n 8 --out shapes/ --format stl`
    """
    fading = Cosine(start=0.3, end=0.03, over=50_000)
    memory = (0.0, Cosine(start=0.9, end=0.99, over=50_000))
    return Recipe(
        data=DATA,
        samples=110_000,
        batch=32,
        checkpoint_every=10_000,
        log_every=2_000,
        signal=Volume(),
        task=Synthesis(
            generator=VoxelGenerator(enlarge="nearest"),
            discriminator=VoxelDiscriminator(),
            objective=RpGan(),
            penalties=(R1(weight=fading), R2(weight=fading)),
        ),
        optimizers={
            "G": Adam(lr=Cosine(start=1e-3, end=2e-4, over=100_000), betas=memory),
            "D": Adam(lr=Cosine(start=1e-3, end=2e-4, over=100_000), betas=memory),
        },
        ema=Ema(half_life=4_000),
        callbacks=seen(10_000, rows=4),
    )


@recipe("voxels-latent-small")
def voxels_latent_small() -> Recipe:
    """Volumes and meshes of 32 cells a side: an autoencoder, then R3GAN's losses on its latents, for CPUs.

    Papers: Achlioptas et al. 2018 (a GAN on the latents of an autoencoder of shapes), Huang et al. 2024 (RpGAN + R1 +
    R2). Departures: volumes of clipped distances for clouds; the autoencoder also learns on which side of the surface
    each cell is, and its latents get noise; relativistic pairs.
    Measured: 257,216 samples of 890 chairs, 100,000 of them for the autoencoder (28 minutes of one core in bf16): 1-NNA
    0.56 by Chamfer distance (floor 0.54); 72 % of the volumes are in one part.
    Command: `ganforge train data=./shapes`; then `ganforge sample RUN -n 8 --out shapes/ --format stl`
    """
    samples, ae = 300_000, 100_000
    learning = Adam(lr=Cosine(start=2e-3, end=2e-5, over=ae), betas=(0.9, 0.99))
    return Recipe(
        data=DATA,
        samples=samples,
        batch=32,
        checkpoint_every=20_000,
        log_every=2_000,
        signal=Volume(),
        task=LatentGan(
            encoder=VoxelEncoder(),
            decoder=VoxelGenerator(latent=64, enlarge="nearest"),
            likelihood=Inside(),
            generator=MlpGenerator(latent=64, widths=(256, 256, 256), norm="batch"),
            discriminator=MlpDiscriminator(widths=(256, 256, 256)),
            objective=RpGan(),
            penalties=(R1(weight=1.0), R2(weight=1.0)),
            autoencoder=ae,
            measured=5_000,
            noise=1.0,
        ),
        optimizers={
            "E": learning,
            "R": learning,
            "G": Adam(lr=Cosine(start=1e-3, end=1e-4, over=samples), betas=(0.0, 0.99)),
            "D": Adam(lr=Cosine(start=1e-3, end=1e-4, over=samples), betas=(0.0, 0.99)),
        },
        ema=Ema(half_life=4_000),
        callbacks=seen(20_000, rows=4),
    )


@recipe("complete-shapes")
def complete_shapes() -> Recipe:
    """Whole volumes from volumes of which a half is hidden.

    Papers: Isola et al. 2017 (a critic that sees source and output, and a distance), Huang et al. 2024 (RpGAN + R1 +
    R2). Departures: three dimensions; clipped distances for occupied cells; no noise, so one completion for each part.
    Command: `ganforge train complete-shapes data=./shapes`; then `ganforge translate RUN parts/ --out whole/`
    """
    memory = (0.0, 0.99)
    return Recipe(
        data=DATA,
        samples=100_000,
        batch=16,
        checkpoint_every=10_000,
        log_every=2_000,
        signal=Volume(hidden="half"),
        task=Completion(
            discriminator=VoxelDiscriminator(), objective=RpGan(), penalties=(R1(weight=0.3), R2(weight=0.3))
        ),
        optimizers={
            "G": Adam(lr=Cosine(start=1e-3, end=2e-4, over=100_000), betas=(0.5, 0.99)),
            "D": Adam(lr=Cosine(start=1e-3, end=2e-4, over=100_000), betas=memory),
        },
        ema=Ema(half_life=4_000),
        callbacks=seen(10_000, rows=4, columns=6),
    )


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


@recipe("cloud-small")
def cloud_small() -> Recipe:
    """Clouds of 1,024 points: a PointNet autoencoder, then R3GAN's losses on its latents, for CPUs.

    Papers: Achlioptas et al. 2018 (l-GAN), Huang et al. 2024 (RpGAN + R1 + R2). Departures: the autoencoder learns from
    512 points at a time by the Chamfer distance and the sliced Wasserstein distance; relativistic pairs.
    Command: `ganforge train data=./clouds`, or `ganforge train cloud-small data=./meshes`
    """
    samples, ae = 200_000, 100_000
    learning = Adam(lr=Cosine(start=1e-3, end=5e-5, over=ae), betas=(0.9, 0.999))
    return Recipe(
        data=DATA,
        samples=samples,
        batch=64,
        checkpoint_every=20_000,
        log_every=2_000,
        signal=Cloud(),
        task=LatentGan(
            encoder=PointNetEncoder(),
            decoder=MlpGenerator(latent=128, widths=(256, 256), norm="none", bounded=False),
            likelihood=Chamfer(sliced=1.0),
            generator=MlpGenerator(latent=64, widths=(256, 256, 256), norm="batch"),
            discriminator=MlpDiscriminator(widths=(256, 256, 256)),
            objective=RpGan(),
            penalties=(R1(weight=0.1), R2(weight=0.1)),
            autoencoder=ae,
            measured=5_000,
        ),
        optimizers={
            "E": learning,
            "R": learning,
            "G": Adam(lr=Cosine(start=1e-3, end=1e-4, over=samples), betas=(0.0, 0.99)),
            "D": Adam(lr=Cosine(start=1e-3, end=1e-4, over=samples), betas=(0.0, 0.99)),
        },
        ema=Ema(half_life=5_000),
        callbacks=seen(20_000, rows=4),
    )


@recipe("cloud-sphere")
def cloud_sphere() -> Recipe:
    """Clouds of 1,024 points from a sphere whose points move; neighbors stay neighbors.

    Papers: Li et al. 2021 (SP-GAN's generator), Huang et al. 2024 (RpGAN + R1). Departures: relativistic pairs with R1
    and one score per cloud, by maximum and mean over points; neighbors are those on the sphere; half the widths.
    Command: `ganforge train cloud-sphere data=./clouds`
    """
    memory = (0.0, 0.99)
    return Recipe(
        data=DATA,
        samples=400_000,
        batch=32,
        checkpoint_every=10_000,
        log_every=2_000,
        precision="fp32",
        signal=Cloud(),
        task=Synthesis(
            generator=SphereGenerator(),
            discriminator=PointNetDiscriminator(),
            objective=RpGan(),
            penalties=(R1(weight=1.0), R2(weight=1.0)),
        ),
        optimizers={
            "G": Adam(lr=Cosine(start=1e-3, end=1e-4, over=200_000), betas=memory),
            "D": Adam(lr=Cosine(start=1e-3, end=1e-4, over=200_000), betas=memory),
        },
        ema=Ema(half_life=4_000),
        callbacks=seen(10_000, rows=4),
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
