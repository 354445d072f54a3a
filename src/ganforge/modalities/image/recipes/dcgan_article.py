"""The small convolutional GAN of tutorials on MNIST."""

from __future__ import annotations

from ganforge.losses.adversarial import NonSaturating
from ganforge.modalities.image.nets.dcgan_article import ArticleDiscriminator, ArticleGenerator
from ganforge.modalities.image.signal import Image
from ganforge.modalities.image.sources.named import Mnist
from ganforge.recipes import recipe
from ganforge.recipes.base import Recipe
from ganforge.recipes.optimizer import Adam
from ganforge.tasks.simultaneous import Simultaneous


@recipe("dcgan-article")
def dcgan_article() -> Recipe:
    """The 28×28 DCGAN of common tutorials: 5×5 kernels, 256-128-64 channels, LeakyReLU 0.3, dropout 0.3 in D.

    Source: the widespread tutorial network, implemented from its description; fifty passes over MNIST, Adam with the
    constants of Keras, batch 256, simultaneous updates of G and D as with two gradient tapes. Departures: EMA of G.
    Command: `ganforge train dcgan-article data=mnist`
    """
    return Recipe(
        data=Mnist(),
        samples=3_000_000,
        batch=256,
        checkpoint_every=120_000,
        log_every=10_000,
        precision="fp32",
        signal=Image(),
        task=Simultaneous(
            generator=ArticleGenerator(), discriminator=ArticleDiscriminator(), objective=NonSaturating()
        ),
        optimizers={
            "G": Adam(lr=1e-4, betas=(0.9, 0.999), eps=1e-7),
            "D": Adam(lr=1e-4, betas=(0.9, 0.999), eps=1e-7),
        },
    )
