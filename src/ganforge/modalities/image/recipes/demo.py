"""The demonstration."""

from __future__ import annotations

from ganforge.losses.adversarial import NonSaturating
from ganforge.modalities.image.nets.dcgan import DcganDiscriminator, DcganGenerator
from ganforge.modalities.image.signal import Image
from ganforge.modalities.image.sources.embedded import Digits
from ganforge.recipes import recipe
from ganforge.recipes.base import Recipe
from ganforge.recipes.ema import Ema
from ganforge.recipes.optimizer import Adam
from ganforge.tasks.synthesis import Synthesis


@recipe("demo")
def demo() -> Recipe:
    """A real GAN in less than a minute on a plain computer: a small conditional DCGAN on the embedded 8×8 digits.

    Papers: as `cdcgan`, at 8×8 = 2·2². Departures: as there, 64 latents for the size of the data, and a higher learning
    rate, since short runs gain by it.
    Command: `ganforge train`
    Cost: about 25 s on two CPU cores. Expect: a classifier of the real digits takes 99 % of the new ones for what was
    asked (measured at 150,000 samples).
    """
    return Recipe(
        data=Digits(),
        samples=120_000,
        batch=64,
        checkpoint_every=40_000,
        log_every=2_000,
        signal=Image(),
        task=Synthesis(
            generator=DcganGenerator(latent=64, channels=64),
            discriminator=DcganDiscriminator(channels=64),
            objective=NonSaturating(),
            conditional=True,
        ),
        optimizers={"G": Adam(lr=5e-4), "D": Adam(lr=5e-4)},
        ema=Ema(half_life=5_000),
    )
