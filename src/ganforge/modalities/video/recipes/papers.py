"""Recipes for films as their papers have them."""

from __future__ import annotations

from ganforge.data.path import PathData
from ganforge.engine.callbacks.usual import seen
from ganforge.losses.adversarial import NonSaturating, Wasserstein
from ganforge.losses.penalties import R1
from ganforge.modalities.video.nets.stylegan_v import StyleGanVDiscriminator, StyleGanVGenerator
from ganforge.modalities.video.nets.tgan import TganDiscriminator, TganGenerator
from ganforge.modalities.video.nets.vgan import VganDiscriminator, VganGenerator
from ganforge.modalities.video.signal import Video
from ganforge.modalities.video.singular import SingularRMSprop
from ganforge.modalities.video.tasks.mocogan import Mocogan
from ganforge.modalities.video.tasks.stylegan_v import StyleGanV
from ganforge.modalities.video.tasks.vgan import Vgan
from ganforge.recipes import recipe
from ganforge.recipes.base import Recipe
from ganforge.recipes.ema import Ema
from ganforge.recipes.optimizer import Adam, RMSprop
from ganforge.tasks.synthesis import Synthesis

OFF = Ema(half_life=0)
CLIPS = PathData(path="./clips")


@recipe("vgan")
def vgan() -> Recipe:
    """VGAN: a moving foreground before a background that stands still, for 32 frames of 64 px.

    Paper: Vondrick, Pirsiavash & Torralba 2016. Departures: the norm of the mask is a mean (see the task), and films
    are not stabilized first.
    Command: `ganforge train vgan data=./clips`
    """
    adam = Adam(lr=2e-4, betas=(0.5, 0.999))
    return Recipe(
        data=CLIPS,
        samples=2_000_000,
        batch=64,
        checkpoint_every=50_000,
        log_every=2_000,
        signal=Video(size=64),
        task=Vgan(generator=VganGenerator(), discriminator=VganDiscriminator(), objective=NonSaturating()),
        optimizers={"G": adam, "D": adam},
        ema=OFF,
        callbacks=seen(50_000, columns=4),
    )


@recipe("tgan")
def tgan() -> Recipe:
    """TGAN: a latent for every frame and a net that draws them, a critic with clipped singular values.

    Paper: Saito, Matsumoto & Saito 2017; 16 frames of 64 px. Departures: none known; one step of D for one of G.
    Command: `ganforge train tgan data=./clips`
    """
    return Recipe(
        data=CLIPS,
        samples=3_200_000,
        batch=32,
        checkpoint_every=50_000,
        log_every=2_000,
        signal=Video(size=64, frames=16),
        task=Synthesis(generator=TganGenerator(), discriminator=TganDiscriminator(), objective=Wasserstein()),
        optimizers={"G": RMSprop(lr=5e-5), "D": SingularRMSprop(lr=5e-5)},
        ema=OFF,
        callbacks=seen(50_000, columns=4),
    )


@recipe("mocogan")
def mocogan() -> Recipe:
    """MoCoGAN: content that stays and motion from a recurrent net, a critic of frames and one of films.

    Paper: Tulyakov et al. 2018, written from it; 16 frames of 64 px; of its films of people every
    fourth frame (`signal.stride=4`). Departures: categories are labels, with `task.conditional=true`; both critics get
    batches of 32.
    Command: `ganforge train mocogan data=./clips`
    """
    adam = Adam(lr=2e-4, betas=(0.5, 0.999), weight_decay=1e-5)
    return Recipe(
        data=CLIPS,
        samples=3_200_000,
        batch=32,
        checkpoint_every=50_000,
        log_every=2_000,
        signal=Video(size=64, frames=16),
        task=Mocogan(objective=NonSaturating()),
        optimizers=dict.fromkeys(("G", "D_I", "D_V"), adam),
        ema=OFF,
        callbacks=seen(50_000, columns=4),
    )


@recipe("stylegan-v")
def stylegan_v() -> Recipe:
    """StyleGAN-V: StyleGAN2 with a code of motion at each time, for films of any length at 256 px. For GPUs.

    Paper: Skorokhodov, Tulyakov & Elhoseiny 2022; 25 M films, four GPUs for two days. Departures: see the nets.
    Command: `ganforge train stylegan-v data=./clips`
    """
    share = 16 / 17  # R1 is a step of its own every 16th iteration
    return Recipe(
        data=CLIPS,
        samples=25_000_000,
        batch=64,
        checkpoint_every=200_000,
        log_every=5_000,
        signal=Video(size=256),
        task=StyleGanV(
            generator=StyleGanVGenerator(),
            discriminator=StyleGanVDiscriminator(),
            objective=NonSaturating(),
            penalties=(R1(weight=1.0, every=16),),
        ),
        optimizers={"G": Adam(lr=0.0025, betas=(0.0, 0.99)), "D": Adam(lr=0.0025 * share, betas=(0.0, 0.99**share))},
        ema=Ema(half_life=20_000),
        callbacks=seen(200_000, columns=4),
    )
