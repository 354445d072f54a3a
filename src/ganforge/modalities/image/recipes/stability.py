"""DCGAN nets with losses and penalties for stable training, each with the settings of its paper."""

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
"""n_critic of WGAN: number of D steps per G step, which multiplies the samples for the same number of G steps."""


@recipe("lsgan")
def lsgan() -> Recipe:
    """Least squares instead of cross-entropy (LSGAN), which gives G a gradient also for fakes that D classifies
    confidently.

    Paper: Mao et al. 2017, with a, b, c = 0, 1, 1 and its Adam (2e-4, β1 0.5). Departures: as in `dcgan`.
    Command: `ganforge train lsgan data=mnist`
    """
    base = dcgan()
    return replace(base, task=replace(base.task, objective=LeastSquares()))


@recipe("wgan")
def wgan() -> Recipe:
    """The original Wasserstein GAN: five steps of a critic with clamped weights per G step. Slow, but stable.

    Paper: Arjovsky et al. 2017: RMSprop 5e-5, weights within ±0.01, n_critic 5, batch 64, batch norm in both nets.
    Departures: five critic steps from the start (a hundred in the first 25 iterations in the paper); for the nets as in
    `dcgan`. `wgan-gp` is better in nearly every case.
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
    """A Wasserstein GAN with a gradient penalty and layer norm in the critic.

    Paper: Gulrajani et al. 2017: λ 10, n_critic 5, Adam 1e-4 (0, 0.9), batch 64, no batch norm in the critic.
    Departures: for the nets as in `dcgan`.
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
    """The non-saturating loss with a penalty on D's gradient around real samples (DRAGAN).

    Paper: Kodali et al. 2017: λ 10, target norm 1, Adam 2e-4 (0.5, 0.999). Departures: layer norm in D, since gradient
    penalties exclude batch norm; noise relative to the standard deviation of the data; as in `dcgan`.
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
    """Hinge loss with a spectrally normalized D, as in SNGAN, SAGAN and BigGAN.

    Papers: Lim & Ye 2017; Miyato et al. 2018 (spectral norm, Adam 2e-4 (0.5, 0.999), one step of D). Departures: for
    the nets as in `dcgan`.
    Command: `ganforge train hinge-gan data=mnist`
    """
    base = dcgan()
    return replace(
        base,
        task=replace(base.task, objective=Hinge(), discriminator=DcganDiscriminator(norm="spectral")),
    )


@recipe("rpgan")
def rpgan() -> Recipe:
    """Relativistic pairing with R1 and R2 at every step, which converges provably (locally) and covers all modes.

    Paper: Huang et al. 2024 (R3GAN): no norm in D, γ from 1 to 0.1 as on Stacked MNIST and learning rates from 2e-4 to
    5e-5 by half a cosine over the first fifth, Adam (0, 0.99). Departures: DCGAN nets with batch norm in G, batch 64
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
