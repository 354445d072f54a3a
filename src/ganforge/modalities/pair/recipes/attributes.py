"""Changing attributes of real images."""

from __future__ import annotations

from ganforge.core.schedule import falling
from ganforge.engine.callbacks.usual import seen
from ganforge.losses.adversarial import Wasserstein
from ganforge.losses.penalties import GradientPenalty
from ganforge.modalities.image.signal import Image
from ganforge.modalities.image.sources.sprites import Sprites
from ganforge.modalities.pair.critics.stargan import StarganCritic
from ganforge.modalities.pair.nets.stargan import StarganTranslator
from ganforge.modalities.pair.tasks.attributes import Attributes
from ganforge.recipes import recipe
from ganforge.recipes.base import Recipe
from ganforge.recipes.ema import Ema
from ganforge.recipes.optimizer import Adam


@recipe("stargan-small")
def stargan_small() -> Recipe:
    """Changing attributes of images (a color, a size), for two CPU cores: one generator for all of them.

    It is given what an image is to have; what is not asked stays as it is.

    Paper: Choi et al. 2018 (StarGAN). Departures: narrower nets with two blocks; each attribute is asked for half of
    the time, so that one can be changed without knowing the others; higher learning rates, two D steps per G step.
    Command: `ganforge train stargan-small data=sprites`, or `data=./photos labels=labels.csv`; then `ganforge translate
    runs/... photo.png --where "color=blue" --out blue.png`
    """
    return Recipe(
        data=Sprites(),
        samples=600_000,
        batch=16,
        checkpoint_every=50_000,
        log_every=5_000,
        signal=Image(),
        task=Attributes(
            translator=StarganTranslator(channels=24, blocks=2),
            discriminator=StarganCritic(channels=32, layers=3),
            objective=Wasserstein(),
            penalties=(GradientPenalty(),),
            ask=0.5,
            d_steps=2,
        ),
        optimizers={"G": Adam(lr=5e-4, betas=(0.5, 0.999)), "D": Adam(lr=5e-4, betas=(0.5, 0.999))},
        callbacks=seen(25_000),
    )


@recipe("stargan")
def stargan() -> Recipe:
    """Changing attributes of images of 128 px, such as faces, with one generator, for a GPU.

    Paper: Choi et al. 2018: WGAN-GP, attributes 1, way back 10, five D steps per G step, Adam 1e-4 (0.5, 0.999), batch
    16, mirrored images, 200,000 iterations with a falling rate. Departures: the rate falls over the second half by our
    schedule; with EMA off, as there.
    Command: `ganforge train stargan data=./faces labels=attributes.csv`
    """
    samples = 16 * 200_000
    return Recipe(
        data=Sprites(size=64),
        samples=samples,
        batch=16,
        checkpoint_every=160_000,
        log_every=16_000,
        signal=Image(size=128, flip=True),
        task=Attributes(
            translator=StarganTranslator(),
            discriminator=StarganCritic(),
            objective=Wasserstein(),
            penalties=(GradientPenalty(),),
        ),
        optimizers={
            "G": Adam(lr=falling(1e-4, samples), betas=(0.5, 0.999)),
            "D": Adam(lr=falling(1e-4, samples), betas=(0.5, 0.999)),
        },
        ema=Ema(half_life=0),
        callbacks=seen(160_000),
    )
