"""Recipes that make volumes of images."""

from __future__ import annotations

from ganforge.engine.callbacks.usual import seen
from ganforge.losses.adversarial import NonSaturating
from ganforge.modalities.shape.nets.images import ImageEncoder
from ganforge.modalities.shape.nets.papers import Gan3dDiscriminator, Gan3dGenerator
from ganforge.modalities.shape.paper_recipes import BITS
from ganforge.modalities.shape.recipes import DATA
from ganforge.modalities.shape.tasks.from_images import VolumesFromImages
from ganforge.modalities.shape.volume import Volume
from ganforge.recipes import recipe
from ganforge.recipes.base import Recipe
from ganforge.recipes.ema import Ema
from ganforge.recipes.optimizer import Adam


@recipe("3d-vae-gan")
def vae_gan3d() -> Recipe:
    """3D-VAE-GAN: volumes of 64 cells a side from single images of 256 px. For GPUs.

    Paper: Wu et al. 2016, section 3.3: the encoder's five convolutions, 3D-GAN's nets, α₁ 5 and α₂ 1e-4, batch 100,
    Adam with β1 0.5, 2.5e-3 for G and 1e-5 for D, which is only trained while its accuracy is at most 80 %. Departures:
    E's rate, which the paper does not state, is 3e-4, as in Larsen et al. 2016; images are drawn from the volumes on a
    plain background, from any side; a step of D that is left out still follows Adam's momentum.
    Command: `ganforge train 3d-vae-gan data=./chairs`, then `ganforge translate RUN images/ --out shapes/`; for a CPU
    with `signal.size=32 signal.image=64 task.generator.channels=16 task.discriminator.channels=16
    task.encoder.channels=16 batch=32`
    """
    return Recipe(
        data=DATA,
        samples=1_000_000,
        batch=100,
        checkpoint_every=20_000,
        log_every=2_000,
        signal=Volume(size=64, clip=BITS, image=256),
        task=VolumesFromImages(
            encoder=ImageEncoder(),
            generator=Gan3dGenerator(prior="normal"),
            discriminator=Gan3dDiscriminator(),
            objective=NonSaturating(),
        ),
        optimizers={
            "E": Adam(lr=3e-4, betas=(0.5, 0.999)),
            "G": Adam(lr=2.5e-3, betas=(0.5, 0.999)),
            "D": Adam(lr=1e-5, betas=(0.5, 0.999)),
        },
        ema=Ema(half_life=0),
        callbacks=seen(20_000, rows=4),
    )
