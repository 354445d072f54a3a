"""Variational autoencoders for images, a baseline for GANs, and VAE-GAN."""

from __future__ import annotations

from dataclasses import replace

from ganforge.losses.adversarial import NonSaturating
from ganforge.modalities.image.nets.conv_encoder import ConvEncoder
from ganforge.modalities.image.nets.dcgan import DcganDiscriminator, DcganGenerator
from ganforge.modalities.image.signal import Image
from ganforge.modalities.image.sources.named import Mnist
from ganforge.nets.likelihoods import OptimalGaussian
from ganforge.recipes import recipe
from ganforge.recipes.base import Recipe
from ganforge.recipes.optimizer import Adam
from ganforge.tasks.autoencode import Autoencode
from ganforge.tasks.vae_gan import VaeGan


@recipe("vae")
def vae() -> Recipe:
    """A variational autoencoder for images, a baseline for GANs.

    Papers: Kingma & Welling 2014; Rybkin et al. 2021 for the likelihood, a Gaussian with the optimal shared variance
    (σ-VAE), which needs no β and gives sharper images than a squared error. Departures: DCGAN's nets; EMA of G.
    Previews show real images and their reconstructions.
    Command: `ganforge train vae data=mnist`, or `data=./photos`; with labels `task.conditional=true`
    """
    adam = Adam(lr=1e-3, betas=(0.9, 0.999))
    return Recipe(
        data=Mnist(),
        samples=1_200_000,
        batch=64,
        checkpoint_every=60_000,
        log_every=2_000,
        signal=Image(),
        task=Autoencode(encoder=ConvEncoder(), generator=DcganGenerator(latent=64), likelihood=OptimalGaussian()),
        optimizers={"E": adam, "G": adam},
    )


@recipe("vae-gan")
def vae_gan() -> Recipe:
    """VAE-GAN: a variational autoencoder whose reconstruction error is measured in features of D; sharper than `vae`.

    Paper: Larsen et al. 2016: three nets, similarity in D's features, fakes from E's latents and from the prior, batch
    64, learning rates 3e-4. Departures: DCGAN's nets and Adam instead of RMSProp; see `tasks/vae_gan.py`.
    Command: `ganforge train vae-gan data=mnist`, or `data=./photos`
    """
    adam = Adam(lr=3e-4, betas=(0.5, 0.999))
    return replace(
        vae(),
        task=VaeGan(
            encoder=ConvEncoder(),
            generator=DcganGenerator(latent=64),
            discriminator=DcganDiscriminator(),
            objective=NonSaturating(),
        ),
        optimizers={"E": adam, "G": adam, "D": adam},
    )
