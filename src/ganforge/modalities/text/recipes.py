"""GANs of texts, and the baseline that they are measured against."""

from __future__ import annotations

from ganforge.core.schedule import Cosine, Linear
from ganforge.data.path import PathData
from ganforge.engine.callbacks.curves import Curves
from ganforge.engine.callbacks.previews import Previews
from ganforge.losses.adversarial import NonSaturating
from ganforge.losses.penalties import R1, R2
from ganforge.losses.relativistic import RpGan
from ganforge.modalities.text.nets import TextEncoder, Tokens
from ganforge.modalities.text.pair_signal import TextPairs
from ganforge.modalities.text.signal import Text
from ganforge.modalities.text.source import TextFile
from ganforge.modalities.text.tasks.language_model import LanguageModel
from ganforge.modalities.text.tasks.straight_through import StraightThrough
from ganforge.modalities.text.tasks.style import TextStyle
from ganforge.modalities.text.tasks.text2text import Text2Text
from ganforge.nets.mlp import MlpDiscriminator, MlpGenerator
from ganforge.recipes import recipe
from ganforge.recipes.base import Recipe
from ganforge.recipes.ema import Ema
from ganforge.recipes.optimizer import Adam
from ganforge.tasks.latent_gan import LatentGan


@recipe("text-latent-small")
def text_latent_small() -> Recipe:
    """Texts by a recurrent autoencoder, then a GAN on its latents: sentences, poems, names, in any language.

    Paper: Zhao et al. 2018 (ARAE: a GAN on codes of an autoencoder); Huang et al. 2024 (RpGAN + R1 + R2). Departures:
    the autoencoder is frozen before the GAN begins; its decoder reads the code at every step, and a tenth of the tokens
    that it reads beside it are hidden.
    Command: `ganforge train data=poems.txt --minutes 10`
    """
    samples, ae = 900_000, 300_000
    learning = Adam(lr=Cosine(start=3e-3, end=3e-4, over=ae), betas=(0.9, 0.999))
    adversarial = Adam(lr=Cosine(start=1e-3, end=1e-4, over=samples), betas=(0.0, 0.99))
    return Recipe(
        data=PathData(path="texts.txt"),
        samples=samples,
        batch=32,
        checkpoint_every=50_000,
        log_every=5_000,
        signal=Text(),
        task=LatentGan(
            encoder=TextEncoder(cell="lstm"),
            likelihood=Tokens(cell="lstm", hide=0.1, dropout=0.2),
            generator=MlpGenerator(latent=64, widths=(256, 256, 256), norm="batch"),
            discriminator=MlpDiscriminator(widths=(256, 256, 256)),
            objective=RpGan(),
            penalties=(R1(weight=0.1), R2(weight=0.1)),
            autoencoder=ae,
            noise=0.3,
        ),
        optimizers={"E": learning, "R": learning, "G": adversarial, "D": adversarial},
        ema=Ema(half_life=2_000),
        callbacks=(Previews(every=50_000, rows=20, columns=1), Curves()),
    )


