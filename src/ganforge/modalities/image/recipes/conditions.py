"""Images with conditions of several kinds."""

from __future__ import annotations

from ganforge.losses.adversarial import Hinge, NonSaturating
from ganforge.modalities.image.nets.dcgan import DcganDiscriminator, DcganGenerator
from ganforge.modalities.image.nets.upconv import UpconvGenerator
from ganforge.modalities.image.signal import Image
from ganforge.modalities.image.sources.named import Mnist
from ganforge.modalities.image.sources.sprites import Sprites
from ganforge.recipes import recipe
from ganforge.recipes.base import Recipe
from ganforge.recipes.optimizer import Adam
from ganforge.tasks.acgan import Acgan
from ganforge.tasks.infogan import InfoGan
from ganforge.tasks.vicinal import Vicinal


@recipe("conditions-small")
def conditions_small() -> Recipe:
    """Images with conditions of any kind (color, angle, tags, ...), for two CPU cores; also predicts them from images.

    D scores pairs of image and conditions, and learns to predict the conditions of real images; G is trained so that
    what D predicts from its images is what was asked.

    Papers: Odena et al. 2017 (predicting what was asked), Miyato & Koyama 2018 (projection). Departures: both together;
    conditions of any kind instead of a class; the predictions are learned from real images only; a small DCGAN D with
    spectral norm, and a G of nearest-neighbor enlargement and convolutions; higher learning rates.
    Command: `ganforge train conditions-small data=sprites`, or `data=./photos labels=labels.csv`; then `ganforge sample
    runs/... --where "angle=30" --where "color=red"`
    """
    return Recipe(
        data=Sprites(),
        samples=1_000_000,
        batch=64,
        checkpoint_every=100_000,
        log_every=10_000,
        signal=Image(),
        task=Acgan(
            generator=UpconvGenerator(latent=32, channels=32),
            discriminator=DcganDiscriminator(channels=32, norm="spectral"),
            objective=NonSaturating(),
            projection=True,
            on_fakes=False,
        ),
        optimizers={"G": Adam(lr=5e-4, betas=(0.5, 0.999)), "D": Adam(lr=1e-3, betas=(0.5, 0.999))},
    )


@recipe("ccgan-small")
def ccgan_small() -> Recipe:
    """Images for any value of a number, for two CPU cores: D compares images whose values are close to the one asked.

    Paper: Ding et al. 2021 (soft vicinal loss; σ and κ by its rules of thumb). Departures: small DCGAN nets; those of
    `tasks/vicinal.py`.
    Command: `ganforge train ccgan-small data=./faces labels=ages.csv data.columns=[age]`; with several numbers
    `task.condition=age`; hard vicinity: `task.vicinity=hard`
    """
    return Recipe(
        data=Sprites(),
        samples=1_000_000,
        batch=64,
        checkpoint_every=100_000,
        log_every=10_000,
        signal=Image(),
        task=Vicinal(
            generator=DcganGenerator(latent=64, channels=32),
            discriminator=DcganDiscriminator(channels=32, norm="spectral"),
            objective=Hinge(),
            condition="angle",
        ),
        optimizers={"G": Adam(lr=2e-4, betas=(0.5, 0.999)), "D": Adam(lr=4e-4, betas=(0.5, 0.999))},
    )


@recipe("infogan")
def infogan() -> Recipe:
    """Factors of variation without labels, for two CPU cores: a category and two numbers that G's images must show.

    Paper: Chen et al. 2016 (a category of ten values and two numbers for MNIST; λ = 1; Adam 2e-4 for D, 1e-3 for G).
    Departures: DCGAN nets, spectral norm in D, numbers regressed through a phase, and EMA of G.
    Command: `ganforge train infogan data=mnist`, then `ganforge walk runs/... --vary "c1=-1..1" --where "c0=3"`
    """
    return Recipe(
        data=Mnist(),
        samples=1_200_000,
        batch=64,
        checkpoint_every=100_000,
        log_every=10_000,
        signal=Image(),
        task=InfoGan(
            generator=DcganGenerator(latent=62, channels=32, mapping=1),
            discriminator=DcganDiscriminator(channels=32, norm="spectral"),
            objective=NonSaturating(),
        ),
        optimizers={"G": Adam(lr=1e-3, betas=(0.5, 0.999)), "D": Adam(lr=2e-4, betas=(0.5, 0.999))},
    )
