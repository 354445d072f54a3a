"""Recipes of texts as their papers have them, stages and all.

Their stages are lengths of the papers' data and machines: on a CPU they take days. To shorten one, lower all of its
stages together, as in `samples=300k task.pretrain=200k task.cooling=100k` for relgan.
"""

from __future__ import annotations

from ganforge.core.schedule import Steps
from ganforge.data.path import PathData
from ganforge.engine.callbacks.curves import Curves
from ganforge.engine.callbacks.previews import Previews
from ganforge.losses.relativistic import RpGan
from ganforge.modalities.text.signal import Text
from ganforge.modalities.text.tasks.arae import Arae
from ganforge.modalities.text.tasks.relgan import RelGan
from ganforge.modalities.text.tasks.scratchgan import ScratchGan
from ganforge.modalities.text.tasks.seqgan import SeqGan
from ganforge.recipes import recipe
from ganforge.recipes.base import Recipe
from ganforge.recipes.ema import Ema
from ganforge.recipes.optimizer import SGD, Adam

OFF = Ema(half_life=0)
DATA = PathData(path="texts.txt")
USUAL = (0.9, 0.999)


def seen(every: int) -> tuple[Previews, Curves]:
    return Previews(every=every, rows=20, columns=1), Curves()


@recipe("seqgan")
def seqgan() -> Recipe:
    """SeqGAN: a language model, then policy gradient by roll-outs that a convolutional critic scores.

    Paper: Yu et al. 2017. Departures: see the task; stages are those of 10,000 texts: 120 passes of maximum likelihood,
    150 of D, then 200 steps of G with 15 passes of D between them.
    Command: `ganforge train seqgan data=texts.txt`
    """
    first, critic, each = 1_200_000, 1_500_000, 2_343
    return Recipe(
        data=DATA,
        samples=first + critic + 200 * each * 64,
        batch=64,
        checkpoint_every=500_000,
        log_every=20_000,
        signal=Text(),
        task=SeqGan(pretrain=first, critic_pretrain=critic, g_every=each),
        optimizers={"G": Adam(lr=1e-2, betas=USUAL, clip=5.0), "D": Adam(lr=1e-4, betas=USUAL)},
        ema=OFF,
        callbacks=seen(500_000),
    )


@recipe("relgan")
def relgan() -> Recipe:
    """RelGAN: a relational memory, a Gumbel softmax that gets colder, and a critic with 64 views of a text.

    Paper: Nie, Narodytska & Patel 2019. Departures: see the task; stages are those of 10,000 texts: 150 passes of
    maximum likelihood, then 2,000 steps of G with 5 of D each.
    Command: `ganforge train relgan data=texts.txt`
    """
    first, adversarial = 1_500_000, 2_000 * 5 * 64
    return Recipe(
        data=DATA,
        samples=first + adversarial,
        batch=64,
        checkpoint_every=100_000,
        log_every=20_000,
        signal=Text(),
        task=RelGan(objective=RpGan(), pretrain=first, cooling=adversarial),
        optimizers={
            "G": Adam(lr=Steps(start=1e-2, factor=1e-2, at=(first,)), betas=USUAL, clip=5.0),
            "D": Adam(lr=1e-4, betas=USUAL, clip=5.0),
        },
        ema=OFF,
        callbacks=seen(100_000),
    )


@recipe("scratchgan")
def scratchgan() -> Recipe:
    """ScratchGAN: policy gradient with a reward for every token and a batch of 512, without any pre-training.

    Paper: de Masson d'Autume et al. 2019. Departures: see the task (no GloVe).
    Command: `ganforge train scratchgan data=texts.txt`
    """
    return Recipe(
        data=DATA,
        samples=200_000 * 512,
        batch=512,
        checkpoint_every=500_000,
        log_every=50_000,
        signal=Text(),
        task=ScratchGan(),
        optimizers={"G": Adam(lr=9.59e-5, betas=(0.5, 0.999)), "D": Adam(lr=9.38e-3, betas=(0.5, 0.999))},
        ema=OFF,
        callbacks=seen(500_000),
    )


@recipe("arae")
def arae() -> Recipe:
    """ARAE: an autoencoder of texts and a GAN on its codes, which pulls at the codes while both learn.

    Paper: Zhao et al. 2018. Departures: see the task; 15 passes over 700,000 texts (SNLI), as in the paper's code.
    Command: `ganforge train arae data=texts.txt`
    """
    adversarial = Adam(lr=1e-4, betas=(0.5, 0.999))
    return Recipe(
        data=DATA,
        samples=15 * 700_000 * 5,  # the clock runs five batches for each one of the autoencoder
        batch=64,
        checkpoint_every=500_000,
        log_every=20_000,
        signal=Text(),
        task=Arae(),
        optimizers={"E": SGD(lr=1.0, clip=1.0), "R": SGD(lr=1.0, clip=1.0), "G": adversarial, "D": adversarial},
        ema=OFF,
        callbacks=seen(500_000),
    )
