"""Recipes that make sounds of mel spectra or of damaged sounds."""

from __future__ import annotations

from dataclasses import replace

from ganforge.core.schedule import Cosine, Steps
from ganforge.data.path import PathData
from ganforge.losses.adversarial import Hinge, LeastSquares
from ganforge.modalities.audio.degrade import SoundDegrade
from ganforge.modalities.audio.melscale import MelScale
from ganforge.modalities.audio.nets.hifigan import Hifigan, StftDiscriminator, WaveDiscriminator
from ganforge.modalities.audio.nets.translators import SpectralMask, Vocos
from ganforge.modalities.audio.signal import Audio
from ganforge.modalities.audio.tasks.translating import Restoration, Vocoder
from ganforge.recipes import recipe
from ganforge.recipes.base import Recipe
from ganforge.recipes.ema import Ema
from ganforge.recipes.optimizer import AdamW, Optimizer

EPOCH = 13_100
"""Sounds of LJ Speech, after each pass over which HiFi-GAN's rate falls."""
SMALL = 120_000
VOCODER = 240_000


def hifigan(translator: Hifigan) -> Recipe:
    """HiFi-GAN with a generator of one of its sizes, for sounds of 22,050 Hz."""
    samples = 16 * 2_500_000
    falling = Steps(start=2e-4, factor=0.999, at=tuple(range(EPOCH, samples, EPOCH)))
    learning = AdamW(lr=falling, betas=(0.8, 0.99), weight_decay=0.01)
    return Recipe(
        data=PathData(path="./speech"),
        samples=samples,
        batch=16,
        checkpoint_every=200_000,
        log_every=2_000,
        signal=Audio(rate=22_050, seconds=8_192 / 22_050, crops=True),
        task=Vocoder(
            translator=translator,
            critics=(WaveDiscriminator(scales=0), WaveDiscriminator(periods=())),
            objective=LeastSquares(),
            mel=MelScale(),
        ),
        optimizers={"G": learning, "D1": learning, "D2": learning},
        ema=Ema(half_life=0),
        callbacks=(),
    )


@recipe("hifigan-v1")
def hifigan_v1() -> Recipe:
    """HiFi-GAN V1: the vocoder with the best sound of the three, 512 channels. For GPUs.

    Paper: Kong et al. 2020: critics of periods and scales, least squares, 2 x matching, 45 x mel, AdamW 2e-4 (0.8,
    0.99) that falls to 0.999 with each pass, batch 16, clips of 8,192 samples at 22,050 Hz. Departures: the passes are
    those of LJ Speech; frames at both ends reach into zeros, not into a mirrored sound.
    Command: `ganforge train hifigan-v1 data=./speech`; then `ganforge translate RUN mels/ --out speech/`
    """
    return hifigan(Hifigan())


@recipe("hifigan-v2")
def hifigan_v2() -> Recipe:
    """HiFi-GAN V2: as V1 with 128 channels, a fifteenth of its weights. For GPUs.

    Paper: Kong et al. 2020. Departures: those of `hifigan-v1`.
    Command: `ganforge train hifigan-v2 data=./speech`
    """
    return hifigan(Hifigan(channels=128))


@recipe("hifigan-v3")
def hifigan_v3() -> Recipe:
    """HiFi-GAN V3: three larger steps and simpler blocks, the quickest of the three. For GPUs.

    Paper: Kong et al. 2020. Departures: those of `hifigan-v1`.
    Command: `ganforge train hifigan-v3 data=./speech`
    """
    return hifigan(
        Hifigan(
            channels=256,
            rates=(8, 8, 4),
            kernels=(3, 5, 7),
            dilations=((1, 2), (2, 6), (3, 12)),
            block="2",
        )
    )


@recipe("vocos")
def vocos() -> Recipe:
    """Vocos: a vocoder that works at the rate of frames and ends in an inverse STFT; ten times as fast. For GPUs.

    Paper: Siuzdak 2023: eight ConvNeXt blocks of 512, 100 mel bands at 24 kHz, hinge on periods and 0.1 x on spectra,
    matching, 45 x mel, AdamW 5e-4 (0.8, 0.9) along a cosine, batch 16, 1 M steps. Departures: G and critics step in the
    order G, D; the spectral critics see whole magnitudes.
    Command: `ganforge train vocos data=./speech`
    """
    samples = 16 * 1_000_000
    learning = AdamW(lr=Cosine(start=5e-4, end=0.0, over=samples), betas=(0.8, 0.9), weight_decay=0.01)
    return Recipe(
        data=PathData(path="./speech"),
        samples=samples,
        batch=16,
        checkpoint_every=200_000,
        log_every=2_000,
        signal=Audio(rate=24_000, seconds=16_384 / 24_000, crops=True),
        task=Vocoder(
            translator=Vocos(),
            critics=(WaveDiscriminator(scales=0), StftDiscriminator()),
            weights=(1.0, 0.1),
            objective=Hinge(),
            mel=MelScale(bands=100, high=None, scale="htk", floor=1e-7),
            matching=1.0,
        ),
        optimizers={"G": learning, "D1": learning, "D2": learning},
        ema=Ema(half_life=0),
        callbacks=(),
    )


