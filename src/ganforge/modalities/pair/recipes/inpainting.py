"""Inpainting: holes in images filled.

Sources are the targets with holes, and a mask that marks the holes.
"""

from __future__ import annotations

from dataclasses import replace

from ganforge.core.schedule import falling
from ganforge.data.path import PathData
from ganforge.engine.callbacks.usual import seen
from ganforge.losses.adversarial import Hinge, NonSaturating
from ganforge.losses.penalties import R1
from ganforge.modalities.pair.critics.patchgan import PatchGan
from ganforge.modalities.pair.degrade.base import Degrade
from ganforge.modalities.pair.losses.reconstruction import L1, FeatureMatch
from ganforge.modalities.pair.nets.fourier import Fourier
from ganforge.modalities.pair.nets.gated import Gated
from ganforge.modalities.pair.recipes.photos import LATER, M, small
from ganforge.modalities.pair.signal import Pair
from ganforge.modalities.pair.tasks.paired import Paired
from ganforge.recipes import recipe
from ganforge.recipes.base import Recipe
from ganforge.recipes.optimizer import Adam


@recipe("inpaint")
def inpaint() -> Recipe:
    """Holes in images filled by gated convolutions, which learn what of a half-hidden image to believe.

    Paper: Yu et al. 2019: gated convolutions, free-form strokes, a critic of patches with spectral norm that sees the
    mask, hinge, L1, images of 256 px, batch 16, Adam 1e-4. Departures: one stage, no contextual attention; L1 counts
    six times in the hole.
    Command: `ganforge train inpaint data=photos/`, or with holes of your own: `degrade=masks(path=masks/)`
    """
    return Recipe(
        data=PathData(path="photos"),
        samples=16 * M,
        batch=16,
        checkpoint_every=160_000,
        log_every=3_200,
        signal=Pair(size=256, jitter=32, fit="crop", flip=True, degrade=Degrade.parse("strokes")),
        task=Paired(
            translator=Gated(),
            critics=(PatchGan(layers=4, max_channels=256, norm="spectral"),),
            conditional=True,
            objective=Hinge(),
            terms=(L1(hole=6.0),),
        ),
        optimizers={"G": Adam(lr=1e-4, betas=(0.5, 0.999)), "D": Adam(lr=1e-4, betas=(0.5, 0.999))},
        callbacks=seen(40_000),
    )


@recipe("inpaint-small")
def inpaint_small() -> Recipe:
    """`inpaint` for two CPU cores: images of 64 px, whose holes are filled smoothly first and then corrected.

    Paper: Yu et al. 2019. Departures: those of `inpaint`; the smooth filling, 64 px cut from 72, 12 channels, 10 · L1,
    the critic comes in after a tenth of the samples and the game weighs 0.3, batch 8, 1e-3 for G.
    Command: `ganforge train inpaint-small data=photos/`
    """
    base, samples = inpaint(), 80_000
    task = replace(
        base.task,
        translator=Gated(channels=12, residual=True),
        critics=(PatchGan(channels=16, max_channels=64, norm="spectral"),),
        terms=(L1(weight=10.0, hole=6.0), FeatureMatch(weight=10.0)),
        adversarial=0.3,
        alone=samples // 10,
    )
    return small(
        base,
        samples,
        batch=8,
        signal=Pair(size=64, jitter=8, fit="crop", flip=True, degrade=Degrade.parse("strokes")),
        task=task,
        optimizers={"G": Adam(lr=falling(1e-3, samples)), "D": Adam(lr=4e-4)},
    )


@recipe("lama-small")
def lama_small() -> Recipe:
    """Large holes filled by Fourier convolutions, each of which sees the whole image, on two CPU cores.

    Paper: Suvorov et al. 2022: Fourier convolutions, a critic of patches, 10 · game + 100 · its features + R1 0.001 +
    10 · L1 where the image is known, Adam 1e-3 for G and 1e-4 for D. Departures: no features of a net for
    segmentation; 64 px, 16 channels and 3 blocks for 256 px, 64 and 9; L1 also in the hole, a tenth of it; R1 every 16
    steps; batch 8.
    Command: `ganforge train lama-small data=photos/`
    """
    base = inpaint_small()
    task = Paired(
        translator=Fourier(channels=16, max_channels=64, blocks=3),
        critics=(PatchGan(channels=16, max_channels=64, norm="none"),),
        conditional=True,
        objective=NonSaturating(),
        terms=(L1(weight=10.0, hole=0.1), FeatureMatch(weight=100.0)),
        penalties=(R1(weight=1e-3, every=16),),
        adversarial=10.0,
    )
    rates = {"G": Adam(lr=1e-3, betas=LATER), "D": Adam(lr=1e-4, betas=LATER)}
    return replace(base, task=task, optimizers=rates)
