"""One kind of image into another: from pairs (pix2pix), and from two sets that do not match (CycleGAN, CUT)."""

from __future__ import annotations

from dataclasses import replace

from ganforge.core.schedule import falling
from ganforge.engine.callbacks.usual import seen
from ganforge.losses.adversarial import LeastSquares, NonSaturating
from ganforge.modalities.image.signal import Image
from ganforge.modalities.pair.critics.patchgan import PatchGan
from ganforge.modalities.pair.losses.perceptual import Random
from ganforge.modalities.pair.losses.reconstruction import L1, FeatureMatch, Style
from ganforge.modalities.pair.nets.resnet import ResnetTranslator
from ganforge.modalities.pair.nets.unet import Unet
from ganforge.modalities.pair.signal import Pair
from ganforge.modalities.pair.source import Domains, Pairs
from ganforge.modalities.pair.tasks.contrastive import Contrastive
from ganforge.modalities.pair.tasks.paired import Paired
from ganforge.modalities.pair.tasks.unpaired import Unpaired
from ganforge.recipes import recipe
from ganforge.recipes.base import Recipe
from ganforge.recipes.ema import Ema
from ganforge.recipes.optimizer import Adam


@recipe("pix2pix")
def pix2pix() -> Recipe:
    """Images from label maps, sketches or maps, learned from pairs: a U-Net against a critic of patches.

    Paper: Isola et al. 2017: U-Net-256, PatchGAN of 70×70 px that sees the source too, cross-entropy with D's loss
    halved, 100 · L1, Adam 2e-4 (0.5, 0.999), batch 1, images of 286 px cut to 256 and mirrored, 100 epochs of 400
    pairs and 100 more with a falling rate. Departures: instance norm, which batch norm is with one image a batch; no
    dropout when it is used.
    Command: `ganforge train pix2pix data.source=labels/ data.target=photos/`, files of a pair named alike
    """
    samples = 80_000
    return Recipe(
        data=Pairs(),
        samples=samples,
        batch=1,
        checkpoint_every=8_000,
        log_every=400,
        signal=Pair(size=256, jitter=30, flip=True),
        task=Paired(
            translator=Unet(norm="instance"),
            critics=(PatchGan(norm="instance"),),
            conditional=True,
            objective=NonSaturating(),
            terms=(L1(weight=100.0),),
            d_gain=0.5,
        ),
        optimizers={"G": Adam(lr=falling(2e-4, samples)), "D": Adam(lr=falling(2e-4, samples))},
        ema=Ema(half_life=0),
        callbacks=seen(2_000),
    )


@recipe("pix2pix-small")
def pix2pix_small() -> Recipe:
    """`pix2pix` for two CPU cores: images of 64 px, a quarter of the channels, and batches.

    Paper: Isola et al. 2017. Departures: 64 px cut from 72, 16 channels and patches of 34 px, batch 8, 4e-4,
    shuffled channels for transposed convolutions, the critic's layers as a second yardstick (Wang et al. 2018), and
    the running average of G.
    Command: `ganforge train pix2pix-small data.source=labels/ data.target=photos/`
    """
    base = pix2pix()
    return replace(
        base,
        batch=8,
        signal=Pair(size=64, jitter=8, flip=True),
        task=Paired(
            translator=Unet(channels=16, max_channels=128, norm="instance", upsample="shuffle"),
            critics=(PatchGan(channels=16, max_channels=64, layers=2, norm="instance"),),
            conditional=True,
            objective=NonSaturating(),
            terms=(L1(weight=100.0), FeatureMatch(weight=10.0)),
            d_gain=0.5,
        ),
        optimizers={"G": Adam(lr=falling(4e-4, base.samples)), "D": Adam(lr=falling(4e-4, base.samples))},
        ema=Ema(half_life=2_000),
        log_every=800,
    )