@recipe("text-st-small")
def text_st_small() -> Recipe:
    """Short texts of a fixed form, such as quatrains, all tokens at once by the straight-through Gumbel estimator.

    Paper: Jang et al. 2017 (the estimator); Huang et al. 2024 (RpGAN + R1 + R2). Departures: both together; the critic
    reads the frozen embeddings of a language model.
    Command: `ganforge train text-st-small data=poems.txt --minutes 30`
    """
    samples, first = 300_000, 20_000
    adversarial = Adam(lr=Cosine(start=1e-3, end=1e-4, over=samples), betas=(0.0, 0.99))
    return Recipe(
        data=PathData(path="texts.txt"),
        samples=samples,
        batch=32,
        checkpoint_every=50_000,
        log_every=5_000,
        signal=Text(),
        task=StraightThrough(
            objective=RpGan(),
            penalties=(
                R1(weight=Linear(start=1.0, end=0.1, over=samples // 2)),
                R2(weight=Linear(start=1.0, end=0.1, over=samples // 2)),
            ),
            pretrain=first,
            temperature=Linear(start=1.0, end=0.5, over=samples),
        ),
        optimizers={
            "L": Adam(lr=Cosine(start=3e-3, end=3e-4, over=first), betas=(0.9, 0.999)),
            "G": adversarial,
            "D": adversarial,
        },
        ema=Ema(half_life=2_000),
        callbacks=(Previews(every=50_000, rows=20, columns=1), Curves()),
    )


@recipe("text2text-small")
def text2text_small() -> Recipe:
    """A text from another one, such as a summary from an article: words of its own and words copied, and a critic.

    Paper: See et al. 2017 (pointer-generator); Liu et al. 2018 (a critic of summaries, policy gradient). Departures:
    GRUs, no coverage, the likelihood stays in the loss.
    Command: `ganforge train data=articles.jsonl`; then `ganforge translate RUN new.txt --out short.txt`
    """
    samples = 300_000
    return Recipe(
        data=TextFile(path="articles.jsonl", column="summary", source="article"),
        samples=samples,
        batch=32,
        checkpoint_every=50_000,
        log_every=5_000,
        signal=TextPairs(),
        task=Text2Text(objective=NonSaturating()),
        optimizers={
            "G": Adam(lr=Cosine(start=2e-3, end=2e-4, over=samples), betas=(0.9, 0.999), clip=5.0),
            "D": Adam(lr=2e-4, betas=(0.5, 0.999)),
        },
        ema=Ema(half_life=2_000),
        callbacks=(Previews(every=50_000, rows=6, columns=3), Curves()),
    )


@recipe("text-style-small")
def text_style_small() -> Recipe:
    """Style transfer: sentences of one class rewritten as those of another (formal, informal), without pairs.

    An autoencoder whose latents do not tell the class, which its decoder is given instead.

    Paper: Zhao et al. 2018 (ARAE, its extension for transfer). Departures: see the task; GRUs, Adam, an encoder that
    reads both ways.
    Command: `ganforge train text-style-small data=styles/`, a .txt file each class; then `ganforge translate RUN
    sentences.txt --where "label=formal" --out new.txt`
    """
    samples = 300_000
    return Recipe(
        data=PathData(path="styles"),
        samples=samples,
        batch=32,
        checkpoint_every=50_000,
        log_every=5_000,
        signal=Text(),
        task=TextStyle(encoder=TextEncoder()),
        optimizers={
            "E": Adam(lr=Cosine(start=2e-3, end=2e-4, over=samples), betas=(0.9, 0.999)),
            "R": Adam(lr=Cosine(start=2e-3, end=2e-4, over=samples), betas=(0.9, 0.999)),
            "D": Adam(lr=1e-3, betas=(0.5, 0.999)),
        },
        ema=Ema(half_life=2_000),
        callbacks=(Previews(every=50_000, rows=6, columns=3), Curves()),
    )


@recipe("lm")
def lm() -> Recipe:
    """A recurrent language model by maximum likelihood: the baseline of GANs of texts, sampled at any temperature.

    Paper: Caccia et al. 2020 (what it takes to beat one). Departures: one layer of 256 units and tied embeddings.
    Command: `ganforge train lm data=poems.txt --minutes 10`
    """
    samples = 300_000
    return Recipe(
        data=PathData(path="texts.txt"),
        samples=samples,
        batch=32,
        checkpoint_every=50_000,
        log_every=5_000,
        signal=Text(),
        task=LanguageModel(),
        optimizers={"G": Adam(lr=Cosine(start=3e-3, end=3e-4, over=samples), betas=(0.9, 0.999))},
        ema=Ema(half_life=2_000),
        callbacks=(Previews(every=50_000, rows=20, columns=1), Curves()),
    )
