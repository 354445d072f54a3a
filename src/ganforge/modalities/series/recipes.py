"""GANs of time series."""

from __future__ import annotations

from ganforge.core.schedule import Cosine
from ganforge.data.path import PathData
from ganforge.engine.callbacks.usual import seen
from ganforge.losses.adversarial import NonSaturating
from ganforge.losses.penalties import R1, R2
from ganforge.losses.relativistic import RpGan
from ganforge.modalities.series.entities import EntityFile
from ganforge.modalities.series.nets import SeriesDiscriminator, SeriesGenerator
from ganforge.modalities.series.quant import QuantDiscriminator
from ganforge.modalities.series.recurrent import SeriesDecoder, SeriesEncoder
from ganforge.modalities.series.signal import Series
from ganforge.modalities.series.tasks.forecast import Forecast
from ganforge.modalities.series.tasks.impute import Impute
from ganforge.modalities.series.volatility import VolatilityGenerator
from ganforge.nets.likelihoods import OptimalGaussian
from ganforge.nets.mlp import MlpDiscriminator, MlpGenerator
from ganforge.recipes import recipe
from ganforge.recipes.base import Recipe
from ganforge.recipes.ema import Ema
from ganforge.recipes.health import Off
from ganforge.recipes.optimizer import Adam
from ganforge.recipes.privacy import DpSgd
from ganforge.tasks.latent_gan import LatentGan
from ganforge.tasks.private import Private
from ganforge.tasks.synthesis import Synthesis


@recipe("series-small")
def series_small() -> Recipe:
    """Windows of time series by convolutions along time, with relativistic pairs, R1 and R2.

    Paper: Huang et al. 2024 (RpGAN + R1 + R2, norm-free D). Departures: convolutions along time; batch norm in G; D
    also sees the change from step to step; smaller nets and larger rates.
    Command: `ganforge train data=stocks.csv`, or `signal.window=64`
    """
    samples = 400_000
    over = samples // 2
    fading = Cosine(start=1.0, end=0.1, over=over)
    learning = Adam(lr=Cosine(start=2e-3, end=3e-4, over=over), betas=(0.0, Cosine(start=0.9, end=0.99, over=over)))
    return Recipe(
        data=PathData(path="series.csv"),
        samples=samples,
        batch=128,
        checkpoint_every=50_000,
        log_every=5_000,
        signal=Series(),
        task=Synthesis(
            generator=SeriesGenerator(),
            discriminator=SeriesDiscriminator(),
            objective=RpGan(),
            penalties=(R1(weight=fading), R2(weight=fading)),
        ),
        optimizers={"G": learning, "D": learning},
        ema=Ema(half_life=20_000),
        callbacks=seen(50_000, rows=4, columns=6),
    )


@recipe("forecast")
def forecast() -> Recipe:
    """Many ways in which a series goes on, from its past; by a critic and by proper scores together.

    Paper: Huang et al. 2024 (RpGAN + R1 + R2); Pacchiardi et al. 2024 (scores). Departures: both losses together; G
    adds to a linear forecast (Zeng et al. 2023).
    Command: `ganforge train forecast data=load.csv`, then `ganforge forecast RUN --data recent.csv --out fan.csv`
    """
    over = 200_000  # of the rates; 20,000 windows of ETTh1 gave the same scores as 85,000
    return Recipe(
        data=PathData(path="series.csv"),
        samples=60_000,
        batch=64,
        checkpoint_every=20_000,
        log_every=5_000,
        signal=Series(window=192),
        task=Forecast(discriminator=SeriesDiscriminator(channels=16)),
        optimizers={
            "G": Adam(lr=Cosine(start=1e-3, end=1e-4, over=over), betas=(0.5, 0.99)),
            "D": Adam(lr=Cosine(start=1e-3, end=1e-4, over=over), betas=(0.0, 0.99)),
        },
        ema=Ema(half_life=5_000),
        callbacks=seen(20_000, rows=4, columns=6),
    )


@recipe("impute")
def impute() -> Recipe:
    """Gaps in series filled, many times, from what is given on both sides; by a critic and by proper scores together.

    Paper: Huang et al. 2024 (RpGAN + R1 + R2); Pacchiardi et al. 2024 (scores). Departures: both losses together; G
    adds to straight lines across the gaps.
    Command: `ganforge train impute data=sensor.csv`, then `ganforge impute RUN --data sensor.csv --out filled.csv`
    """
    over = 200_000
    return Recipe(
        data=PathData(path="series.csv"),
        samples=100_000,
        batch=64,
        checkpoint_every=20_000,
        log_every=5_000,
        signal=Series(window=96),
        task=Impute(discriminator=SeriesDiscriminator(channels=16)),
        optimizers={
            "G": Adam(lr=Cosine(start=1e-3, end=1e-4, over=over), betas=(0.5, 0.99)),
            "D": Adam(lr=Cosine(start=1e-3, end=1e-4, over=over), betas=(0.0, 0.99)),
        },
        ema=Ema(half_life=5_000),
        callbacks=seen(20_000, rows=4, columns=6),
    )