@recipe("line2color")
def line2color() -> Recipe:
    """Line drawings colored in, learned from drawings and what they look like in color.

    Paper: Isola et al. 2017, on edges: `pix2pix` as it stands. Transparent images lie on white. Departures: the
    critic's layers as a second yardstick (Wang et al. 2018), which keeps flat areas flat.
    Command: `ganforge train line2color data.source=line/ data.target=color/`
    """
    base = pix2pix()
    task = replace(base.task, terms=(L1(weight=100.0), FeatureMatch(weight=10.0)))
    return replace(base, signal=replace(base.signal, mode="RGB", source="L"), task=task)


@recipe("line2color-small")
def line2color_small() -> Recipe:
    """`line2color` for two CPU cores: images of 64 px and a quarter of the channels.

    Paper: Isola et al. 2017. Departures: those of `pix2pix-small`.
    Command: `ganforge train line2color-small data.source=line/ data.target=color/`
    """
    base = pix2pix_small()
    return replace(base, signal=replace(base.signal, mode="RGB", source="L"))


@recipe("cyclegan")
def cyclegan() -> Recipe:
    """Horses into zebras and back, learned from a set of each, no two of which match.

    Paper: Zhu et al. 2017: ResNet-9 translators, PatchGANs of 70×70 px with instance norm, least squares, cycle 10,
    identity 0.5 of that, pools of 50 fakes, Adam 2e-4 (0.5, 0.999), batch 1, images of 286 px cut to 256 and
    mirrored, 100 epochs of about 1,000 images and 100 more with a falling rate. Departures: none known; the paper's
    least squares have no halves, hence adversarial=2, and its D halves the loss, as ours does by itself.
    Command: `ganforge train cyclegan data.a=horses/ data.b=zebras/`
    """
    samples = 200_000
    rate = Adam(lr=falling(2e-4, samples))
    return Recipe(
        data=Domains(),
        samples=samples,
        batch=1,
        checkpoint_every=10_000,
        log_every=500,
        signal=Image(size=256, jitter=30, flip=True),
        task=Unpaired(
            translator=ResnetTranslator(),
            critic=PatchGan(norm="instance"),
            objective=LeastSquares(),
            adversarial=2.0,
        ),
        optimizers={"G_ab": rate, "G_ba": rate, "D_a": rate, "D_b": rate},
        ema=Ema(half_life=0),
        callbacks=seen(2_000),
    )


@recipe("cyclegan-small")
def cyclegan_small() -> Recipe:
    """`cyclegan` for two CPU cores: images of 48 px, a quarter of the channels, a third of the blocks.

    Paper: Zhu et al. 2017. Departures: 48 px cut from 54, 16 channels, 3 blocks, grids doubled by shuffling, patches of
    34 px, batch 2, 4e-4, and the running average of the translators.
    Command: `ganforge train cyclegan-small data.a=horses/ data.b=zebras/`
    """
    base, samples = cyclegan(), 24_000
    rate = Adam(lr=falling(4e-4, samples))
    return replace(
        base,
        samples=samples,
        batch=2,
        signal=Image(size=48, jitter=6, flip=True),
        task=replace(
            base.task,
            translator=ResnetTranslator(channels=16, blocks=3, upsample="shuffle"),
            critic=PatchGan(channels=16, max_channels=64, layers=2, norm="instance"),
        ),
        optimizers={"G_ab": rate, "G_ba": rate, "D_a": rate, "D_b": rate},
        ema=Ema(half_life=2_000),
        callbacks=seen(2_000),
    )


@recipe("cut")
def cut() -> Recipe:
    """Horses into zebras, one way: each place must stay recognizable, which takes no way back and half the nets.

    Paper: Park et al. 2020: ResNet-9, PatchGAN of 70×70 px, least squares, contrast of 256 places in five layers at
    τ 0.07, as much on zebras themselves, Adam 2e-4 (0.5, 0.999), batch 1, 286 px cut to 256, 200 epochs of about 1,000
    images and 200 more with a falling rate. Departures: CycleGAN's translator, whose halvings are not smoothed.
    FastCUT: `task.nce=10 task.identity=0`.
    Command: `ganforge train cut data.a=horses/ data.b=zebras/`
    """
    base, samples = cyclegan(), 400_000
    rate = Adam(lr=falling(2e-4, samples))
    return replace(
        base,
        samples=samples,
        task=Contrastive(
            translator=ResnetTranslator(),
            critic=PatchGan(norm="instance"),
            objective=LeastSquares(),
            adversarial=2.0,
            layers=(0, 2, 3, 4, 8),
        ),
        optimizers={"G": rate, "D": rate, "H": rate},
    )


