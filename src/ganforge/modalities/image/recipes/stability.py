"""The DCGAN pair under the games and losses that were found against instability, each as its paper sets it."""

from __future__ import annotations

from dataclasses import replace

from ganforge.core.schedule import Cosine
from ganforge.losses.adversarial import Hinge, LeastSquares, NonSaturating, Wasserstein
from ganforge.losses.penalties import R1, R2, Dragan, GradientPenalty
from ganforge.losses.relativistic import RpGan
from ganforge.modalities.image.nets.dcgan import DcganDiscriminator
from ganforge.modalities.image.recipes.dcgan import dcgan
from ganforge.recipes import recipe
from ganforge.recipes.base import Recipe
from ganforge.recipes.optimizer import Adam, RMSprop

CRITIC_STEPS = 5
"""n_critic of WGAN: n steps of D for each step of G, and n times the samples for the same number of steps of G."""


@recipe("lsgan")
def lsgan() -> Recipe:
    """Least squares instead of cross-entropy: fakes that D is sure of still pull G, by their distance.

    Paper: Mao et al. 2017, with a, b, c = 0, 1, 1 and its Adam (2e-4, β1 0.5). Departures: as in `dcgan`.
    Command: `ganforge train lsgan data=mnist`
    """
    base = dcgan()
    return replace(base, task=replace(base.task, objective=LeastSquares()))


@recipe("wgan")
def wgan() -> Recipe:
    """The first Wasserstein GAN: five steps of a critic whose weights are clamped, then one of G. Slow, and steady.

    Paper: Arjovsky et al. 2017: RMSprop 5e-5, weights within ±0.01, n_critic 5, batch 64, batch norm in both nets.
    Departures: five steps of the critic from the start (the paper takes a hundred in the first 25 iterations); as in
    `dcgan` for the nets. `wgan-gp` takes its place in nearly every use.
    Command: `ganforge train wgan data=mnist`
    """
    base = dcgan()
    return replace(
        base,
        samples=base.samples * CRITIC_STEPS,
        checkpoint_every=base.checkpoint_every * CRITIC_STEPS,
        log_every=base.log_every * CRITIC_STEPS,
        task=replace(base.task, objective=Wasserstein(), d_steps=CRITIC_STEPS),
        optimizers={"G": RMSprop(lr=5e-5), "D": RMSprop(lr=5e-5, clamp=0.01)},
    )


@recipe("wgan-gp")
def wgan_gp() -> Recipe:
    """A Wasserstein GAN whose critic is held to slope 1 by a penalty on its gradient; layer norm in the critic.

    Paper: Gulrajani et al. 2017: λ 10, n_critic 5, Adam 1e-4 (0, 0.9), batch 64, no batch norm in the critic.
    Departures: as in `dcgan` for the nets.
    Command: `ganforge train wgan-gp data=mnist`
    """
    base = wgan()
    return replace(
        base,
        task=replace(
            base.task, discriminator=DcganDiscriminator(norm="layer"), penalties=(GradientPenalty(weight=10.0),)
        ),
        optimizers={"G": Adam(lr=1e-4, betas=(0.0, 0.9)), "D": Adam(lr=1e-4, betas=(0.0, 0.9))},
    )


@recipe("dragan")
def dragan() -> Recipe:
    """The usual game with a penalty on the slope of D around the real samples.

    Paper: Kodali et al. 2017: λ 10, slope 1, Adam 2e-4 (0.5, 0.999). Departures: layer norm in D, since batch norm and
    a penalty on the slope at one sample do not go together; noise as a share of the data's spread; as in `dcgan`.
    Command: `ganforge train dragan data=mnist`
    """
    base = dcgan()
    return replace(
        base,
        task=replace(
            base.task,
            objective=NonSaturating(),
            discriminator=DcganDiscriminator(norm="layer"),
            penalties=(Dragan(weight=10.0),),
        ),
    )


@recipe("hinge-gan")
def hinge_gan() -> Recipe:
    """The hinge game with a spectrally normalized D, the core of SNGAN, SAGAN and BigGAN.

    Papers: Lim & Ye 2017; Miyato et al. 2018 (spectral norm, Adam 2e-4 (0.5, 0.999), one step of D). Departures: as in
    `dcgan` for the nets.
    Command: `ganforge train hinge-gan data=mnist`
    """
    base = dcgan()
    return replace(
        base,
        task=replace(base.task, objective=Hinge(), discriminator=DcganDiscriminator(norm="spectral")),
    )


@recipe("rpgan")
def rpgan() -> Recipe:
    """Relativistic pairing with R1 and R2 at every step: the game that provably converges, and keeps its modes.

    Paper: Huang et al. 2024 (R3GAN): no norm in D, γ from 1 to 0.1 as on Stacked MNIST and rates from 2e-4 to 5e-5 by
    half a cosine over the first fifth, Adam (0, 0.99). Departures: the DCGAN pair with batch norm in G, batch 64
    instead of 512, β2 fixed.
    Command: `ganforge train rpgan data=mnist`
    """
    base = dcgan()
    burn_in = base.samples // 5
    price, rate = Cosine(start=1.0, end=0.1, over=burn_in), Cosine(start=2e-4, end=5e-5, over=burn_in)
    return replace(
        base,
        task=replace(
            base.task,
            objective=RpGan(),
            discriminator=DcganDiscriminator(norm="none"),
            penalties=(R1(weight=price), R2(weight=price)),
        ),
        optimizers={"G": Adam(lr=rate, betas=(0.0, 0.99)), "D": Adam(lr=rate, betas=(0.0, 0.99))},
    )
