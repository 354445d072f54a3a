"""Restoration: noise, blur, JPEG artifacts and aging removed from photographs.

Sources are degraded targets.
"""

from __future__ import annotations

from dataclasses import replace

from ganforge.core.schedule import Cosine, falling
from ganforge.data.path import PathData
from ganforge.engine.callbacks.usual import seen
from ganforge.losses.adversarial import LeastSquares
from ganforge.modalities.pair.critics.patchgan import Multiscale, PatchGan
from ganforge.modalities.pair.losses.reconstruction import L1, L2, Charbonnier, FeatureMatch, Perceptual
from ganforge.modalities.pair.nets.resnet import ResnetTranslator
from ganforge.modalities.pair.nets.super_resolution import SrResNet
from ganforge.modalities.pair.recipes.photos import LATER, M, patches, small
from ganforge.modalities.pair.tasks.paired import Paired
from ganforge.recipes import recipe
from ganforge.recipes.base import Recipe
from ganforge.recipes.optimizer import Adam


@recipe("denoise")
def denoise() -> Recipe:
    """Noise of unknown strength taken off photographs, by a net that says what the noise was.

    Paper: Zhang et al. 2017 (DnCNN-B): the net's output is added to the noisy image, squared error, σ from 0 to 55,
    20 layers of 64 channels, patches of 50 px, batch 128. Departures: SRResNet's blocks without batch norm in place of
    a plain row of layers, patches of 64 px, Adam 1e-3 along a cosine.
    Command: `ganforge train denoise data=photos/`, or `degrade=gaussian(sigma=5..50)`, `degrade=poisson30`
    """
    samples = 6_400_000
    return Recipe(
        data=PathData(path="photos"),
        samples=samples,
        batch=64,
        checkpoint_every=160_000,
        log_every=3_200,
        signal=patches("gaussian(sigma=0..55)", 64, 32),
        task=Paired(translator=SrResNet(blocks=9, norm="none"), terms=(L2(),)),
        optimizers={"G": Adam(lr=Cosine(start=1e-3, end=1e-6, over=samples), betas=LATER)},
        callbacks=seen(160_000),
    )


@recipe("denoise-small")
def denoise_small() -> Recipe:
    """`denoise` for two CPU cores: 4 blocks of 24 channels.

    Paper: Zhang et al. 2017. Departures: those of `denoise`; Charbonnier's loss, patches of 48 px, batch 8.
    Command: `ganforge train denoise-small data=photos/`
    """
    samples = 100_000
    return small(
        denoise(),
        samples,
        batch=8,
        signal=patches("gaussian(sigma=5..50)", 48, 16),
        task=Paired(translator=SrResNet(channels=24, blocks=4, norm="none"), terms=(Charbonnier(),)),
        optimizers={"G": Adam(lr=Cosine(start=1e-3, end=1e-5, over=samples), betas=LATER)},
    )


@recipe("dejpeg")
def dejpeg() -> Recipe:
    """The blocks and rings of JPEG taken off photographs, whatever their quality.

    Papers: Dong et al. 2015 (AR-CNN), which poses the problem; the net and its training are those of `denoise`
    (Zhang et al. 2017, whose DnCNN-3 does this as well). Departures: qualities from 5 to 90.
    Command: `ganforge train dejpeg data=photos/`, or `degrade=jpeg(quality=10..40)`
    """
    base = denoise()
    return replace(base, signal=patches("jpeg(quality=5..90)", 64, 32))


@recipe("dejpeg-small")
def dejpeg_small() -> Recipe:
    """`dejpeg` for two CPU cores: 4 blocks of 24 channels, low qualities.

    Papers: Dong et al. 2015; Zhang et al. 2017. Departures: those of `denoise-small`; qualities from 5 to 40.
    Command: `ganforge train dejpeg-small data=photos/`
    """
    return replace(denoise_small(), signal=patches("jpeg(quality=5..40)", 48, 16))


