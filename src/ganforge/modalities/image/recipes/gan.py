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
    """The original GAN: fully connected nets and the non-saturating loss.

    Paper: Goodfellow et al. 2014. Departures: nets and optimizer that are common today (batch norm and LeakyReLU
    instead of maxout and dropout, Adam instead of SGD with momentum), and EMA of G.
    Command: `ganforge train gan data=mnist`
    """
    return fully_connected(NonSaturating())


@recipe("gan-minimax")
def gan_minimax() -> Recipe:
    """The original GAN with the minimax loss, whose gradient for G vanishes while D is confident; of historical
    interest.

    Paper: Goodfellow et al. 2014, equation 1. Departures: as in `gan`.
    Command: `ganforge train gan-minimax data=mnist`
    """
    return fully_connected(Minimax())


@recipe("cgan")
def cgan() -> Recipe:
    """The original conditional GAN: fully connected nets with labels in G and D.

    Paper: Mirza & Osindero 2014. Departures: as in `gan`; the label is added to the input of the first layer.
    Command: `ganforge train cgan data=mnist`, then `ganforge sample runs/... --label 3`
    """
    base = fully_connected(NonSaturating())
    return replace(base, task=replace(base.task, conditional=True))


def fully_connected(objective: Objective) -> Recipe:
    """Shared by the recipes of this file: 200 passes over MNIST."""
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
