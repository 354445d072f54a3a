"""Recipes of time series as their papers have them; and a variational autoencoder as a baseline."""

from __future__ import annotations

from ganforge.data.path import PathData
from ganforge.engine.callbacks.usual import seen
from ganforge.losses.adversarial import NonSaturating
from ganforge.modalities.series.quant import QuantganDiscriminator, QuantGenerator
from ganforge.modalities.series.recurrent import RcganDiscriminator, RcganGenerator
from ganforge.modalities.series.signal import Series
from ganforge.modalities.series.tasks.doppelganger import DoppelGanger
from ganforge.modalities.series.tasks.sigcwgan import SigCwgan
from ganforge.modalities.series.tasks.timegan import TimeGan
from ganforge.modalities.series.timevae import TimeVaeEncoder, TimeVaeGenerator
from ganforge.nets.likelihoods import Gaussian
from ganforge.recipes import recipe
from ganforge.recipes.base import Recipe
from ganforge.recipes.ema import Ema
from ganforge.recipes.optimizer import SGD, Adam
from ganforge.tasks.autoencode import Autoencode
from ganforge.tasks.synthesis import Synthesis

OFF = Ema(half_life=0)
MINMAX = Series(scaling="minmax")


@recipe("rcgan")
def rcgan() -> Recipe:
    """LSTMs that make and score a series step by step; with labels, `task.conditional=true`, the conditional RCGAN.

    Paper: Esteban, Hyland & Rätsch 2017. Departures: none known; D takes plain SGD at 0.1, five steps to one of G.
    Command: `ganforge train rcgan data=sensors.csv`
    """
    return Recipe(
        data=PathData(path="series.csv"),
        samples=1_400_000,
        batch=28,
        checkpoint_every=100_000,
        log_every=5_000,
        signal=MINMAX,
        task=Synthesis(
            generator=RcganGenerator(), discriminator=RcganDiscriminator(), objective=NonSaturating(), d_steps=5
        ),
        optimizers={"G": Adam(lr=1e-3, betas=(0.9, 0.999)), "D": SGD(lr=0.1)},
        ema=OFF,
        callbacks=seen(100_000, rows=4, columns=6),
    )


@recipe("timegan")
def timegan() -> Recipe:
    """TimeGAN: a GAN in the latent sequence of a recurrent autoencoder, with a supervisor of the next step.

    Paper: Yoon, Jarrett & van der Schaar 2019. Departures: see the task; `samples` and `task.stage` shorten all three
    stages together, as in `samples=1920k task.stage=640k` for a tenth.
    Command: `ganforge train timegan data=stocks.csv`
    """
    adam = Adam(lr=1e-3, betas=(0.9, 0.999))
    return Recipe(
        data=PathData(path="series.csv"),
        samples=25_600_000,
        batch=128,
        checkpoint_every=500_000,
        log_every=10_000,
        signal=MINMAX,
        task=TimeGan(),
        optimizers=dict.fromkeys("ERGSD", adam),
        ema=OFF,
        callbacks=seen(500_000, rows=4, columns=6),
    )


@recipe("doppelganger")
def doppelganger() -> Recipe:
    """DoppelGANger: labels and the scale of each series first, then its steps.

    Paper: Lin et al. 2020. Departures: see the task.
    Command: `ganforge train doppelganger data=sensors.csv task.conditional=true`
    """
    adam = Adam(lr=1e-3, betas=(0.5, 0.999))
    return Recipe(
        data=PathData(path="series.csv"),
        samples=2_000_000,
        batch=100,
        checkpoint_every=100_000,
        log_every=5_000,
        signal=MINMAX,
        task=DoppelGanger(),
        optimizers={"G": adam, "D": adam, "D_a": adam},
        ema=OFF,
        callbacks=seen(100_000, rows=4, columns=6),
    )


@recipe("quantgan")
def quantgan() -> Recipe:
    """QuantGAN: temporal convolutions over windows of 127 log returns.

    Paper: Wiese et al. 2020. Departures: Adam's betas (0, 0.9); the paper does not say them.
    Command: `ganforge train quantgan data=prices.csv`
    """
    return Recipe(
        data=PathData(path="series.csv"),
        samples=400_000,
        batch=128,
        checkpoint_every=50_000,
        log_every=2_000,
        signal=Series(window=127, change="log", scaling="lambert"),
        task=Synthesis(generator=QuantGenerator(), discriminator=QuantganDiscriminator(), objective=NonSaturating()),
        optimizers={"G": Adam(lr=1e-4, betas=(0.0, 0.9)), "D": Adam(lr=3e-4, betas=(0.0, 0.9))},
        ema=OFF,
        callbacks=seen(50_000, rows=4, columns=6),
    )


@recipe("sigcwgan")
def sigcwgan() -> Recipe:
    """Sig-CWGAN: the next steps of returns by matching the expected signature of the future, without a critic.

    Paper: Liao et al. 2021. Departures: see the task; 100 draws of each past in place of 1,000.
    Command: `ganforge train sigcwgan data=prices.csv`
    """
    return Recipe(
        data=PathData(path="series.csv"),
        samples=200_000,
        batch=200,
        checkpoint_every=50_000,
        log_every=2_000,
        signal=Series(window=127, change="log", scaling="lambert"),
        task=SigCwgan(),
        optimizers={"G": Adam(lr=1e-2, betas=(0.9, 0.999))},
        ema=OFF,
        callbacks=seen(50_000, rows=4, columns=6),
    )


@recipe("timevae")
def timevae() -> Recipe:
    """TimeVAE, a variational autoencoder of windows: a baseline that is no GAN.

    Paper: Desai et al. 2021. Departures: the spread of the reconstruction is learned, not set by a weight.
    Command: `ganforge train timevae data=stocks.csv`
    """
    adam = Adam(lr=1e-3, betas=(0.9, 0.999))
    return Recipe(
        data=PathData(path="series.csv"),
        samples=400_000,
        batch=32,
        checkpoint_every=50_000,
        log_every=5_000,
        signal=MINMAX,
        task=Autoencode(encoder=TimeVaeEncoder(), generator=TimeVaeGenerator(), likelihood=Gaussian()),
        optimizers={"E": adam, "G": adam},
        ema=OFF,
        callbacks=seen(50_000, rows=4, columns=6),
    )
