"""Recipes for shapes: small ones, of our own."""

from __future__ import annotations

from ganforge.core.schedule import Cosine
from ganforge.data.path import PathData
from ganforge.engine.callbacks.usual import seen
from ganforge.losses.penalties import R1, R2
from ganforge.losses.relativistic import RpGan
from ganforge.modalities.shape.cloud import Cloud
from ganforge.modalities.shape.nets.clouds import Chamfer, PointNetDiscriminator, PointNetEncoder
from ganforge.modalities.shape.nets.solids import Inside, VoxelEncoder
from ganforge.modalities.shape.nets.sphere import SphereGenerator
from ganforge.modalities.shape.nets.voxels import VoxelDiscriminator, VoxelGenerator
from ganforge.modalities.shape.tasks.completion import Completion
from ganforge.modalities.shape.volume import Volume
from ganforge.nets.mlp import MlpDiscriminator, MlpGenerator
from ganforge.recipes import recipe
from ganforge.recipes.base import Recipe
from ganforge.recipes.ema import Ema
from ganforge.recipes.optimizer import Adam
from ganforge.tasks.latent_gan import LatentGan
from ganforge.tasks.synthesis import Synthesis

DATA = PathData(path="./shapes")


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
