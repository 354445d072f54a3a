"""Super-resolution: images enlarged four times, exactly (srresnet) or sharply (srgan, esrgan, real-esrgan).

Sources are the targets, reduced.
"""

from __future__ import annotations

from dataclasses import replace

from ganforge.core.schedule import Cosine, Steps, falling
from ganforge.data.path import PathData
from ganforge.engine.callbacks.usual import seen
from ganforge.losses.adversarial import NonSaturating
from ganforge.losses.relativistic import RaGan
from ganforge.modalities.pair.critics.patchgan import PatchGan
from ganforge.modalities.pair.critics.unet import UnetCritic
from ganforge.modalities.pair.critics.vgg import VggCritic
from ganforge.modalities.pair.losses.reconstruction import L1, L2, Charbonnier, Perceptual
from ganforge.modalities.pair.nets.super_resolution import RrdbNet, SrResNet
from ganforge.modalities.pair.recipes.photos import LATER, M, patches, small
from ganforge.modalities.pair.tasks.paired import Paired
from ganforge.recipes import recipe
from ganforge.recipes.base import Recipe
from ganforge.recipes.ema import Ema
from ganforge.recipes.optimizer import Adam


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
