"""GANs of points in the plane, for which lost modes can be counted: our best recipe, and those of papers.

All can be used on both mixtures: `data=ring8` (the default) and `data=grid25`. `benchmarks/modes_2d.py` compares them.
"""

from __future__ import annotations

from dataclasses import replace

from ganforge.core.schedule import Cosine, Steps
from ganforge.engine.callbacks.usual import seen
from ganforge.losses.adversarial import NonSaturating, Wasserstein
from ganforge.losses.penalties import R1, R2, GradientPenalty
from ganforge.losses.relativistic import RpGan
from ganforge.modalities.points.signal import Points
from ganforge.modalities.points.source import Ring8
from ganforge.nets.maxout import MaxoutDiscriminator
from ganforge.nets.mlp import MlpDiscriminator, MlpGenerator
from ganforge.recipes import recipe
from ganforge.recipes.base import Recipe
from ganforge.recipes.ema import Ema
from ganforge.recipes.optimizer import Adam
from ganforge.tasks.synthesis import Synthesis
from ganforge.tasks.unrolled import Unrolled

CLOUD = 50  # rows and columns of latents in a preview: 2,500 points, as in the protocol of the papers


@recipe("toy")
def toy() -> Recipe:
    """Points in the plane with the loss that loses the fewest modes: relativistic pairing, with decaying R1 and R2.

    Papers: Huang et al. 2024 (RpGAN + R1 + R2, norm-free nets, β = (0, 0.99)), Gurumurthy et al. 2017 (latents from a
    learned mixture), Tancik et al. 2020 (Fourier features), Karras et al. 2018 (EMA).
    Departures: γ decays by five orders of magnitude, first to find the modes and then to fit them precisely; learning
    rates follow half a cosine (all schedules are for 2 M samples); β2 = 0.9, so that D adapts quickly; fully connected
    nets.
    Command: `ganforge train toy`, or `data=grid25`, then `ganforge sample runs/... -n 2500 --out points.npy`
    """
    samples = 2_000_000
    fading = Steps(start=1.0, factor=0.5, at=tuple(samples * k // 22 for k in range(1, 19)))  # down to 4e-6
    return Recipe(
        data=Ring8(),
        samples=samples,
        batch=128,
        checkpoint_every=500_000,
        log_every=100_000,
        precision="fp32",
        signal=Points(),
        task=Synthesis(
            generator=MlpGenerator(latent=2, widths=(64,) * 3, norm="none", codes=256),
            discriminator=MlpDiscriminator(widths=(128,) * 3, octaves=4),
            objective=RpGan(),
            penalties=(R1(weight=fading), R2(weight=fading)),
        ),
        optimizers={
            "G": Adam(lr=Cosine(start=2e-3, end=1e-4, over=samples), betas=(0.0, 0.9)),
            "D": Adam(lr=Cosine(start=1e-3, end=5e-5, over=samples), betas=(0.0, 0.9)),
        },
        ema=Ema(half_life=50_000),
        callbacks=seen(100_000, rows=CLOUD, columns=CLOUD),
    )


@recipe("toy-vanilla")
def toy_vanilla() -> Recipe:
    """Points in the plane with the usual baseline GAN, which soon loses some of the modes.

    Papers: the GAN row of Srivastava et al. 2017 (VEEGAN) and Lin et al. 2018 (PacGAN): G of 4 × 400 units with batch
    norm, D of 3 × 200 maxout units, Adam 1e-4 with β1 = 0.8, 400 passes over 100,000 points. Departures: LeakyReLU 0.2
    in G where the papers have ReLU.
    Command: `ganforge train toy-vanilla`, or `data=grid25`
    """
    return Recipe(
        data=Ring8(),
        samples=40_000_000,
        batch=100,
        checkpoint_every=2_000_000,
        log_every=100_000,
        precision="fp32",
        signal=Points(standardize=False),
        task=Synthesis(
            generator=MlpGenerator(latent=2, widths=(400,) * 4),
            discriminator=MaxoutDiscriminator(),
            objective=NonSaturating(),
        ),
        optimizers={"G": Adam(lr=1e-4, betas=(0.8, 0.999)), "D": Adam(lr=1e-4, betas=(0.8, 0.999))},
        ema=Ema(half_life=0),
        callbacks=seen(2_000_000, rows=CLOUD, columns=CLOUD),
    )


@recipe("toy-pacgan")
def toy_pacgan() -> Recipe:
    """Points in the plane with PacGAN: `toy-vanilla` with a D that scores two samples jointly, and so detects mode
    collapse.

    Paper: Lin et al. 2018. Departures: as in `toy-vanilla`; the batch of 100 samples makes 50 packs.
    Command: `ganforge train toy-pacgan`, or `data=grid25 task.pack=4`
    """
    base = toy_vanilla()
    return replace(base, task=replace(base.task, pack=2))


@recipe("toy-wgan-gp")
def toy_wgan_gp() -> Recipe:
    """Points in the plane with WGAN-GP: a gradient penalty, and five D steps per G step.

    Paper: Gulrajani et al. 2017, settings of the toy experiments: nets of 3 × 512 units without norms, λ = 0.1, Adam
    1e-4 with β = (0.5, 0.9), batch 256, 100,000 steps of G. Departures: LeakyReLU 0.2 where the paper has ReLU.
    Command: `ganforge train toy-wgan-gp`, or `data=grid25`
    """
    return Recipe(
        data=Ring8(),
        samples=128_000_000,
        batch=256,
        checkpoint_every=5_000_000,
        log_every=100_000,
        precision="fp32",
        signal=Points(),
        task=Synthesis(
            generator=MlpGenerator(latent=2, widths=(512,) * 3, norm="none"),
            discriminator=MlpDiscriminator(widths=(512,) * 3),
            objective=Wasserstein(),
            penalties=(GradientPenalty(weight=0.1),),
            d_steps=5,
        ),
        optimizers={"G": Adam(lr=1e-4, betas=(0.5, 0.9)), "D": Adam(lr=1e-4, betas=(0.5, 0.9))},
        ema=Ema(half_life=0),
        callbacks=seen(5_000_000, rows=CLOUD, columns=CLOUD),
    )


@recipe("toy-unrolled")
def toy_unrolled() -> Recipe:
    """Points in the plane with an unrolled GAN: G is trained against D after ten further steps.

    Paper: Metz et al. 2017, settings of the mixture of Gaussians: nets of 2 × 128 units without norms, 256 latents,
    batch 512, Adam with 1e-3 for G and 1e-4 for D. Departures: LeakyReLU 0.2; unrolled steps are plain gradient
    descent, in the paper steps of D's optimizer.
    Command: `ganforge train toy-unrolled`, or `data=grid25`
    """
    return Recipe(
        data=Ring8(),
        samples=12_800_000,
        batch=512,
        checkpoint_every=1_000_000,
        log_every=100_000,
        precision="fp32",
        signal=Points(),
        task=Unrolled(
            generator=MlpGenerator(latent=256, widths=(128, 128), norm="none"),
            discriminator=MlpDiscriminator(widths=(128, 128)),
            objective=NonSaturating(),
            steps=10,
        ),
        optimizers={"G": Adam(lr=1e-3, betas=(0.5, 0.999)), "D": Adam(lr=1e-4, betas=(0.5, 0.999))},
        ema=Ema(half_life=0),
        callbacks=seen(1_000_000, rows=CLOUD, columns=CLOUD),
    )
