"""Recipes for films: small ones, of our own."""

from __future__ import annotations

from ganforge.core.component import build
from ganforge.core.schedule import Cosine
from ganforge.data.path import PathData
from ganforge.engine.callbacks.usual import seen
from ganforge.losses.penalties import R1, R2
from ganforge.losses.relativistic import RpGan
from ganforge.modalities.video.nets.motion import MotionGenerator
from ganforge.modalities.video.signal import Video
from ganforge.modalities.video.tasks.filming import Filming
from ganforge.modalities.video.tasks.predict import Predict
from ganforge.nets.base import Discriminator
from ganforge.recipes import recipe
from ganforge.recipes.base import Recipe
from ganforge.recipes.ema import Ema
from ganforge.recipes.optimizer import Adam


@recipe("r3gan-video-small")
def r3gan_video_small() -> Recipe:
    """Short films of 64 px: R3GAN's losses with a critic that sees four frames of each, for CPUs.

    Papers: Huang et al. 2024 (RpGAN + R1 + R2, the critic's blocks), Skorokhodov et al. 2022 (motion from noise along
    time, a critic of few frames). Departures: the four frames are stacked on the channels of one 2-D critic; DCGAN's
    net draws each frame; γ and D's rate are those of `r3gan-small`, and G's is a quarter of it: at the same rate D
    could not follow, and stayed at chance (36 clips of people in motion, 4,000 samples).
    Measured: 120,000 samples of films of people in motion (30 minutes of one core, two seeds) give the action asked for
    in all clips by a classifier, and 0.61 of the real films' mean change from frame to frame.
    Command: `ganforge train data=./clips`; with labels also `task.conditional=true`
    """
    fading = Cosine(start=0.3, end=0.03, over=20_000)
    memory = (0.0, Cosine(start=0.9, end=0.99, over=100_000))
    return Recipe(
        data=PathData(path="./clips"),
        samples=180_000,
        batch=32,
        checkpoint_every=20_000,
        log_every=2_000,
        signal=Video(),
        task=Filming(
            generator=MotionGenerator(),
            discriminator=build(Discriminator, {"kind": "r3gan", "channels": 128, "patch": 2}),
            objective=RpGan(),
            penalties=(R1(weight=fading), R2(weight=fading)),
        ),
        optimizers={
            "G": Adam(lr=Cosine(start=5e-4, end=1e-4, over=100_000), betas=memory),
            "D": Adam(lr=Cosine(start=2e-3, end=3e-4, over=100_000), betas=memory),
        },
        ema=Ema(half_life=5_000),
        callbacks=seen(20_000, columns=4),
    )


@recipe("predict-video")
def predict_video() -> Recipe:
    """How short films of 64 px go on: the next frames from the last four, several ways of each, for CPUs.

    Papers: Huang et al. 2024 (RpGAN + R1 + R2, the critic's blocks), Gneiting & Raftery 2007 (the score of several
    draws). Departures: a U-Net without norms makes four frames at a time and is trained on its own frames as well.
    Command: `ganforge train predict-video data=./clips`; with labels also `task.conditional=true`
    """
    fading = Cosine(start=0.3, end=0.03, over=20_000)
    memory = (0.0, Cosine(start=0.9, end=0.99, over=100_000))
    return Recipe(
        data=PathData(path="./clips"),
        samples=60_000,
        batch=16,
        checkpoint_every=10_000,
        log_every=1_000,
        signal=Video(),
        task=Predict(
            discriminator=build(Discriminator, {"kind": "r3gan", "channels": 128, "patch": 2}),
            objective=RpGan(),
            penalties=(R1(weight=fading), R2(weight=fading)),
        ),
        optimizers={
            "G": Adam(lr=Cosine(start=5e-4, end=1e-4, over=50_000), betas=(0.5, 0.99)),
            "D": Adam(lr=Cosine(start=1e-3, end=2e-4, over=50_000), betas=memory),
        },
        ema=Ema(half_life=2_000),
        callbacks=seen(10_000, columns=3),
    )
