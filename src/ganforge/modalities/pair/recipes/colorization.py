"""Colorization: colors for gray photographs. Sources are the targets without their colors."""

from __future__ import annotations

from dataclasses import replace

from ganforge.core.schedule import falling
from ganforge.data.path import PathData
from ganforge.losses.adversarial import NonSaturating
from ganforge.modalities.pair.critics.patchgan import PatchGan
from ganforge.modalities.pair.degrade.base import Degrade
from ganforge.modalities.pair.losses.reconstruction import L1, FeatureMatch
from ganforge.modalities.pair.nets.unet import Unet
from ganforge.modalities.pair.recipes.photos import small
from ganforge.modalities.pair.recipes.translation import pix2pix
from ganforge.modalities.pair.signal import Pair
from ganforge.modalities.pair.tasks.paired import Paired
from ganforge.recipes import recipe
from ganforge.recipes.base import Recipe
from ganforge.recipes.optimizer import Adam


@recipe("colorize")
def colorize() -> Recipe:
    """Gray photographs colored: pix2pix whose source is the image without its colors.

    Paper: Isola et al. 2017, section 4: `pix2pix` as it stands. Departures: RGB for Lab, so the net paints the whole
    image and not its colors alone.
    Command: `ganforge train colorize data=photos/`
    """
    base = pix2pix()
    signal = Pair(size=256, jitter=30, fit="crop", mode="RGB", flip=True, degrade=Degrade.parse("grey"))
    return replace(base, data=PathData(path="photos"), signal=signal)


@recipe("colorize-small")
def colorize_small() -> Recipe:
    """`colorize` for two CPU cores: images of 64 px and small nets.

    Paper: Isola et al. 2017. Departures: those of `colorize`; 64 px cut from 72, 16 channels, batch 8, 4e-4, the
    critic's layers as a second yardstick, the running average of G.
    Command: `ganforge train colorize-small data=photos/`
    """
    base = colorize()
    task = Paired(
        translator=Unet(channels=16, max_channels=128, norm="instance", upsample="shuffle"),
        critics=(PatchGan(channels=16, max_channels=64, layers=2, norm="instance"),),
        conditional=True,
        objective=NonSaturating(),
        terms=(L1(weight=100.0), FeatureMatch(weight=10.0)),
        d_gain=0.5,
    )
    return small(
        base,
        batch=8,
        signal=replace(base.signal, size=64, jitter=8),
        task=task,
        optimizers={"G": Adam(lr=falling(4e-4, 80_000)), "D": Adam(lr=falling(4e-4, 80_000))},
    )