@recipe("cut-small")
def cut_small() -> Recipe:
    """`cut` for two CPU cores: images of 48 px, a quarter of the channels, a third of the blocks.

    Paper: Park et al. 2020. Departures: 48 px cut from 54, 16 channels, 3 blocks, grids doubled by shuffling, patches
    of 34 px, contrast of 64 places in four layers, batch 4, 4e-4, and the running average of G.
    Command: `ganforge train cut-small data.a=horses/ data.b=zebras/`
    """
    base, samples = cut(), 32_000
    rate = Adam(lr=falling(4e-4, samples))
    return replace(
        base,
        samples=samples,
        batch=4,
        signal=Image(size=48, jitter=6, flip=True),
        task=replace(
            base.task,
            translator=ResnetTranslator(channels=16, blocks=3, upsample="shuffle"),
            critic=PatchGan(channels=16, max_channels=64, layers=2, norm="instance"),
            layers=(0, 2, 3, 5),
            patches=64,
            width=64,
        ),
        optimizers={"G": rate, "D": rate, "H": rate},
        ema=Ema(half_life=2_000),
        callbacks=seen(2_000),
    )


@recipe("restyle")
def restyle() -> Recipe:
    """The style of one image onto another, learned from these two alone; what is learned works on other images too.

    Papers: Park et al. 2020, section 4.4, one image a side: patches of both, contrast that keeps what is where;
    Gatys et al. 2016 for the Gram matrices of style, here through random filters (Ustyuzhaninov et al. 2017), which
    need no weights. Departures: CycleGAN's translator with 6 blocks and a PatchGAN of 34 px for StyleGAN2's nets;
    both images are brought to 320 px first.
    Command: `ganforge train restyle content.jpg style.jpg`, then `ganforge translate runs/... content.jpg`
    """
    return Recipe(
        data=Domains(),
        samples=100_000,
        batch=8,
        checkpoint_every=10_000,
        log_every=400,
        signal=Image(size=128, jitter=192, flip=True),
        task=Contrastive(
            translator=ResnetTranslator(blocks=6),
            critic=PatchGan(layers=2, norm="instance"),
            objective=LeastSquares(),
            terms=(Style(weight=20.0),),
            lens=Random(),
            nce=4.0,
            identity=1.0,
            layers=(0, 2, 3, 4, 6),
        ),
        optimizers={"G": Adam(lr=2e-4), "D": Adam(lr=2e-4), "H": Adam(lr=2e-4)},
        ema=Ema(half_life=2_000),
        callbacks=seen(2_000),
    )


@recipe("restyle-small")
def restyle_small() -> Recipe:
    """`restyle` for two CPU cores: patches of 64 px, small nets, something to see after a few minutes.

    Papers: Park et al. 2020; Gatys et al. 2016. Departures: those of `restyle`; 16 channels, 3 blocks, batch 2, 1e-3.
    Command: `ganforge train restyle-small content.jpg style.jpg --minutes 10`
    """
    base = restyle()
    return replace(
        base,
        samples=10_000,
        batch=2,
        signal=Image(size=64, jitter=192, flip=True),
        task=replace(
            base.task,
            translator=ResnetTranslator(channels=16, blocks=3, upsample="nearest"),
            critic=PatchGan(channels=16, max_channels=64, layers=2, norm="instance"),
            lens=Random(filters=16, widths=(3, 7)),
            layers=(0, 2, 3, 5),
            patches=64,
            width=64,
        ),
        optimizers={"G": Adam(lr=1e-3), "D": Adam(lr=4e-4), "H": Adam(lr=1e-3)},
        ema=Ema(half_life=400),
        callbacks=seen(500),
    )