@recipe("deblur")
def deblur() -> Recipe:
    """Photographs that moved or were out of focus made sharp, against critics at two scales.

    Papers: Kupyn et al. 2018 and 2019 (DeblurGAN): a residual net that corrects the blurred image, patches of 256
    px, a perceptual loss, Adam 1e-4. Departures: the blocks are SRResNet's, at full size; least squares and critics
    at two scales (Wang et al. 2018) in place of Wasserstein with a gradient penalty; the critics' own features in
    place of VGG's; batch 4.
    Command: `ganforge train deblur data=photos/`, or `degrade=defocus(radius=1..6)`
    """
    samples = 4 * M
    return Recipe(
        data=PathData(path="photos"),
        samples=samples,
        batch=4,
        checkpoint_every=80_000,
        log_every=2_000,
        signal=patches("motion(length=5..25)+gaussian(sigma=0..5)", 256, 64),
        task=Paired(
            translator=SrResNet(blocks=16, norm="none"),
            critics=(Multiscale(scales=2),),
            objective=LeastSquares(),
            terms=(Charbonnier(weight=100.0), Perceptual(weight=10.0)),
        ),
        optimizers={"G": Adam(lr=falling(1e-4, samples)), "D": Adam(lr=falling(1e-4, samples))},
        callbacks=seen(40_000),
    )


@recipe("deblur-small")
def deblur_small() -> Recipe:
    """`deblur` for two CPU cores: a small net that learns alone first, then against a critic of patches.

    Papers: Kupyn et al. 2018 and 2019. Departures: those of `deblur`; 6 blocks of 32 channels on a grid half as fine,
    patches of 64 px, one critic, which comes in after half of the samples, batch 8, 1e-3 along a cosine for G, whose
    gradients are clipped.
    Command: `ganforge train deblur-small data=photos/`
    """
    samples = 60_000
    base = deblur()
    task = replace(
        base.task,
        translator=SrResNet(channels=32, blocks=6, norm="none", fold=2),
        critics=(PatchGan(channels=16, max_channels=64, layers=2, norm="spectral"),),
        alone=samples // 2,
    )
    return small(
        base,
        samples,
        batch=8,
        signal=patches("motion(length=3..11)+gaussian(sigma=0..2)", 64, 32),
        task=task,
        # A tenth as steep a gradient is usual. Unclipped, at a steady 1e-3, a run blew up after 4,600 steps.
        optimizers={
            "G": Adam(lr=Cosine(start=1e-3, end=1e-5, over=samples), betas=LATER, clip=100.0),
            "D": Adam(lr=4e-4),
        },
    )


@recipe("old-photo")
def old_photo() -> Recipe:
    """Old photographs restored: blur, grain, scratches, dust and JPEG at once, which a net has to find by itself.

    Paper: Wan et al. 2020 ("Bringing Old Photos Back to Life") for the damage; pix2pixHD (Wang et al. 2018) for the
    game: critics at two scales, least squares, 10 · their features. Departures: synthetic pairs alone, no latent
    spaces; a ResNet translator; 10 · L1.
    Command: `ganforge train old-photo data=photos/`
    """
    base, samples = deblur(), 2 * M
    damage = (
        "blur(sigma=0.3..2)+gaussian(sigma=3..20)+scratches(count=1..8,paint=true)"
        "+dust(paint=true)+jpeg(quality=40..95)"
    )
    return replace(
        base,
        samples=samples,
        signal=patches(damage, 256, 64),
        task=Paired(
            translator=ResnetTranslator(),
            critics=(Multiscale(scales=2),),
            conditional=True,
            objective=LeastSquares(),
            terms=(L1(weight=10.0), FeatureMatch(weight=10.0)),
        ),
        optimizers={"G": Adam(lr=falling(2e-4, samples)), "D": Adam(lr=falling(2e-4, samples))},
    )


@recipe("old-photo-small")
def old_photo_small() -> Recipe:
    """`old-photo` for two CPU cores: 6 blocks of 32 channels that correct the damaged image.

    Papers: Wan et al. 2020; Wang et al. 2018. Departures: those of `old-photo`; the nets and rates of `deblur-small`,
    patches of 64 px, one critic, which comes in after half of the samples, batch 8.
    Command: `ganforge train old-photo-small data=photos/`
    """
    base = deblur_small()
    damage = (
        "blur(sigma=0.3..1)+gaussian(sigma=3..15)+scratches(count=1..3,paint=true)"
        "+dust(count=2..12,paint=true)+jpeg(quality=50..95)"
    )
    return replace(base, signal=patches(damage, 64, 32))