@recipe("dp-series")
def dp_series() -> Recipe:
    """Windows of time series with differential privacy by entity: whether a given patient, household or meter was in
    the training data stays uncertain.

    Papers: Abadi et al. 2016 (DP-SGD); Xie et al. 2018 and Bie et al. 2023 (as `dp-gan`). Departures: an item is an
    entity, of which each step sees one window; a small fully connected D.
    Command: `ganforge train dp-series data.path=meters.csv signal.public=meters.yaml privacy.epsilon=5`
    See docs/privacy.md for what is guaranteed and what is not.
    """
    return Recipe(
        data=EntityFile(path="series.csv"),
        samples=500_000,
        batch=256,
        checkpoint_every=125_000,
        log_every=10_000,
        precision="fp32",
        signal=Series(),
        task=Private(
            generator=SeriesGenerator(channels=32),
            discriminator=MlpDiscriminator(widths=(128, 64)),
            objective=NonSaturating(),
            d_steps=3,
        ),
        optimizers={"G": Adam(lr=1e-3), "D": Adam(lr=1e-3)},
        ema=Ema(half_life=20_000),
        health=Off(),
        privacy=DpSgd(epsilon=10.0),
        callbacks=seen(50_000, rows=4, columns=6),
    )


@recipe("series-latent")
def series_latent() -> Recipe:
    """Windows or whole series by a recurrent autoencoder, then a GAN on its latents: for unequal lengths and gaps.

    Paper: Pei et al. 2021 (RTSGAN); Huang et al. 2024 (RpGAN + R1 + R2). Departures: relativistic pairs for
    Wasserstein; a GRU both ways; no layer norm.
    Command: `ganforge train series-latent data=sensors/ signal.window=0`
    """
    samples, ae = 600_000, 300_000
    return Recipe(
        data=PathData(path="series.csv"),
        samples=samples,
        batch=128,
        checkpoint_every=50_000,
        log_every=5_000,
        signal=Series(),
        task=LatentGan(
            encoder=SeriesEncoder(),
            decoder=SeriesDecoder(),
            likelihood=OptimalGaussian(),
            generator=MlpGenerator(latent=64, widths=(256, 256, 256), norm="batch"),
            discriminator=MlpDiscriminator(widths=(256, 256, 256)),
            objective=RpGan(),
            penalties=(R1(weight=0.1), R2(weight=0.1)),
            autoencoder=ae,
        ),
        optimizers={
            "E": Adam(lr=Cosine(start=3e-3, end=3e-4, over=ae), betas=(0.9, 0.999)),
            "R": Adam(lr=Cosine(start=3e-3, end=3e-4, over=ae), betas=(0.9, 0.999)),
            "G": Adam(lr=Cosine(start=1e-3, end=1e-4, over=samples), betas=(0.0, 0.99)),
            "D": Adam(lr=Cosine(start=1e-3, end=1e-4, over=samples), betas=(0.0, 0.99)),
        },
        ema=Ema(half_life=5_000),
        callbacks=seen(50_000, rows=4, columns=6),
    )


@recipe("quant")
def quant() -> Recipe:
    """Windows of 127 log returns, with heavy tails, clusters of volatility and leverage.

    Paper: Huang et al. 2024 (RpGAN + R1 + R2); Wiese et al. 2020 (temporal convolutions in D).
    Departures: both critics together; G is a net of stochastic volatility with the noise of each step in it; returns
    stay as they are, since those that Lambert's W makes normal have clusters that no such G can have.
    Command: `ganforge train quant data=prices.csv`
    """
    samples = 100_000
    over = samples // 2
    fading = Cosine(start=1.0, end=0.1, over=over)
    learning = Adam(lr=Cosine(start=2e-3, end=3e-4, over=over), betas=(0.0, Cosine(start=0.9, end=0.99, over=over)))
    return Recipe(
        data=PathData(path="series.csv"),
        samples=samples,
        batch=32,
        checkpoint_every=20_000,
        log_every=2_000,
        signal=Series(window=127, change="log", scaling="standard"),
        task=Synthesis(
            generator=VolatilityGenerator(),
            discriminator=QuantDiscriminator(),
            objective=RpGan(),
            penalties=(R1(weight=fading), R2(weight=fading)),
        ),
        optimizers={"G": learning, "D": learning},
        ema=Ema(half_life=4_000),
        callbacks=seen(20_000, rows=4, columns=6),
    )
