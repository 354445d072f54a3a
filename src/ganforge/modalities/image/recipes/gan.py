"""The fully connected GANs of the first papers."""

from __future__ import annotations

from dataclasses import replace

from ganforge.losses.adversarial import Minimax, NonSaturating
from ganforge.losses.base import Objective
from ganforge.modalities.image.signal import Image
from ganforge.modalities.image.sources.named import Mnist
from ganforge.nets.mlp import MlpDiscriminator, MlpGenerator
from ganforge.recipes import recipe
from ganforge.recipes.base import Recipe
from ganforge.recipes.optimizer import Adam
from ganforge.tasks.synthesis import Synthesis


@recipe("gan")
def gan() -> Recipe:
    """The first GAN: fully connected nets and the non-saturating game.

    Paper: Goodfellow et al. 2014. Departures: the nets and the optimizer that are usual today (batch norm and LeakyReLU
    instead of maxout and dropout, Adam instead of SGD with momentum), and the running average of G.
    Command: `ganforge train gan data=mnist`
    """
    return fully_connected(NonSaturating())


@recipe("gan-minimax")
def gan_minimax() -> Recipe:
    """The first GAN with its original zero-sum game, in which G saturates while D wins: shows why it is no longer used.

    Paper: Goodfellow et al. 2014, equation 1. Departures: as in `gan`.
    Command: `ganforge train gan-minimax data=mnist`
    """
    return fully_connected(Minimax())


@recipe("cgan")
def cgan() -> Recipe:
    """The first conditional GAN: fully connected nets that both get the label.

    Paper: Mirza & Osindero 2014. Departures: as in `gan`; the label joins the input of the first layer.
    Command: `ganforge train cgan data=mnist`, then `ganforge sample runs/... --label 3`
    """
    base = fully_connected(NonSaturating())
    return replace(base, task=replace(base.task, conditional=True))


def fully_connected(objective: Objective) -> Recipe:
    """What the recipes of this file share: 200 passes over MNIST."""
    return Recipe(
        data=Mnist(),
        samples=12_000_000,
        batch=64,
        checkpoint_every=600_000,
        log_every=10_000,
        signal=Image(),
        task=Synthesis(generator=MlpGenerator(), discriminator=MlpDiscriminator(), objective=objective),
        optimizers={"G": Adam(lr=2e-4), "D": Adam(lr=2e-4)},
    )
