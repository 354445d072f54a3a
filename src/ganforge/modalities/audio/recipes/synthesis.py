"""Recipes that make new sounds."""

from __future__ import annotations

from dataclasses import replace

from ganforge.core.schedule import Cosine
from ganforge.data.path import PathData
from ganforge.engine.callbacks.usual import seen
from ganforge.losses.adversarial import Wasserstein
from ganforge.losses.drift import Drift
from ganforge.losses.penalties import R1, R2, GradientPenalty
from ganforge.losses.relativistic import RpGan
from ganforge.modalities.audio.forms.mel_if import MelIf
from ganforge.modalities.audio.forms.spectrogram import Spectrogram
from ganforge.modalities.audio.nets.gansynth import GansynthDiscriminator, GansynthGenerator
from ganforge.modalities.audio.nets.istft import IstftGenerator, SpectrogramDiscriminator
from ganforge.modalities.audio.nets.wavegan import (
    SpecganDiscriminator,
    SpecganGenerator,
    WaveganDiscriminator,
    WaveganGenerator,
)
from ganforge.modalities.audio.signal import Audio
from ganforge.recipes import recipe
from ganforge.recipes.base import Recipe
from ganforge.recipes.ema import Ema
from ganforge.recipes.optimizer import Adam
from ganforge.tasks.acgan import Acgan
from ganforge.tasks.synthesis import Synthesis


@recipe("sound-small")
def sound_small() -> Recipe:
    """Short sounds from a generator that ends in an inverse STFT, for CPUs.

    Papers: Huang et al. 2024 (RpGAN + R1 + R2), Siuzdak 2023 (iSTFT head). Departures: γ 0.1 to 0.02 and rates set
    on spoken digits (`docs/sound.md`).
    Command: `ganforge train data=./sounds`; with labels also `task.conditional=true`
    """
    fading = Cosine(start=0.1, end=0.02, over=40_000)
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


@recipe("wavegan")
def wavegan() -> Recipe:
    """WaveGAN: one second of sound at 16 kHz from transposed convolutions, with phase shuffle. For GPUs.

    Paper: Donahue et al. 2019: 16,384 samples, 64 channels, WGAN-GP 10 with five steps of D, Adam 1e-4 (0.5, 0.9),
    batch 64, 200 k steps. Departures: clips of one gain for the whole set; each sample is shuffled by its own draw.
    Command: `ganforge train wavegan data=./sounds`; for a CPU with
    `task.generator.channels=16 task.discriminator.channels=16`
    """
    learning = Adam(lr=1e-4, betas=(0.5, 0.9))
    return Recipe(
        data=PathData(path="./sounds"),
        samples=200_000 * 64,
        batch=64,
        checkpoint_every=100_000,
        log_every=5_000,
        signal=Audio(rate=16_000, seconds=1.024),
        task=Synthesis(
            generator=WaveganGenerator(),
            discriminator=WaveganDiscriminator(),
            objective=Wasserstein(),
            penalties=(GradientPenalty(weight=10.0),),
            d_steps=5,
        ),
        optimizers={"G": learning, "D": learning},
        ema=Ema(half_life=0),
        callbacks=seen(100_000),
    )


@recipe("specgan")
def specgan() -> Recipe:
    """SpecGAN: sounds as images of their log magnitudes, by a DCGAN; phases by 16 rounds of Griffin-Lim. For GPUs.

    Paper: Donahue et al. 2019: frames of 256 samples in steps of 128, 128x128 bins, standardized and cut at three
    deviations; otherwise as `wavegan`. Departures: those of `wavegan`; Griffin-Lim with momentum.
    Command: `ganforge train specgan data=./sounds`
    """
    base = wavegan()
    form = Spectrogram(hop=128, floor=1e-6, rounds=16)
    return replace(
        base,
        signal=replace(base.signal, form=form),
        task=replace(base.task, generator=SpecganGenerator(), discriminator=SpecganDiscriminator()),
    )


@recipe("gansynth")
def gansynth() -> Recipe:
    """GANSynth: notes of four seconds as log-mel magnitudes and instantaneous frequencies, by pitch. For GPUs.

    Paper: Engel et al. 2019, mel and high resolution: 128 frames of 1,024 bands, up to 256 channels, WGAN-GP 10 with
    drift 1e-3, the class weighed 10, Adam 8e-4, batch 8, 11 M notes. Departures: the grids are not grown one by one;
    one label head of a learned vector in place of a one-hot.
    Command: `ganforge train gansynth data=./notes`: labels are pitches
    """
    learning = Adam(lr=8e-4, betas=(0.0, 0.99))
    return Recipe(
        data=PathData(path="./notes"),
        samples=11_000_000,
        batch=8,
        checkpoint_every=100_000,
        log_every=2_000,
        signal=Audio(rate=16_000, seconds=4.096, form=MelIf()),
        task=Acgan(
            generator=GansynthGenerator(),
            discriminator=GansynthDiscriminator(),
            objective=Wasserstein(),
            penalties=(GradientPenalty(weight=10.0), Drift()),
            classify=10.0,
        ),
        optimizers={"G": learning, "D": learning},
        ema=Ema(half_life=10_000),
        callbacks=seen(100_000),
    )