def falling(over: int) -> dict[str, Optimizer]:
    """The optimizers of the small recipes; their rates fall over `over` samples."""
    learning = AdamW(lr=Cosine(start=1e-3, end=1e-4, over=over), betas=(0.8, 0.9), weight_decay=0.01)
    return {"G": learning, "D1": learning, "D2": learning}


@recipe("vocoder-small")
def vocoder_small() -> Recipe:
    """Vocos cut down for a processor: 40 mel bands, four blocks of 128, which learn alone at first.

    Papers: Siuzdak 2023; Kong et al. 2020; Yamamoto et al. 2020 (the distance of spectra). Departures: frames of 256
    samples in steps of 64; what is made is brought nearer to the mel, as part of the net, twice in training and four
    times in use; clips of a quarter of a second, a distance of log spectra beside that of mels, and both alone for the
    first half; critics of periods 2, 3, 5, 7 with 8 to 64 channels and of spectra with 16; batch 16.
    Command: `ganforge train vocoder-small data=./speech`; then `ganforge translate RUN mels/ --out speech/`
    """
    base = vocos()
    return replace(
        base,
        samples=VOCODER,
        checkpoint_every=20_000,
        signal=Audio(seconds=0.256),
        task=replace(
            base.task,
            translator=Vocos(channels=128, inner=384, blocks=4, window=256, rounds=2, rounds_in_use=4),
            critics=(
                WaveDiscriminator(periods=(2, 3, 5, 7), scales=0, channels=8, max_channels=64),
                StftDiscriminator(windows=(512, 256, 128), channels=16),
            ),
            mel=MelScale(window=256, hop=64, bands=40, high=None, floor=1e-4),
            spectra_weight=45.0,
            alone=VOCODER // 2,
        ),
        optimizers=falling(VOCODER),
        ema=Ema(half_life=2_000),
    )


@recipe("denoise-sound")
def denoise_sound() -> Recipe:
    """Sounds restored: noise, a low rate, clipping or echo taken off by changes of the spectrum. For GPUs.

    Papers: Siuzdak 2023 (blocks, critics, losses); the mask of complex numbers is that of Williamson et al. 2016.
    Departures: ours as a whole; white noise of 0 to 20 dB below the sound by default.
    Command: `ganforge train denoise-sound data=./sounds degrade=noise`, or `degrade=band(rate=8000)`,
    `degrade=noise+reverb`
    """
    base = vocos()
    return replace(
        base,
        data=PathData(path="./sounds"),
        samples=16 * 200_000,
        signal=Audio(rate=16_000, seconds=16_384 / 16_000, degrade=SoundDegrade.parse("noise(snr=0..20)")),
        task=Restoration(
            translator=SpectralMask(),
            critics=(WaveDiscriminator(scales=0), StftDiscriminator()),
            weights=(1.0, 0.1),
            objective=Hinge(),
            mel=MelScale(high=None),
            matching=1.0,
        ),
    )


@recipe("denoise-sound-small")
def denoise_sound_small() -> Recipe:
    """`denoise-sound` for two CPU cores: three blocks of 96 channels and the small critics.

    Papers: those of `denoise-sound`. Departures: frames of 256 samples in steps of 64, the nets and the course of
    `vocoder-small`.
    Command: `ganforge train denoise-sound-small data=./sounds degrade=noise`
    """
    base, small = denoise_sound(), vocoder_small()
    assert isinstance(small.task, Vocoder)
    return replace(
        base,
        samples=SMALL,
        checkpoint_every=20_000,
        signal=Audio(degrade=SoundDegrade.parse("noise(snr=0..20)")),
        task=replace(
            base.task,
            translator=SpectralMask(channels=96, inner=288, blocks=3, window=256),
            critics=small.task.critics,
            mel=replace(small.task.mel, floor=1e-3),
            alone=SMALL // 3,
        ),
        optimizers=falling(SMALL),
        ema=small.ema,
    )
