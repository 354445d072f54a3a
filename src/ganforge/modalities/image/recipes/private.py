"""GANs with differential privacy."""

from __future__ import annotations

from ganforge.losses.adversarial import NonSaturating
from ganforge.modalities.image.nets.dcgan import DcganGenerator
from ganforge.modalities.image.signal import Image
from ganforge.modalities.image.sources.named import Mnist
from ganforge.nets.mlp import MlpDiscriminator
from ganforge.recipes import recipe
from ganforge.recipes.base import Recipe
from ganforge.recipes.ema import Ema
from ganforge.recipes.health import Off
from ganforge.recipes.optimizer import Adam
from ganforge.recipes.privacy import DpSgd
from ganforge.tasks.private import Private


@recipe("dp-gan")
def dp_gan() -> Recipe:
    """A conditional GAN with differential privacy, which limits what the model reveals about any single training
    sample.

    Papers: Abadi et al. 2016 (DP-SGD); Xie et al. 2018 (G is private if D is); Bie et al. 2023 (large batches, several
    D steps per G step, Adam). Departures: a small fully connected D, for which clipping is fast; fakes are clipped like
    real samples; EMA of G.
    Command: `ganforge train dp-gan data=mnist privacy.epsilon=10`, then `ganforge sample runs/... --label 3`
    See docs/privacy.md for what is guaranteed and what is not.
    """
    return Recipe(
        data=Mnist(),
        samples=600_000,
        batch=512,
        checkpoint_every=150_000,
        log_every=10_000,
        signal=Image(),
        task=Private(
            generator=DcganGenerator(latent=64, channels=16),
            discriminator=MlpDiscriminator(widths=(256, 128)),
            objective=NonSaturating(),
            conditional=True,
            d_steps=3,
        ),
        optimizers={"G": Adam(lr=1e-3), "D": Adam(lr=1e-3)},
        ema=Ema(half_life=20_000),
        health=Off(),
        privacy=DpSgd(epsilon=10.0),
    )
