"""Restoration: super-resolution, inpainting, colorization, removal of noise, blur, JPEG artifacts and aging.

Sources are degraded targets.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ganforge.core.schedule import Cosine, Steps, falling
from ganforge.data.path import PathData
from ganforge.engine.callbacks.usual import seen
from ganforge.losses.adversarial import Hinge, LeastSquares, NonSaturating
from ganforge.losses.penalties import R1
from ganforge.losses.relativistic import RaGan
from ganforge.modalities.pair.critics.patchgan import Multiscale, PatchGan
from ganforge.modalities.pair.critics.unet import UnetCritic
from ganforge.modalities.pair.critics.vgg import VggCritic
from ganforge.modalities.pair.degrade.base import Degrade
from ganforge.modalities.pair.losses.reconstruction import L1, L2, Charbonnier, FeatureMatch, Perceptual
from ganforge.modalities.pair.nets.fourier import Fourier
from ganforge.modalities.pair.nets.gated import Gated
from ganforge.modalities.pair.nets.resnet import ResnetTranslator
from ganforge.modalities.pair.nets.super_resolution import RrdbNet, SrResNet
from ganforge.modalities.pair.nets.unet import Unet
from ganforge.modalities.pair.recipes.translation import pix2pix
from ganforge.modalities.pair.signal import Pair
from ganforge.modalities.pair.tasks.paired import Paired
from ganforge.recipes import recipe
from ganforge.recipes.base import Recipe
from ganforge.recipes.ema import Ema
from ganforge.recipes.optimizer import Adam

M = 1_000_000
LATER = (0.9, 0.999)


def patches(degrade: str, size: int, jitter: int) -> Pair:
    """Parts of `size` px of images of any size, mirrored and turned, degraded again each time."""
    return Pair(size=size, jitter=jitter, patches=True, flip=True, turn=True, degrade=Degrade.parse(degrade))


def small(base: Recipe, samples: int = 80_000, **fields: Any) -> Recipe:
    """A recipe for two CPU cores: fewer samples, a steady look at them."""
    return replace(
        base, samples=samples, checkpoint_every=8_000, log_every=400,
        ema=Ema(half_life=2_000), callbacks=seen(2_000), **fields,
    )  # fmt: skip


@recipe("srresnet")
def srresnet() -> Recipe:
    """Images enlarged four times by a residual net that aims at the mean squared error: the most decibels.

    Paper: Ledig et al. 2017: 16 residual blocks of 64 channels with batch norm and PReLU, two pixel shuffles, patches
    of 96 px, batch 16, squared error, Adam 1e-4 (0.9), 1,000,000 steps. Departures: patches are turned and mirrored.
    Command: `ganforge train srresnet data=photos/`, or another scale with `degrade=bicubic2`
    """
    return Recipe(
        data=PathData(path="photos"),
        samples=16 * M,
        batch=16,
        checkpoint_every=160_000,
        log_every=3_200,
        signal=patches("bicubic4", 96, 32),
        task=Paired(translator=SrResNet(residual=False), terms=(L2(),)),
        optimizers={"G": Adam(lr=1e-4, betas=LATER)},
        ema=Ema(half_life=0),
        callbacks=seen(160_000),
    )


@recipe("srresnet-small")
def srresnet_small() -> Recipe:
    """`srresnet` for two CPU cores: 6 blocks of 32 channels on top of the bilinear image.

    Paper: Ledig et al. 2017. Departures: no batch norm, the net corrects the bilinear enlargement (both as in later
    work), Charbonnier's loss (Lai et al. 2017), batch 8, 1e-3 along a cosine to 1e-5, the running average of G.
    Command: `ganforge train srresnet-small data=photos/`
    """
    samples = 160_000
    return small(
        srresnet(),
        samples,
        batch=8,
        task=Paired(translator=SrResNet(channels=32, blocks=6, norm="none"), terms=(Charbonnier(),)),
        optimizers={"G": Adam(lr=Cosine(start=1e-3, end=1e-5, over=samples), betas=LATER)},
    )


@recipe("srgan")
def srgan() -> Recipe:
    """Images enlarged four times, sharp rather than exact: SRResNet, then a critic and a perceptual loss.

    Paper: Ledig et al. 2017: SRResNet for 1,000,000 steps, then 200,000 against a critic in the manner of VGG, patches
    of 96 px, batch 16, Adam 1e-4 (0.9) and a tenth in the second half. Departures: the weights of the three losses are
    those of later work (1e-2 L1, 1 features, 5e-3 adversarial); features are the critic's own, because VGG's weights
    cannot be shipped. If you have them: `task.lens.kind=vgg task.lens.weights=FILE`.
    Command: `ganforge train srgan data=photos/`
    """
    base = srresnet()
    rate = Adam(lr=Steps(start=1e-4, factor=0.1, at=(int(17.6 * M),)), betas=LATER)
    return replace(
        base,
        samples=int(19.2 * M),
        task=Paired(
            translator=SrResNet(residual=False),
            critics=(VggCritic(),),
            objective=NonSaturating(),
            terms=(L1(weight=1e-2), Perceptual(weight=1.0)),
            adversarial=5e-3,
            alone=16 * M,
        ),
        optimizers={"G": rate, "D": rate},
    )


@recipe("srgan-small")
def srgan_small() -> Recipe:
    """`srgan` for two CPU cores: `srresnet-small` for the first half, then a critic of patches.

    Paper: Ledig et al. 2017. Departures: those of `srresnet-small` and `srgan`; a PatchGAN of 34 px with spectral norm;
    the game weighs 2e-2.
    Command: `ganforge train srgan-small data=photos/`
    """
    samples = 120_000
    return small(
        srgan(),
        samples,
        batch=8,
        task=Paired(
            translator=SrResNet(channels=32, blocks=6, norm="none"),
            critics=(PatchGan(channels=24, max_channels=96, layers=2, norm="spectral"),),
            objective=NonSaturating(),
            terms=(L1(weight=1.0), Perceptual(weight=1.0)),
            adversarial=2e-2,
            alone=samples // 2,
        ),
        optimizers={"G": Adam(lr=falling(8e-4, samples), betas=LATER), "D": Adam(lr=2e-4, betas=LATER)},
    )


@recipe("esrgan")
def esrgan() -> Recipe:
    """Images enlarged four times: dense residual blocks without batch norm against a relativistic critic.

    Paper: Wang et al. 2018: RRDB with 23 blocks, L1 alone first, then 1e-2 L1 + features + 5e-3 of the relativistic
    average game, HR patches of 128 px, batch 16, Adam 1e-4 (0.9) halved after 50k, 100k, 200k and 300k steps of the
    second stage, the running average of G (0.999 a step). Departures: one rate in the first stage; the critic's own
    features in place of VGG's (see `srgan`).
    Command: `ganforge train esrgan data=photos/`
    """
    base, alone = srgan(), 16 * M
    rate = Adam(
        lr=Steps(start=1e-4, factor=0.5, at=tuple(alone + 16_000 * k for k in (50, 100, 200, 300))), betas=LATER
    )
    return replace(
        base,
        samples=alone + 400_000 * 16,
        signal=patches("bicubic4", 128, 32),
        task=replace(base.task, translator=RrdbNet(), objective=RaGan(), alone=alone),
        optimizers={"G": rate, "D": rate},
        ema=Ema(half_life=11_000),
    )


@recipe("esrgan-small")
def esrgan_small() -> Recipe:
    """`esrgan` for two CPU cores: 2 dense residual blocks of 32 channels.

    Paper: Wang et al. 2018. Departures: those of `esrgan` and `srgan-small`; 32 channels that grow by 16, batch 4.
    Command: `ganforge train esrgan-small data=photos/`
    """
    base, samples = srgan_small(), 80_000
    task = replace(
        base.task,
        translator=RrdbNet(channels=32, growth=16, blocks=2, residual=True),
        objective=RaGan(),
        alone=samples // 2,
    )
    return replace(base, samples=samples, batch=4, task=task)


@recipe("real-esrgan")
def real_esrgan() -> Recipe:
    """Real photographs enlarged four times: trained on what cameras, programs and the web do to images, twice over.

    Paper: Wang et al. 2021: RRDB with 23 blocks, second-order degradation, a U-Net critic with spectral norm, L1 +
    features + 0.1 of the game, HR patches of 256 px, batch 48, Adam 1e-4 (0.9, 0.99), 1,000,000 steps by L1 alone and
    400,000 of the game, the running average of G (0.999 a step). Departures: targets are not sharpened; the critic's
    own features in place of VGG's (see `srgan`); no pool of pairs.
    Command: `ganforge train real-esrgan data=photos/`
    """
    base, alone = esrgan(), 48 * M
    rate = Adam(lr=1e-4, betas=(0.9, 0.99))
    return replace(
        base,
        samples=alone + 400_000 * 48,
        batch=48,
        signal=patches("second_order", 256, 64),
        task=replace(
            base.task,
            critics=(UnetCritic(),),
            objective=NonSaturating(),
            terms=(L1(), Perceptual()),
            adversarial=0.1,
            alone=alone,
        ),
        optimizers={"G": rate, "D": rate},
        ema=Ema(half_life=33_000),
    )


@recipe("real-esrgan-small")
def real_esrgan_small() -> Recipe:
    """`real-esrgan` for two CPU cores: the nets of `esrgan-small` and a small U-Net critic.

    Paper: Wang et al. 2021. Departures: those of `real-esrgan` and `esrgan-small`; a U-Net critic of 16 channels, HR
    patches of 64 px.
    Command: `ganforge train real-esrgan-small data=photos/`
    """
    base = esrgan_small()
    task = replace(
        base.task,
        critics=(UnetCritic(channels=16, max_channels=64),),
        objective=NonSaturating(),
        terms=(L1(), Perceptual()),
        adversarial=0.1,
    )
    return replace(base, signal=patches("second_order", 64, 32), task=task)


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
