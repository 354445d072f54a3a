"""Recipes for sounds."""

from __future__ import annotations

from ganforge.core.schedule import Cosine
from ganforge.data.path import PathData
from ganforge.engine.callbacks.usual import seen
from ganforge.losses.penalties import R1, R2
from ganforge.losses.relativistic import RpGan
from ganforge.modalities.audio.nets.istft import IstftGenerator, SpectrogramDiscriminator
from ganforge.modalities.audio.signal import Audio
from ganforge.recipes import recipe
from ganforge.recipes.base import Recipe
from ganforge.recipes.ema import Ema
from ganforge.recipes.optimizer import Adam
from ganforge.tasks.synthesis import Synthesis


@recipe("sound-small")
def sound_small() -> Recipe:
    """Short sounds from a generator that ends in an inverse STFT, for CPUs.

    Papers: Huang et al. 2024 (RpGAN + R1 + R2), Siuzdak 2023 (iSTFT head). Departures: γ, rates and widths are untuned.
    Command: `ganforge train data=./sounds`; with labels also `task.conditional=true`
    """
    fading = Cosine(start=1.0, end=0.1, over=20_000)
    learning = Adam(lr=Cosine(start=1e-3, end=2e-4, over=100_000), betas=(0.0, 0.9))
    return Recipe(
        data=PathData(path="./sounds"),
        samples=240_000,
        batch=32,
        checkpoint_every=20_000,
        log_every=2_000,
        signal=Audio(),
        task=Synthesis(
            generator=IstftGenerator(),
            discriminator=SpectrogramDiscriminator(),
            objective=RpGan(),
            penalties=(R1(weight=fading), R2(weight=fading)),
        ),
        optimizers={"G": learning, "D": learning},
        ema=Ema(half_life=5_000),
        callbacks=seen(20_000),
    )
